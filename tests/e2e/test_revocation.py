"""Taken back at the CA, refused at sshd: the whole way. For hosts: test_enrolled."""

from __future__ import annotations

import json
import time

import pytest

from daypass.demo.company import Company


def heard(firm: Company) -> None:
    """The host asks, once the CA tells of what has just happened."""
    time.sleep(5.1)
    firm.daypass("host", "sync", "--root", str(firm.host_root))


def enters(firm: Company) -> bool:
    return firm.ssh("-o", "BatchMode=yes", firm.host, "true").returncode == 0


@pytest.mark.parametrize("form", ["--serial", "PERSON"])
def test_whose_certificate_is_taken_back_gets_in_no_more_until_they_sign_in_again(firm: Company, form: str) -> None:
    firm.sign_in("alice", "--force")
    assert enters(firm)
    held = json.loads(firm.daypass("list", "--remote", "--json").stdout)[0]
    whose = {"--serial": ["--serial", str(held["serial"])], "PERSON": ["alice"]}[form]
    firm.daypass("revoke", *whose, "--reason", "laptop lost", "--root", str(firm.ca_root))
    heard(firm)
    assert not enters(firm)
    firm.sign_in("alice")  # it finds out by itself that the day pass holds no longer
    assert enters(firm)
    status = json.loads(firm.daypass("host", "status", "--root", str(firm.host_root), "--json").stdout)
    assert status["krl_made"] and not status["closed"]
