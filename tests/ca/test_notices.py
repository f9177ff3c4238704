"""What an entry of the ledger may have changed for hosts: too much is work, too little is a host that goes wrong."""

from __future__ import annotations

import msgspec
import pytest

from daypass.ca.notices import Notices, noticed
from daypass.ca.ports import LedgerRow

CASES: dict[str, tuple[str, dict[str, object], Notices]] = {
    "somebody signed in": ("certificate.issue", {"type": "user", "key_id": "a", "serial": 1}, Notices(soon=True)),
    "somebody was refused": ("certificate.deny", {"type": "user"}, Notices(soon=True)),
    "a host enrolled": ("certificate.issue", {"type": "host", "key_id": "w.e"}, Notices(soon=True, hosts={"w.e"})),
    "a host renewed": ("certificate.issue", {"type": "host", "key_id": "w.e", "renews": 3}, Notices()),
    "revoked": ("certificate.revoke", {"serials": [3, 4]}, Notices(at_once=True, serials={3, 4})),
    "locked": ("person.lock", {"person": 1}, Notices(at_once=True)),
    "removed": ("host.remove", {"host": "ab", "serials": [5]}, Notices(soon=True, hosts={"ab"}, serials={5})),
    "replaced": ("host.replace", {"host": "ab", "replaces": "cd"}, Notices(soon=True, hosts={"ab", "cd"})),
    "a token was made": ("token.create", {"host": "w.e"}, Notices()),
    "a token was shown in vain": ("token.deny", {"token": "ab"}, Notices()),
    "an account was reported": ("name.reserve", {"host": "w.e"}, Notices()),
    "not known here": ("newer.act", {"what": 1}, Notices(at_once=True, every=True)),
    "about a host, but which": ("host.newer", {}, Notices(at_once=True, every=True)),
    "not to be read": ("certificate.revoke", {"serials": "all"}, Notices(at_once=True, every=True)),
}


def row(act: str, details: dict[str, object]) -> LedgerRow:
    return LedgerRow(1, 1, act, msgspec.json.encode({"seq": 1, "act": act, **details}), b"")


@pytest.mark.parametrize("what", CASES)
def test_each_act_concerns_whom_it_concerns(what: str) -> None:
    act, details, wanted = CASES[what]
    found = noticed([row(act, details)])
    assert found == wanted


def test_several_are_taken_together() -> None:
    found = noticed([row("certificate.revoke", {"serials": [1]}), row("host.stale", {"host": "ab"})])
    assert (found.at_once, found.soon, found.serials, found.hosts) == (True, True, {1}, {"ab"})


def test_nothing_is_nothing() -> None:
    assert not noticed([]).names_some
