"""`daypass policy`: try a policy before it is in force: a table of expected answers, and what a change widens."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.administration import Administration, administering
from daypass.cli.exits import Exit
from daypass.cli.output import data, good, json_data, note, printable, warn

if TYPE_CHECKING:
    from daypass.api import PolicyDiff
    from daypass.ca.cases import Outcome
    from daypass.config import Config

__all__ = ["policy"]

SHOWN = 5  # people or hosts on a line


@click.group(
    epilog="""\b
Examples:
  daypass policy test cases.toml --config daypass.toml
  daypass policy diff new.toml --against daypass.toml"""
)
def policy() -> None:
    """Try a policy before it is in force."""


@policy.command(
    epilog="""\b
Examples:
  daypass policy test cases.toml
  daypass policy test cases.toml --config daypass.toml --json

\b
The table is TOML:
  [people.alice]
  email = "alice@example.com"
  groups = ["dba"]
  [hosts.db-1]
  labels = { kind = "db" }
  [[cases]]
  who = "alice"
  at = "sql@db-1"
  expect = "yes"

\b
People and hosts are those of the table, with the labels given there, never
those on record: it needs no CA that runs, and says the same in CI.
Exit code: 0 all as expected, 1 something is not."""
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@where_options
@json_option
def test(where: Where, file: Path, as_json: bool) -> None:
    """Run a table of expected answers against the configuration."""
    from daypass.ca.cases import MAX_BYTES, read_cases, run
    from daypass.ca.policy import Policy

    with file.open("rb") as opened:
        cases = read_cases(opened.read(MAX_BYTES + 1))
    outcomes = list(run(Policy(where.load()), cases, int(time.time())))
    failed = [each for each in outcomes if not each.passed]
    if as_json:
        json_data([_fields(each) for each in outcomes])
    else:
        for each in failed:
            _show_failure(each)
        total = f"{len(outcomes)} cases"
        note(warn(f"{len(failed)} of {total} failed") if failed else good(f"{total} are as expected"))
    if failed:
        raise click.exceptions.Exit(Exit.NO)


def _show_failure(outcome: Outcome) -> None:
    case, answer = outcome.case, outcome.answer
    data(f"case {outcome.number}: {printable(case.who)} as {printable(case.at)}")
    data(f"  expected    {_told(case.expect, case.role)}")
    data(f"  got         {_told(outcome.got, outcome.role)}")
    if answer.yes:
        line = answer.ways[0].line
        data(f"  because     {printable(f'{line.options} {line.principal}'.strip())}")
    else:
        data(f"  because     {printable(answer.message)} ({printable(answer.code)})")


def _told(answer: str, role: str) -> str:
    return f'{answer}, by role "{printable(role)}"' if role else answer


def _fields(outcome: Outcome) -> dict[str, object]:
    case, answer = outcome.case, outcome.answer
    return {
        "case": outcome.number, "who": case.who, "at": case.at, "passed": outcome.passed,
        "expected": case.expect, "expected_role": case.role, "got": outcome.got, "role": outcome.role,
        "code": answer.code, "message": answer.message,
    }  # fmt: skip


@policy.command(
    epilog="""\b
Examples:
  daypass policy diff new.toml                 with what is in force
  daypass policy diff new.toml --against daypass.toml
  daypass policy diff new.toml --json |
      jq '.changes[] | select(.effect != "narrower")'

\b
wider: somebody may get more by it. narrower: nobody can. different: more for
some, less for others, or nobody can tell. Each person is looked at as their
provider described them last, as if they signed in now.
Exit code: 0 nothing but narrower, 1 something may give somebody more."""
)
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--against", type=click.Path(path_type=Path, dir_okay=False), help="Compare with this file instead.")
@administering
@json_option
def diff(ca: Administration, new: Path, against: Path | None, as_json: bool) -> None:
    """Say what NEW changes, by key and for people.

    NEW is a configuration file; people and hosts are those on record.
    """
    from daypass.api import PolicyDiff, PolicyDiffRequest
    from daypass.config import load, policy_document

    after = load(new)
    if against is None:
        body = PolicyDiffRequest(document=policy_document(after))
        found = ca.call("policy_diff", body, PolicyDiff, "compare a policy with the one in force", as_json=as_json)
    else:
        found = _between(load(against), after)
    if as_json:
        from msgspec import to_builtins

        json_data(to_builtins(found))
    else:
        _show_diff(found, against)
    if found.widens:
        raise click.exceptions.Exit(Exit.NO)


def _between(before: Config, after: Config) -> PolicyDiff:
    """Of two files: nobody is on record."""
    from daypass.api import PolicyChange, PolicyDiff
    from daypass.ca.changes import changes, widens

    found = changes(before, after)
    listed = [PolicyChange(key=each.key, effect=each.effect.value, text=each.text) for each in found]
    return PolicyDiff(version=0, widens=widens(found), changes=listed, people=[])


def _show_diff(found: PolicyDiff, against: Path | None) -> None:
    data(f"against {against or f'version {found.version}'}:")
    for change in found.changes:
        data(f"  {_marked(change.effect)} {printable(change.key)}: {printable(change.text)}")
    for row in found.people:
        data(f"  {_marked(row.effect)} {printable(row.account)} on {_some(row.hosts)}: {_some(row.people)}")
        data(f"             {printable(row.text)}")
    if not found.changes:
        data("  nothing changes")
    note(warn("this may give somebody more") if found.widens else good("this gives nobody more"))


def _marked(effect: str) -> str:
    """In a column of ten."""
    word = f"{printable(effect):10}"
    return good(word, sys.stdout) if effect in ("narrower", "loses") else warn(word, sys.stdout)


def _some(names: list[str]) -> str:
    return ", ".join(printable(each) for each in names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )
