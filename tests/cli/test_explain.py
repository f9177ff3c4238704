"""`daypass explain` and `who` at a terminal: on a real CA, and in words."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator

import click
import pytest

from daypass.api import Explanation, WayIn
from daypass.cli.explain import place, show
from daypass.demo.company import HOST, Company, company

YES = Explanation(
    yes=True, who="a@example.com", account="sql", host="db-1.example.com",
    ways=[
        WayIn(role="dba", principal="role:dba", options="restrict,pty", narrow=True, seconds=3600, max_session=28800)
    ],
)  # fmt: skip
NO = Explanation(
    yes=False, who="a@example.com", account="sql", host="db-1.example.com", code="policy.role.groups", role="dba",
    message='role "dba" is the nearest', hint="ask", condition="groups", wanted=["dba"], found=[],
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("root@web-1", ("root", "web-1")),
        ("a@b@web-1", ("a@b", "web-1")),
        ("root@[2001:db8::1]", ("root", "2001:db8::1")),
        ("root@::1", ("root", "::1")),
    ],
)
def test_a_place_is_an_account_and_a_host(word: str, found: tuple[str, str]) -> None:
    assert place(word) == found


@pytest.mark.parametrize("word", ["", "root", "@web-1", "root@", "\x1b[2J"])
def test_what_is_no_place_is_a_mistake_of_usage(word: str) -> None:
    with pytest.raises(click.UsageError, match="ACCOUNT@HOST") as raised:
        place(word)
    assert raised.value.message.isprintable()


def test_a_yes_says_how_and_what_line_lets_them_in(capsys: pytest.CaptureFixture[str]) -> None:
    show(YES)
    out = capsys.readouterr().out
    assert out.startswith('yes: a@example.com as sql@db-1.example.com, by role "dba"\n')
    assert "daypass login --role dba, for 1 h" in out and "restrict,pty role:dba" in out
    assert "session     ends 8 h after the login" in out


def test_a_no_names_role_condition_and_code(capsys: pytest.CaptureFixture[str]) -> None:
    show(NO)
    out, err = capsys.readouterr()
    for each in ("no: ", "policy.role.groups", "role        dba", "groups", "wanted      dba", "found       nothing"):
        assert each in out
    assert err == "daypass: hint: ask\n"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with company(tmp_path_factory.mktemp("demo")) as ready:
        ready.sign_in("alice")
        yield ready


def test_both_ways_to_ask_give_the_same_answer(demo: Company) -> None:
    """The demo's one role gives whoever runs it the account they run it in."""
    target = f"{getpass.getuser()}@{HOST}"
    own = demo.daypass("explain", target, "--json")
    other = demo.daypass("explain", "alice", target, "--json", "--root", str(demo.ca_root))
    assert json.loads(own.stdout)["yes"]
    assert json.loads(own.stdout)["ways"] == json.loads(other.stdout)["ways"]
    people = demo.daypass("who", target, "--root", str(demo.ca_root))
    assert "  alice\n" in people.stdout
    refused = demo.daypass("explain", f"nobody@{HOST}", check=False)
    assert refused.returncode == 1 and refused.stdout.startswith("no: ")


USAGE = [["root@a", "b", "c"], ["root@a", "--role", "x"], ["x", "root@a", "--with", "group"]]


@pytest.mark.parametrize("words", USAGE)
def test_a_wrong_command_line_is_said_to_be(demo: Company, words: list[str]) -> None:
    assert demo.daypass("explain", *words, check=False).returncode == 2
