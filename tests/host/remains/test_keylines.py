"""Which lines of authorized_keys let somebody in, against what the real sshd makes of them."""

from __future__ import annotations

import pytest
from tests.host.remains.homes import key_line

from daypass.host.remains.keylines import KeyLine, key_lines

PLAIN, PRINT = key_line()
TYPE, TEXT = PLAIN.split()

LINES = [
    ("a key", PLAIN, "", False),
    ("with a comment", f"{PLAIN} alice@example.com on  laptop", "alice@example.com on  laptop", False),
    ("set in", f" \t{PLAIN} x ", "x", False),
    ("from Windows", f"{PLAIN} x\r", "x", False),
    ("with options", f'restrict,command="echo \\"a b\\"",pty {PLAIN} x', "x", False),
    ("an authority", f'cert-authority,principals="a,b" {PLAIN} x', "x", True),
    ("an authority, loudly", f"CERT-AUTHORITY {PLAIN}", "", True),
    ("an option that looks like one", f'command="cert-authority ssh-rsa" {PLAIN}', "", False),
    ("tabs between", f"restrict\t{TYPE}\t{TEXT}\tx", "x", False),
]  # fmt: skip
NONE = [
    ("", ""),
    ("a comment", f"# {PLAIN}"), ("words", "hello world"), ("a type alone", TYPE), ("an option alone", "pty"),
    ("an open quote", f'command="x {PLAIN}'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "comment", "ca"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_a_line_that_lets_in_is_one(line: str, comment: str, ca: bool) -> None:
    found = list(key_lines(f"\n{line}\n".encode()))
    assert found == [KeyLine(2, PRINT, TYPE, comment, ca)]


@pytest.mark.parametrize("line", [row[1] for row in NONE], ids=[row[0] for row in NONE])
def test_any_other_is_none(line: str) -> None:
    assert list(key_lines(line.encode())) == []


def test_a_key_that_can_not_be_decoded_counts_too() -> None:
    """sshd may be more lenient than we are."""
    (found,) = key_lines(b"ssh-ed25519 A comment")
    assert (found.print, found.comment) == ("", "comment")


def test_the_types_of_other_keys_are_known() -> None:
    names = ("ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com", "ssh-ed25519-cert-v01@openssh.com")
    text = "\n".join(f"{each} {TEXT}" for each in names)
    assert [each.type for each in key_lines(text.encode())] == list(names)
