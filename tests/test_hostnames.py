"""What a host CA may speak for: every kind of name, inside and outside (trust 5.2)."""

from __future__ import annotations

import pytest

from daypass.hostnames import HostNames, network_holds

NAMES = HostNames(("*.example.com", "gate.example.org"), "example.com", ("10.0.0.0/8", "fd00::/8"))
BESIDE = frozenset({"web-1.example.com", "db-1.eu.example.com", "gate.example.org", "10.example.com"})

CASES = [
    ("web-1.example.com", True), ("db-1.eu.example.com", True), ("gate.example.org", True),
    ("web-1", True), ("10.0.0.7", True), ("fd00::7", True),
    ("web-2", False),  # its whole name is not in the certificate
    ("db-1", False),  # is below the short domain, and not in it
    ("gate", False), ("10", False),  # a number is an address to many programs
    ("example.com", False), ("example.org", False), ("web-1.example.com.", False), ("WEB-1", False),
    ("*.example.com", False), ("*", False), ("", False), (".", False), ("web-1.example.com.evil.org", False),
    ("11.0.0.7", False), ("10.0.0.07", False), ("10.0.0", False), ("10.0.0.0/8", False), ("fd00::0007", False),
    ("FD00::7", False), ("fe80::1%eth0", False), ("::ffff:10.0.0.7", False), ("[10.0.0.7]", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ours"), CASES)
def test_a_name_is_ours_or_not(name: str, ours: bool) -> None:
    assert NAMES.admits(name, BESIDE | {name}) is ours


def test_without_a_short_domain_and_networks_there_are_whole_names_alone() -> None:
    plain = HostNames(("*.example.com",))
    assert [name for name, _ in CASES if plain.admits(name, BESIDE)] == ["web-1.example.com", "db-1.eu.example.com"]


def test_a_short_domain_that_is_not_ours_gives_no_first_label() -> None:
    """Though the root itself had signed it: a first label only ever stands for a name that may be in there."""
    assert not HostNames(("*.example.com",), "github.com").admits("ssh", frozenset({"ssh.github.com"}))


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "0.0.0.0/7", "::/0", "10.0.0.1/8", "x"])
def test_a_network_that_is_none_or_too_wide_holds_nothing(wide: str) -> None:
    assert not HostNames((), "", (wide,)).holds_address("10.0.0.7")


def test_first_labels_stand_behind_the_names_each_once() -> None:
    names = ("web-1.example.com", "www.example.com", "gate.example.org", "x.eu.example.com")
    assert NAMES.with_short(names) == (*names, "web-1", "www")
    assert NAMES.with_short(("web-1.example.com", "web-1.example.com")) == ("web-1.example.com", "web-1")


@pytest.mark.parametrize(
    ("outer", "inner", "holds"),
    [
        ("10.0.0.0/8", "10.1.0.0/16", True), ("10.0.0.0/8", "10.0.0.0/8", True), ("10.1.0.0/16", "10.0.0.0/8", False),
        ("fd00::/8", "fd00:1::/32", True), ("fd00::/8", "10.0.0.0/8", False), ("x", "x", False),
    ],
)  # fmt: skip
def test_one_network_holds_another(outer: str, inner: str, holds: bool) -> None:
    assert network_holds(outer, inner) is holds
