"""The audience that a job asks its platform for: this CA, and the key that is to be certified.

    URL#key=SHA256:<43 characters of base64>

A platform that mints a token on demand signs it, so the token is good for nothing but that key. Where tokens are made
before there is a key (GitLab, Kubernetes), the audience is the URL alone.
"""

from __future__ import annotations

__all__ = ["audience_for", "split_audience"]

_KEY = "#key="


def audience_for(url: str, fingerprint: str) -> str:
    """`fingerprint`: SHA256:… as ssh-keygen -l shows it."""
    return f"{url}{_KEY}{fingerprint}"


def split_audience(audience: str) -> tuple[str, str]:
    """URL and fingerprint; "" for a token that is bound to no key."""
    url, _, fingerprint = audience.partition(_KEY)
    return url, fingerprint
