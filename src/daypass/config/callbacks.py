"""Where each provider sends people back to: on their own machine, and at the CA's own pages.

With several providers each has an address of its own. At one address for all, a provider that lies could have a
person sign in at another one, and have the code brought to itself (the mix-up attack, RFC 9700 section 4.4.2): not
every provider says in its answer who it is (RFC 9207).
"""

from __future__ import annotations

from collections.abc import Iterator

from daypass.config.schema import Config, ProviderSection

__all__ = ["CALLBACK", "LOOPBACK", "callbacks", "loopback_path", "redirects"]

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


def redirects(config: Config, provider: ProviderSection) -> Iterator[str]:
    """Where the provider sends people back to: their own machine (any port, RFC 8252 section 7.3, unless ports are
    listed), and the CA's pages."""
    for port in provider.redirect_ports or ("",):
        yield f"http://{provider.redirect_host}{port and f':{port}'}{loopback_path(config, provider.name)}"
    if (address := callbacks(config).get(provider.name)) is not None:
        yield f"{address} (client {provider.web_client_id})" if provider.web_client_id else address


def _own(config: Config, provider: str) -> str:
    return f"/{provider}" if len(config.providers) > 1 else ""
