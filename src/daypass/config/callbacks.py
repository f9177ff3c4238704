"""Where each provider sends people back to, at the CA's own pages.

With several providers each has an address of its own. At one address for all, a provider that lies could have a
person sign in at another one, and have the code brought to itself (the mix-up attack, RFC 9700 section 4.4.2): not
every provider says in its answer who it is (RFC 9207).
"""

from __future__ import annotations

from daypass.config.schema import Config

__all__ = ["CALLBACK", "callbacks"]

CALLBACK = "/device/callback"  # below the pages' URL


def callbacks(config: Config) -> dict[str, str]:
    """The redirect address to be registered at each provider, by its name; none without pages."""
    if config.pages is None:
        return {}
    address = f"{config.pages.url.rstrip('/')}{CALLBACK}"
    several = len(config.providers) > 1
    return {each.name: f"{address}/{each.name}" if several else address for each in config.providers}
