"""A small company to decide about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daypass.config import CaSection, Config, HostsSection, KeySection, ProviderSection


def config(**changes: Any) -> Config:
    settings: dict[str, Any] = {
        "config_version": 1,
        "ca": CaSection(name="Example", url="https://ca.example.com"),
        "keys": [KeySection(use=use, file=Path("/etc/daypass") / use) for use in ("user", "host", "bundle", "tls")],
        "hosts": HostsSection(domains=["*.example.com"]),
        "providers": [ProviderSection(name="idp", issuer="https://idp.example.com", client_id="daypass")],
    }
    return Config(**(settings | changes))
