"""Where each provider sends people back to: on their own machine, and at the CA's own pages.

With several providers each has an address of its own. At one address for all, a provider that lies could have a
person sign in at another one, and have the code brought to itself (the mix-up attack, RFC 9700 section 4.4.2): not
every provider says in its answer who it is (RFC 9207).
"""

from __future__ import annotations

from daypass.config.schema import Config

__all__ = ["CALLBACK", "LOOPBACK", "callbacks", "loopback_path"]

CALLBACK = "/device/callback"  # below the pages' URL
LOOPBACK = "/callback"  # on the person's own machine


def callbacks(config: Config) -> dict[str, str]:
    """The redirect address to be registered at each provider, by its name; none without pages."""
    if config.pages is None:
        return {}
    address = f"{config.pages.url.rstrip('/')}{CALLBACK}"
    return {each.name: address + _own(config, each.name) for each in config.providers}


def loopback_path(config: Config, provider: str) -> str:
    """The path of the redirect address on a person's own machine; the same for the client and for check-config."""
    return LOOPBACK + _own(config, provider)


def _own(config: Config, provider: str) -> str:
    return f"/{provider}" if len(config.providers) > 1 else ""
