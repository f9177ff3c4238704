"""Principals files: who is let in where, and which names can never become a file or a line (trust 1.1, 2.2, 2.6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.fake_ca import OPTIONS

from daypass.api import HostBundle
from daypass.errors import Invalid, Misconfigured
from daypass.host.passwd import Account, every_name, read_accounts
from daypass.host.principals import principals_files
from daypass.model import HostRole

DEV = HostRole("dev", OPTIONS, own_account=True)
OPS = HostRole("ops", OPTIONS, accounts=("root",))
DEPLOY = HostRole("deploy", 'restrict,command="deploy"', accounts=("root", "bob"))


def bundle(*roles: HostRole) -> HostBundle:
    return HostBundle(
        ca_id="", host_id="h-1", name="web-1.example.com", version=1, issued_at=0, expires=1, digest="", user_ca=[],
        roles=[*roles], krl_digest="",
    )  # fmt: skip


def line(principal: str, options: str = OPTIONS) -> bytes:
    return f"{options} {principal}\n".encode()


CASES: list[tuple[str, list[HostRole], list[str], dict[str, bytes]]] = [
    ("nothing means nobody", [], [], {}),
    (
        "own accounts get roles of their own",
        [DEV],
        [],
        {"alice": line("role:dev:alice"), "bob": line("role:dev:bob")},
    ),
    ("shared accounts get the role", [OPS], [], {"root": line("role:ops")}),
    (
        "the most restrictive line is the first, whatever the bundle's order",
        [DEV, OPS, DEPLOY],
        ["alice"],
        {
            "bob": line("role:deploy", DEPLOY.options) + line("role:dev:bob"),
            "root": line("role:deploy", DEPLOY.options) + line("role:ops"),
        },
    ),
    ("never beats the CA", [DEV, OPS], ["root", "alice", "bob"], {}),
    ("a role without accounts makes no file", [HostRole("x", OPTIONS)], [], {}),
]


@pytest.mark.parametrize(("roles", "never", "files"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_principals(roles: list[HostRole], never: list[str], files: dict[str, bytes]) -> None:
    assert principals_files(bundle(*roles), ("alice", "bob"), never) == files


def accounts(**uids: int) -> dict[str, Account]:
    return {name: Account(name, uid, "", "/") for name, uid in uids.items()}


NAMES: list[tuple[str, dict[str, Account], set[str], set[str]]] = [
    ("root by another name", accounts(root=0, toor=0, alice=1000), {"root"}, {"root", "toor"}),
    ("root, which no line names", accounts(toor=0), {"root"}, {"root", "toor"}),
    ("the other name stands for root, too", accounts(root=0, toor=0), {"toor"}, {"root", "toor"}),
    ("a person with two", accounts(root=0, alice=1000, al=1000, bob=1001), {"al"}, {"al", "alice"}),
    ("one that is not here", accounts(root=0), {"gone"}, {"gone"}),
    ("nobody", accounts(root=0), set(), set()),
]


@pytest.mark.parametrize(("here", "named", "all_of_them"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_an_account_is_shut_by_whatever_name(
    here: dict[str, Account], named: set[str], all_of_them: set[str]
) -> None:
    assert every_name(named, here) == all_of_them


@settings(max_examples=60)
@given(st.text(max_size=12), st.text(max_size=20), st.text(max_size=20))
def test_no_name_leaves_the_folder_and_nothing_adds_a_line(account: str, name: str, options: str) -> None:
    try:
        found = principals_files(bundle(HostRole(name, f"restrict{options}", accounts=(account,))), (), ())
    except Invalid:
        return
    assert list(found) == [account]
    assert Path(account).name == account not in ("", ".", "..")
    assert found[account] == f"restrict{options} role:{name}\n".encode()
    assert not set(name) & set(" \t\"',*?#:\n\r")


def test_ordinary_accounts_are_those_of_people(tmp_path: Path) -> None:
    lines = [
        "root:x:0:0::/root:/bin/sh", "daemon:x:999:1::/:/bin/sh", "nobody:x:65534:65534::/:/bin/sh",
        "alice:x:1000:1000::/home/alice:/bin/sh", "ad.user:x:700001:1::/:/bin/sh", "nobody:x:1001:1::/:/bin/sh",
        "Upper:x:1002:1::/:/bin/sh", "../x:x:1003:1::/:/bin/sh", "a b:x:1004:1::/:/bin/sh", "+::::::", "# comment",
        "short:x:1005", "neg:x:-1:1::/:/bin/sh", "uni:x:\u0661\u0660\u0660\u0660:1::/:/bin/sh",
        "\xe4:x:1006:1::/:/bin/sh", "alice:x:0:0::/root:/bin/sh", "daemon:x:1007:1::/:/bin/sh",
    ]  # fmt: skip
    (tmp_path / "passwd").write_text("\n".join(lines))
    found = read_accounts(tmp_path / "passwd")
    assert [each.name for each in found.values() if each.is_ordinary] == ["alice", "ad.user"]
    assert [each.name for each in found.values() if each.uid < 1000] == ["root", "daemon"]


def test_a_machine_without_accounts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't be read"):
        read_accounts(tmp_path / "passwd")
