"""Principals files: who is let in where, and which names can never become a file or a line (trust 1.1, 2.6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.api import HostBundle
from daypass.errors import Invalid, Misconfigured
from daypass.host.principals import ordinary_accounts, principals_files


def bundle(own: list[str], accounts: dict[str, list[str]]) -> HostBundle:
    return HostBundle(
        ca_id="", host_id="h-1", name="web-1.example.com", version=1, issued_at=0, expires=1, user_ca=[],
        own_account_roles=own, accounts=accounts, krl=b"",
    )  # fmt: skip


CASES: list[tuple[str, list[str], dict[str, list[str]], list[str], dict[str, bytes]]] = [
    ("nothing means nobody", [], {}, [], {}),
    (
        "own accounts get roles of their own",
        ["dev"],
        {},
        [],
        {"alice": b"role:dev:alice\n", "bob": b"role:dev:bob\n"},
    ),
    ("two roles are two lines", ["a", "b"], {"bob": []}, ["bob"], {"alice": b"role:a:alice\nrole:b:alice\n"}),
    ("shared accounts get what is spelled out", [], {"root": ["role:ops"]}, [], {"root": b"role:ops\n"}),
    ("one named both ways gets both", ["dev"], {"bob": ["role:x"]}, ["alice"], {"bob": b"role:x\nrole:dev:bob\n"}),
    ("a step-up names this host", [], {"db": ["role:dba@h-1"]}, [], {"db": b"role:dba@h-1\n"}),
    ("a login name on a bare account", [], {"git": ["alice"]}, [], {"git": b"alice\n"}),
    ("a line stands once", ["dev"], {"bob": ["role:dev:bob"]}, ["alice"], {"bob": b"role:dev:bob\n"}),
    ("never beats the CA", ["dev"], {"root": ["role:ops"]}, ["root", "alice", "bob"], {}),
    ("an empty list makes no file", [], {"deploy": []}, [], {}),
]


@pytest.mark.parametrize(
    ("own", "shared", "never", "files"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_principals(own: list[str], shared: dict[str, list[str]], never: list[str], files: dict[str, bytes]) -> None:
    assert principals_files(bundle(own, shared), ("alice", "bob"), never) == files


@settings(max_examples=60)
@given(st.text(max_size=12), st.text(max_size=20))
def test_no_name_leaves_the_folder_and_no_principal_adds_a_line(account: str, principal: str) -> None:
    try:
        found = principals_files(bundle([], {account: [principal]}), (), ())
    except Invalid:
        return
    assert list(found) == [account]
    assert Path(account).name == account not in ("", ".", "..")
    assert found[account] == f"{principal}\n".encode()
    assert not set(principal) & set(" \t\"',*?#\n\r")


def test_ordinary_accounts_are_those_of_people(tmp_path: Path) -> None:
    lines = [
        "root:x:0:0::/root:/bin/sh", "daemon:x:999:1::/:/bin/sh", "nobody:x:65534:65534::/:/bin/sh",
        "alice:x:1000:1000::/home/alice:/bin/sh", "ad.user:x:700001:1::/:/bin/sh", "nobody:x:1001:1::/:/bin/sh",
        "Upper:x:1002:1::/:/bin/sh", "../x:x:1003:1::/:/bin/sh", "a b:x:1004:1::/:/bin/sh", "+::::::", "# comment",
        "short:x:1005", "neg:x:-1:1::/:/bin/sh", "uni:x:\u0661\u0660\u0660\u0660:1::/:/bin/sh",
        "\xe4:x:1006:1::/:/bin/sh",
    ]  # fmt: skip
    (tmp_path / "passwd").write_text("\n".join(lines))
    assert ordinary_accounts(tmp_path / "passwd") == ("alice", "ad.user")


def test_a_machine_without_accounts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't be read"):
        ordinary_accounts(tmp_path / "passwd")
