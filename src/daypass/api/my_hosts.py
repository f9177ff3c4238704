"""What one may reach: GET /v1/me/hosts answers this, signed as a laptop's bundle is."""

from __future__ import annotations

import msgspec

__all__ = ["MyAccount", "MyHost", "MyHosts"]


class MyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`narrow`: only by `daypass login --role`."""

    account: str
    role: str
    narrow: bool = False


class MyHost(msgspec.Struct, frozen=True, kw_only=True):
    """`names`: what else it goes by: aliases, first labels, addresses. `via`: the bastion that leads to it."""

    name: str
    names: list[str] = []
    labels: dict[str, str] = {}
    accounts: list[MyAccount]
    via: str = ""


class MyHosts(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that one may log in to now (namespace `daypass-my-hosts`). It is shown, and admits nobody."""

    type: str = "daypass-my-hosts-v1"
    ca_id: str
    login: str
    version: int  # unix milliseconds
    issued_at: int
    expires: int
    hosts: list[MyHost]
