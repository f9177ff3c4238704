"""The host bundle in lines says what the one in JSON says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from daypass.ca.text_bundles import render
from daypass.errors import Internal
from daypass.model import HostRole

DOCUMENT: dict[str, Any] = {
    "ca_id": "c" * 64, "host_id": "h1", "name": "web-1.example.com", "version": 7, "issued_at": 1, "expires": 2,
    "digest": "d" * 64, "krl_digest": "e" * 64, "user_ca": ["ssh-ed25519 AAAA"], "people": [],
}  # fmt: skip
HEAD = f"""daypass-host-bundle-text-v1
ca {"c" * 64}
host h1
name web-1.example.com
version 7
issued 1
expires 2
digest {"d" * 64}
krl {"e" * 64}
"""


def rendered(*roles: HostRole, **more: Any) -> str:
    return render(DOCUMENT | {"roles": msgspec.json.encode(roles)} | more).decode()


def test_a_host_without_roles_is_told_whose_it_is() -> None:
    assert rendered() == f"{HEAD}fail-closed-after 0\nuser-ca ssh-ed25519 AAAA\nend\n"


def test_roles_become_lines_in_their_order() -> None:
    found = rendered(
        HostRole("deploy", 'restrict,command="a b"', ("deploy", "www")), HostRole("dev", "restrict,pty", (), True)
    )
    assert found.splitlines()[11:] == [
        'line deploy restrict,command="a b" role:deploy',
        'line www restrict,command="a b" role:deploy',
        "own restrict,pty role:dev",
        "end",
    ]


def test_it_tells_of_bastions_and_of_closing() -> None:
    found = rendered(bastions=["b1.example.com", "b2.example.com"], fail_closed_after=3600).splitlines()
    assert "fail-closed-after 3600" in found
    assert [each for each in found if each.startswith("bastion ")] == [
        "bastion b1.example.com",
        "bastion b2.example.com",
    ]


@pytest.mark.parametrize("break_", ["\n", "\r", "\u2028", "\0", "\x1b"])
def test_nothing_in_it_can_begin_a_line_of_its_own(break_: str) -> None:
    with pytest.raises(Internal):
        rendered(HostRole("dev", f'restrict,command="x{break_}line root restrict role:dev"', ("deploy",)))
