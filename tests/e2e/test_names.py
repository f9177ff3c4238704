"""Whatever name a person types for a host of ours, the certificate is offered, and only there."""

from __future__ import annotations

import pytest

from daypass.demo.company import Company

ALIASES = """
Host short
  HostName web-1.demo.test
Host db-1.demo.test
  HostName 192.0.2.7
Host other
  HostName web-2.demo.test
Host elsewhere
  HostName web-1.demo.test.example.org
"""


@pytest.mark.parametrize(
    ("typed", "ours", "strict"),
    [
        ("web-1.demo.test", True, True),
        ("short", True, True),
        ("db-1.demo.test", True, False),
        ("other", True, False),
        ("elsewhere", False, False),
        ("github.com", False, False),
        ("demo.test", False, False),
        ("web-1.demo.test.example.org", False, False),
        ("192.0.2.7", False, False),
    ],
)
def test_the_certificate_is_offered_to_our_hosts_alone_and_asked_of_those_that_have_one(
    firm: Company, typed: str, ours: bool, strict: bool
) -> None:
    firm.sign_in("alice")
    kept = firm.ssh_config.read_text()
    firm.ssh_config.write_text(kept + ALIASES)
    try:
        told = firm.ssh("-G", typed).stdout
    finally:
        firm.ssh_config.write_text(kept)
    assert told.count("id-cert.pub") == (1 if ours else 0)
    assert ("identitiesonly yes" in told) is ours
    assert ("stricthostkeychecking true" in told) is strict
    assert ("revokedhostkeys" in told) is ours


def test_deciding_costs_one_command_whatever_name_was_typed(firm: Company) -> None:
    firm.sign_in("alice")
    kept = firm.ssh_config.read_text()
    firm.ssh_config.write_text(kept + ALIASES)
    try:
        for typed, commands in (("web-1.demo.test", 1), ("short", 1), ("db-1.demo.test", 1), ("github.com", 0)):
            told = firm.ssh("-v", "-G", typed).stderr
            assert told.count("Executing command") == commands, (typed, told)
    finally:
        firm.ssh_config.write_text(kept)
