"""Roles that get in each other's way, and which hosts two roles have in common."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.config.role import found, role

from daypass.config.reach import meet

PLAIN = {"force_command": '"one"'}
OTHER = {"name": '"s"', "force_command": '"two"'}
NETS = {"source_address": '["10.0.0.0/8"]'}
GIT = {"git": '{ "github.com" = "login" }'}

CLASHES = [
    (PLAIN, OTHER, "force_command", 'another one than role "r" has for "app" on the same hosts'),
    (PLAIN | {"hosts": '["web-*"]'}, OTHER | {"hosts": '["*-1.example.com"]'}, "force_command", "on the same hosts"),
    (PLAIN | {"hosts": "", "labels": '{ a = ["1"] }'}, OTHER, "force_command", "on the same hosts"),
    (NETS, {"source_address": '["192.0.2.0/24", "2001:db8::/32"]'}, "source_address", "exclude each other"),
    (GIT, {"git": '{ "github.com" = "claim:nick" }'}, 'git."github.com"', "who is given two names there"),
    (GIT | {"accounts": '["x"]'}, {"git": '{ "github.com" = "claim:nick" }'}, 'git."github.com"', "has no day pass"),
]


@pytest.mark.parametrize(("one", "other", "key", "said"), CLASHES)
def test_two_roles_that_contradict_each_other_are_told(
    one: dict[str, str], other: dict[str, str], key: str, said: str
) -> None:
    told = [str(each) for each in found(role(**one), role(**({"name": '"s"'} | other)))]
    assert [each.startswith(f"roles[1].{key}: ") and said in each for each in told] == [True], told


APART = [
    (PLAIN, OTHER | {"force_command": '"one"'}),
    (PLAIN, OTHER | {"accounts": '["web"]'}),
    (PLAIN, OTHER | {"day_pass": "false"}),
    (PLAIN | {"hosts": '["web-*"]'}, OTHER | {"hosts": '["db-*"]'}),
    (PLAIN | {"labels": '{ a = ["1"] }'}, OTHER | {"labels": '{ a = ["2"] }'}),
    (PLAIN | {"emails": '["ann@example.com"]'}, OTHER | {"emails": '["bob@example.com"]'}),
    (PLAIN | {"domains": '["a.example"]'}, OTHER | {"domains": '["b.example"]'}),
    (NETS, {"source_address": '["10.1.0.0/16", "192.0.2.0/24"]'}),
    (GIT, {"git": '{ "github.com" = "login", "git.example.com" = "claim:nick" }'}),
    (GIT, {"git": '{ "github.com" = "claim:nick" }', "day_pass": "false"}),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_roles_that_nobody_meets_together_are_left_alone(one: dict[str, str], other: dict[str, str]) -> None:
    assert [str(each) for each in found(role(**one), role(**({"name": '"s"'} | other)))] == []


def test_of_many_that_clash_each_is_told_once() -> None:
    many = [role(name=f'"r{number}"', force_command=f'"{number}"') for number in range(20)]
    assert len(found(*many)) == 19


_patterns = st.text("ab*?", max_size=6)


@given(_patterns, _patterns, st.text("ab", max_size=8))
def test_two_patterns_meet_if_a_name_matches_both(one: str, other: str, name: str) -> None:
    both = all(re.fullmatch(each.replace("*", ".*").replace("?", "."), name) for each in (one, other))
    assert meet(one, other) or not both


@given(_patterns, _patterns)
def test_two_patterns_meet_only_if_a_name_does(one: str, other: str) -> None:
    """Of two patterns of six characters, a name that matches both needs no more than twelve; try the short ones."""
    if meet(one, other):
        assert _witness(one, other) is not None
    assert meet(one, other) == meet(other, one)


def _witness(one: str, other: str) -> str | None:
    """A name that both match, by trying to spell one, a character at a time."""
    waiting = [(one, other, "")]
    while waiting:
        a, b, name = waiting.pop()
        if not a.strip("*") and not b.strip("*"):
            return name
        if len(name) > 12:
            continue
        for letter in "ab":
            waiting += [(x, y, name + letter) for x in _after(a, letter) for y in _after(b, letter)]
    return None


def _after(pattern: str, letter: str) -> set[str]:
    """What is left of a pattern when it has matched a letter."""
    bare = pattern.lstrip("*")
    left = {pattern} if pattern.startswith("*") else set()
    return left | ({bare[1:]} if bare[:1] in (letter, "?") else set())
