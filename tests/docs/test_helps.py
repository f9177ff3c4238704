"""What every `--help` has: it fits a terminal, shows examples, and cuts nothing short."""

from __future__ import annotations

import click
import pytest
from tests.docs.commands import walk

from daypass.cli.group import COMMANDS, daypass

TERMINAL = 80  # columns
FOUND = dict(walk(daypass, width=TERMINAL - 2))  # click leaves two
LEAVES = [path for path, context in FOUND.items() if not isinstance(context.command, click.Group)]


@pytest.mark.parametrize("path", FOUND)
def test_help_fits_an_ordinary_terminal(path: str) -> None:
    assert [line for line in FOUND[path].get_help().splitlines() if len(line) > TERMINAL] == []


@pytest.mark.parametrize("path", [path for path in FOUND if path not in LEAVES])
def test_a_group_says_of_each_command_what_it_does_to_the_end(path: str) -> None:
    assert "..." not in FOUND[path].get_help().replace("[ARGS]...", "")


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_shows_examples_of_itself(path: str) -> None:
    examples = FOUND[path].get_help().partition("Example")[2]
    assert f"  {path}" in examples.replace("sudo ", "  ")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_list_and_the_command_itself_agree_about_where_they_belong(name: str) -> None:
    assert f"  {name} " in FOUND["daypass"].get_help()
