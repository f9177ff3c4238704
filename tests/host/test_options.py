"""What may stand before a principal, and what sshd itself makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.ca.reach import line_options, order
from daypass.config import RoleSection
from daypass.errors import DaypassError, Invalid
from daypass.host.options import check, strictness

FIT = [
    "restrict",
    "restrict,pty",
    "restrict,pty,port-forwarding,agent-forwarding,X11-forwarding,user-rc",
    'restrict,from="10.0.0.0/8,2001:db8::/32"',
    'restrict,pty,from="192.0.2.1",command="/usr/bin/backup --all"',
    'restrict,command="echo \\"quoted\\" a\\b, c=d"',
    'restrict,command="echo café"',
]
UNFIT = [
    ("nothing", ""),
    ("no restrict", "pty"),
    ("restrict too late", "pty,restrict"),
    ("restrict twice", "restrict,restrict"),
    ("a permit twice", "restrict,pty,pty"),
    ("an unknown word", "restrict,cert-authority"),
    ("a permit in other letters", "restrict,PTY"),
    ("environment", 'restrict,environment="LD_PRELOAD=x"'),
    ("principals of a CA", 'restrict,principals="root"'),
    ("a blank", "restrict, pty"),
    ("a blank and a principal", "restrict role:root"),
    ("a comma at the end", "restrict,pty,"),
    ("two commas", "restrict,,pty"),
    ("a permit with a value", 'restrict,pty="yes"'),
    ("a command without a value", "restrict,command"),
    ("an empty command", 'restrict,command=""'),
    ("an empty network is no limit (CVE-2026-56854)", 'restrict,from=""'),
    ("a network that is a pattern", 'restrict,from="*"'),
    ("a network that takes back", 'restrict,from="!10.0.0.1,10.0.0.0/8"'),
    ("a command with a newline", 'restrict,command="a\nb"'),
    ("a command with a NUL", 'restrict,command="a\0b"'),
    ("a command with an open quote", 'restrict,command="a'),
    ("a command that swallows its quote", 'restrict,command="a\\"'),
    ("a quote in a command", 'restrict,command="a"b"'),
    ("a comment, which sshd cuts the line at", 'restrict,command="a #b"'),
    ("an escape sequence", 'restrict,command="\x1b[2J"'),
    ("two commands", 'restrict,command="a",command="b"'),
    ("too much", f'restrict,command="{"a" * 5000}"'),
]


@pytest.mark.parametrize("options", FIT)
def test_what_is_fit_is_taken(options: str) -> None:
    check(options)


@pytest.mark.parametrize("options", [row[1] for row in UNFIT], ids=[row[0] for row in UNFIT])
def test_what_is_not_is_refused(options: str) -> None:
    with pytest.raises(Invalid, match="can't stand on a line"):
        check(options)


def test_the_order_is_the_policys() -> None:
    sections = [
        RoleSection(name="a", extensions=["permit-pty"]),
        RoleSection(name="b", extensions=[]),
        RoleSection(name="c", source_address=["10.0.0.0/8"]),
        RoleSection(name="d", force_command="id"),
        RoleSection(name="e", force_command="id", source_address=["10.0.0.1"]),
    ]
    ordered = sorted(sections, key=order)
    assert [each.name for each in ordered] == ["e", "d", "c", "b", "a"]
    assert sorted(ordered, key=lambda each: strictness(line_options(each))) == ordered


@given(st.text(st.sampled_from('ab "\\,=#\n\té\x7f'), min_size=1, max_size=12))
def test_a_command_of_the_policy_is_taken_or_refused_and_nothing_in_between(command: str) -> None:
    """What is taken comes out of sshd's own way to read quotes as it went in."""
    options = line_options(RoleSection(name="a", extensions=[], force_command=command))
    try:
        check(options)
    except DaypassError:
        return
    assert dequoted(options.removeprefix("restrict,command=")) == (command, "")


def dequoted(text: str) -> tuple[str, str]:
    """opt_dequote of OpenSSH 9.2's auth-options.c: the value, and what is left of the line."""
    assert text[0] == '"'
    value, at = "", 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] == '"':
            at += 1
        value += text[at]
        at += 1
    assert text[at : at + 1] == '"'
    return value, text[at + 1 :]
