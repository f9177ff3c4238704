"""The provider's own sign-in on another device: a certified provider, a real CA, a whole command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.parts.certified_op import CertifiedOp

from daypass.demo.company import Company

GRANT = 'client_id = "daypass"\ndevice_client_id = "daypass-device"\nallow_unbound = true'


@pytest.fixture
def firm(certified_op: CertifiedOp) -> Iterator[Company]:
    """A company that allows the grant. The provider returns no nonce with it, so unbound tokens have to be taken."""
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home:
        built = Company(Path(home), certified_op)
        try:
            built.found_ca()
            configure(built, '\nclient_id = "daypass"', f"\n{GRANT}")
            built.start_ca()
            built.daypass(*built.bootstrap_line.split()[1:])
            yield built
        finally:
            built.close()


def configure(firm: Company, before: str, after: str) -> None:
    text = firm.config.read_text()
    assert before in text
    firm.config.write_text(text.replace(before, after))
    firm.daypass("ca", "reload", "--root", str(firm.ca_root))


def sign_in_elsewhere(firm: Company, person: str) -> tuple[int, str]:
    """Its code typed by `person` at the provider's page; exit code and what it said."""
    command = [sys.executable, "-m", "daypass.cli.main", "login", "--device-grant"]
    process = subprocess.Popen(
        command, env=os.environ | firm.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr is not None
    shown = ""
    while "Ctrl-C stops" not in shown:
        line = process.stderr.readline()
        assert line, shown
        shown += line
    found = re.search(r"    (http\S+)\n(?:.*\n)+?    (\S+)\n", shown)
    assert found is not None, shown
    type_it(found[1], found[2], person)
    _, rest = process.communicate(timeout=40)
    return process.returncode, shown + rest


def type_it(page_url: str, code: str, person: str) -> None:
    with httpx2.Client(follow_redirects=True, trust_env=False) as browser:
        page = browser.get(page_url)
        for step in ({"user_code": code}, {"user_code": code, "confirm": "yes"}):
            found = re.search(r'name="xsrf" value="(\w+)"', page.text)
            assert found is not None
            page = browser.post(page_url, data={"xsrf": found[1], **step})
        browser.post(page.url, data={"username": person, "password": person})


def test_alice_signs_in_at_the_provider_s_page_and_holds_a_day_pass(firm: Company) -> None:
    code, told = sign_in_elsewhere(firm, "alice")
    assert code == 0, told
    assert "signed in as alice@example.com" in told
    held = json.loads(firm.daypass("status", "--json").stdout)
    assert held["valid"] and "role:engineers" in " ".join(held["principals"])


def test_somebody_disabled_gets_nothing(firm: Company) -> None:
    code, told = sign_in_elsewhere(firm, "carol")
    assert code not in (0, 70) and "declined" in told and "Traceback" not in told
    assert firm.daypass("status", check=False).returncode == 1
