"""`daypass scim token`, against a CA that runs: its bearer opens that CA's /scim/v2 until it is taken back."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cli.kit import TRIAL, Admin
from tests.cli.test_reload import Process, serving

from daypass.cli.exits import Exit

PROVIDER = """
[[providers]]
name = "corp"
issuer = "https://id.example.com"
client_id = "daypass"
scim = { match = "externalId=sub" }
"""


@pytest.fixture
def running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[Admin, Process]]:
    admin = Admin(tmp_path / "ca", capsys)
    assert admin("ca", "init", "--name", "Example", *TRIAL)[0] == 0
    admin.add(PROVIDER)
    assert admin("ca", "reload")[0] == 0
    with serving(admin) as process:
        yield admin, process


def users(admin: Admin, process: Process, token: str) -> int:
    port = re.findall(r"on https://0\.0\.0\.0:(\d+)", process.said)[-1]
    context = ssl.create_default_context(cafile=str(admin.folder / "keys/tls_root.crt"))
    headers = {"Authorization": f"Bearer {token}"}
    url = f"https://localhost:{port}/scim/v2/Users"
    return httpx2.get(url, headers=headers, verify=context, trust_env=False, timeout=30).status_code


def test_a_bearer_is_shown_once_and_opens_the_directory_until_it_is_taken_back(
    running: tuple[Admin, Process],
) -> None:
    admin, process = running
    code, token, err = admin("scim", "token", "create", "corp", "--lifetime", "90d")
    assert (code, "/scim/v2" in err) == (0, True)
    assert users(admin, process, token.strip()) == 200
    _, listed, _ = admin("scim", "token", "list", "corp", "--json")
    (line,) = json.loads(listed)["tokens"]
    assert line["provider"] == "corp" and line["used_at"] is not None
    assert token.strip().rpartition("_")[2] not in listed + process.said
    code, out, _ = admin("scim", "token", "revoke", line["id"], "--reason", "over")
    assert (code, "revoked" in out) == (0, True)
    assert users(admin, process, token.strip()) == 401


def test_only_a_provider_with_a_directory_has_bearers(running: tuple[Admin, Process]) -> None:
    admin, _ = running
    code, _, err = admin("scim", "token", "create", "other")
    assert (code, "corp" in err) == (Exit.NOT_FOUND, True)
    assert admin("scim", "token", "create", "corp", "--lifetime", "20y")[0] == Exit.INVALID
    assert admin("scim", "token", "create", "corp", "--lifetime", "999d")[0] == Exit.INVALID
    assert admin("scim", "token", "revoke", "0123456789ab", "--reason", "test")[0] == Exit.NOT_FOUND
    assert admin("scim", "token", "list")[1] == ""
