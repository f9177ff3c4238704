"""A little network of its own: a laptop with two addresses, and hosts, each in a network namespace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.accounts import Accounts
from tests.parts.needs import need

__all__ = ["Inside", "Lan", "run_lan"]


@dataclass(frozen=True, slots=True)
class Lan:
    """Host N is at 10.77.N.2; what it is wired to is 10.77.N.1. The laptop is 10.78.0.1, too."""

    prefix: str

    def host(self, number: int) -> list[str | Path]:
        """What stands before a command that is to run on it."""
        return [need("ip"), "netns", "exec", f"{self.prefix}h{number}"]

    @property
    def laptop(self) -> list[str | Path]:
        return [need("ip"), "netns", "exec", f"{self.prefix}l"]


@dataclass(frozen=True, slots=True)
class Inside(Accounts):
    """Accounts of a host in the network: what is `entered` runs there."""

    before: tuple[str | Path, ...] = ()

    def entered(self, command: Sequence[str | Path]) -> list[str | Path]:
        return [*self.before, *Accounts.entered(self, command)]


@contextmanager
def run_lan(hosts: int, behind: Mapping[int, int] | None = None) -> Iterator[Lan]:
    """`behind`: host -> the host before it that it is wired to, and not to the laptop, which has no way there."""
    need("root with network namespaces")
    lan = Lan(f"dpl{os.getpid()}")
    names = [f"{lan.prefix}l", *(f"{lan.prefix}h{number}" for number in range(1, hosts + 1))]
    try:
        for name in names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", names[0], "address", "add", "10.78.0.1/32", "dev", "lo")
        for number, name in enumerate(names[1:], 1):
            _wire(names[(behind or {}).get(number, 0)], name, number)
        yield lan
    finally:
        for name in names:
            subprocess.run([need("ip"), "netns", "delete", name], check=False, capture_output=True)


def _wire(laptop: str, host: str, number: int) -> None:
    _ip("-n", laptop, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", host)
    for name, link, end in ((laptop, f"to{number}", 1), (host, "eth0", 2)):
        _ip("-n", name, "address", "add", f"10.77.{number}.{end}/24", "dev", link)
        _ip("-n", name, "link", "set", link, "up")
    _ip("-n", host, "route", "add", "default", "via", f"10.77.{number}.1")


def _ip(*arguments: str) -> None:
    subprocess.run([need("ip"), *arguments], check=True, capture_output=True)
