"""Taken back at the CA, refused at sshd: the whole way. For hosts: test_enrolled."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from daypass.demo.company import Company


def heard(firm: Company) -> None:
    """The host asks, once the CA tells of what has just happened."""
    time.sleep(5.1)
    firm.daypass("host", "sync", "--root", str(firm.host_root))


def came(firm: Company, ending: str) -> dict[str, Any]:
    """What has become of it."""
    shown = firm.daypass("revocations", "show", ending, "--root", str(firm.ca_root), "--json", check=False)
    found: dict[str, Any] = json.loads(shown.stdout)["progress"]
    assert shown.returncode == (0 if found["state"] == "ended" else 1)
    return found


def waits(firm: Company, proof: dict[str, Any]) -> bool:
    """For the company's own host; other tests of the session have hosts that say nothing any more."""
    return any(each["host"] == firm.host for each in proof["unreached"])


def enters(firm: Company) -> bool:
    return firm.ssh("-o", "BatchMode=yes", firm.host, "true").returncode == 0


@pytest.mark.parametrize("form", ["--serial", "PERSON"])
def test_whose_certificate_is_taken_back_gets_in_no_more_until_they_sign_in_again(firm: Company, form: str) -> None:
    firm.sign_in("alice", "--force")
    assert enters(firm)
    held = json.loads(firm.daypass("list", "--remote", "--json").stdout)[0]
    whose = {"--serial": ["--serial", str(held["serial"])], "PERSON": ["alice"]}[form]
    told = firm.daypass("revoke", *whose, "--reason", "laptop lost", "--root", str(firm.ca_root), "--json").stdout
    ending = json.loads(told)["ending"]
    assert waits(firm, came(firm, ending)), "no host has said anything"
    heard(firm)
    assert not enters(firm)
    proof = came(firm, ending)
    assert proof["applied"] >= 1 and not waits(firm, proof)
    # Without a journal nobody can say which accounts they have used, and so not that nothing stays behind.
    left = [each["remains"]["kind"] for each in proof["remains"]]
    assert left == {"--serial": [], "PERSON": ["account"]}[form]
    firm.sign_in("alice")  # it finds out by itself that the day pass holds no longer
    assert enters(firm)
    status = json.loads(firm.daypass("host", "status", "--root", str(firm.host_root), "--json").stdout)
    assert status["krl_made"] and not status["closed"]
