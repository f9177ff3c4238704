"""`daypass ca check-config`: every mistake at once, or what the configuration amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.exits import Exit
from daypass.cli.output import bold, data, good, json_data, note

if TYPE_CHECKING:
    from daypass.ca.recorded import Record
    from daypass.config import Config, Problem, RoleSection
    from daypass.config.schema import WhoSection

__all__ = ["check_config"]


@click.command(
    "check-config",
    epilog="""\b
Examples:
  daypass ca check-config
  daypass ca check-config --config daypass.toml --json | jq '.problems[].path'

\b
Exit code: 0 no mistake (warnings do not count), 1 mistakes were found.""",
)
@where_options
@json_option
def check_config(where: Where, as_json: bool) -> None:
    """Tell every mistake in the configuration at once.

    If there is none, it is held against what the CA's database has on record, too: groups that nobody was ever in,
    roles that reach no host, accounts that their hosts don't have.
    """
    from daypass.config import errors_in
    from daypass.config.reading import read

    reading = read(where.file)
    found = Findings(reading.config, reading.problems, len(errors_in(reading.problems)))
    if not found.mistakes:
        found.problems += open_to_others(reading.secret)
        found.look_at_record(where.root)
    if as_json:
        json_data(found.fields())
    else:
        _tell(where.file, found)
    if found.mistakes:
        raise click.exceptions.Exit(Exit.NO)


@dataclass
class Findings:
    """What is known of one configuration. `unread`: why there is nothing on record to hold it against."""

    config: Config
    problems: list[Problem]
    mistakes: int
    record: Record | None = None
    unread: str = ""

    def look_at_record(self, root: Path) -> None:
        from daypass.ca.recorded import findings
        from daypass.cli.admin_record import record_of
        from daypass.config import rebased

        record = record_of(rebased(self.config, root))
        if isinstance(record, str):
            self.unread = record
        else:
            self.record = record
            self.problems += findings(self.config, record)

    def holders(self) -> dict[str, int]:
        from daypass.ca.recorded import holders

        return holders(self.config, self.record) if self.record else {}

    def fields(self) -> dict[str, object]:
        from daypass.config import policy_hash

        policy = None if self.mistakes else policy_hash(self.config).hex()
        on_record = self.record and {
            "people": len(self.record.people),
            "hosts": len(self.record.hosts),
            "roles": self.holders(),
        }
        problems = [_fields(each) for each in self.problems]
        return {
            "ok": not self.mistakes,
            "policy_hash": policy,
            "problems": problems,
            "on_record": on_record,
            "not_on_record": self.unread or None,
        }


def open_to_others(files: Sequence[Path]) -> Iterator[Problem]:
    """A warning for each file with a client secret in it that others on this machine can read."""
    from daypass.config.problem import warning

    for path in files:
        if path.stat().st_mode & 0o077:
            yield warning("", f"others can read {path}, and there is a client secret in it", f"chmod 600 {path}")


def _tell(path: Path, found: Findings) -> None:
    from daypass.config import errors_in, warnings_in

    for mistake in errors_in(found.problems):
        data(f"error: {mistake}")
    for each in warnings_in(found.problems):
        data(f"warning: {each}")
    if found.mistakes:
        note(f"{path}: {'1 mistake' if found.mistakes == 1 else f'{found.mistakes} mistakes'}")
        return
    note(good(f"{path} is good"))
    if found.unread:
        note(f"not held against people and hosts on record: {found.unread}")
    for line in summary(found):
        data(line)


def summary(found: Findings) -> Iterator[str]:
    """What the configuration amounts to, a line each."""
    from daypass.config import redirects

    config, holders = found.config, found.holders()
    yield f"{config.ca.name} at {config.ca.url}, for hosts {', '.join(config.hosts.domains)}"
    for provider in config.providers:
        yield f"sign-in {bold(provider.name)}: {provider.issuer}"
        for address in redirects(config, provider):
            yield f"  redirect address to register there: {address}"
    for stack in config.pam:
        yield f"sign-in {bold(stack.name)}: PAM service {stack.service}"
    for role in config.roles:
        accounts = ["their own account" if each == "{login}" else each for each in role.accounts]
        given = [*accounts, role.lifetime or config.lifetimes.user, *(f"Git at {host}" for host in role.git)]
        yield f"role {bold(role.name)}: {' and '.join(_conditions(role))} -> {', '.join(given)}{_where(role)}"
        if found.record and found.record.people:
            yield f"  of {_people(len(found.record.people))} on record it is for {holders[role.name]}"
    for operator in config.operators:
        yield f"operator {bold(operator.name)}: {' and '.join(_conditions(operator))} -> {', '.join(operator.can)}"


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _where(role: RoleSection) -> str:
    """On which hosts, and within which bounds, where that is not everywhere and always."""
    told = [] if role.hosts in ([], ["*"]) else [f"on {' or '.join(role.hosts)}"]
    told += [f"with {name} {' or '.join(values)}" for name, values in role.labels.items()]
    told += [f"from {' or '.join(role.source_address)}"] if role.source_address else []
    told += [f"at {' or '.join(role.windows)}"] if role.windows else []
    told += [f"only to run {role.force_command}"] if role.force_command else []
    told += [] if role.day_pass else ["by daypass login --role alone"]
    return "".join(f", {each}" for each in told)


def _conditions(who: WhoSection) -> Iterator[str]:
    words = {"group": who.groups, "e-mail": who.emails, "domain": who.domains, "amr": who.amr, "acr": who.acr}
    for word, values in (*words.items(), *who.claims.items()):
        if values:
            yield f"{word} {' or '.join(values)}"
    if who.max_auth_age:
        yield f"signed in within {who.max_auth_age}"
    if who.provider:
        yield f"from {who.provider}"


def _fields(problem: Problem) -> dict[str, str]:
    return {
        "file": problem.file,
        "path": problem.path,
        "message": problem.message,
        "suggestion": problem.suggestion,
        "severity": problem.severity.value,
    }
