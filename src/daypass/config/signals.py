"""What providers may send of their own accord: back-channel logouts and security events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from daypass.config.problem import Problem, error, warning
from daypass.config.schema import ProviderSection, SignalsSection
from daypass.config.values import Fault, algorithm_faults, issuer_fault, path_fault, said

__all__ = ["signal_faults"]


def signal_faults(provider: ProviderSection, path: str) -> Iterator[Problem]:
    if provider.signals is not None:
        yield from _signals(provider.signals, provider, f"{path}.signals")


def _signals(signals: SignalsSection, provider: ProviderSection, path: str) -> Iterator[Problem]:
    if not signals.audience.strip():
        yield error(f"{path}.audience", "is empty", "what the transmitter calls this CA, as its stream was set up")
    if signals.issuer:
        yield from said(f"{path}.issuer", issuer_fault(signals.issuer))
    if signals.jwks_uri:
        yield from said(f"{path}.jwks_uri", _url_fault(signals.jwks_uri))
    yield from algorithm_faults(signals.algorithms, f"{path}.algorithms")
    if "{tenantid}" in provider.issuer and not signals.issuer:
        yield error(f"{path}.issuer", "is missing: this provider is as many issuers as it has tenants")
    yield from _polled(signals, path)


def _polled(signals: SignalsSection, path: str) -> Iterator[Problem]:
    if signals.poll_url:
        yield from said(f"{path}.poll_url", _url_fault(signals.poll_url))
    if signals.poll_token_file:
        yield from said(f"{path}.poll_token_file", path_fault(Path(signals.poll_token_file)))
    if signals.poll_url and not signals.poll_token_file:
        yield error(f"{path}.poll_token_file", "is missing", "a file with the bearer token that the transmitter gave")
    if signals.poll_token_file and not signals.poll_url:
        yield warning(f"{path}.poll_token_file", "says nothing without poll_url: nothing is polled")


def _url_fault(url: str) -> Fault:
    """Like an issuer's, with a query where it has one."""
    try:
        bare = urlsplit(url)._replace(query="").geturl()
    except ValueError:
        return issuer_fault(url)
    return issuer_fault(bare)
