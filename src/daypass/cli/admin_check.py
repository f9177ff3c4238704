"""`daypass ca check-config`: every mistake at once, or what the configuration amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.exits import Exit
from daypass.cli.output import bold, data, good, json_data, note

if TYPE_CHECKING:
    from daypass.config import Config, Problem, ProviderSection, RoleSection

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
    """Tell every mistake in the configuration at once."""
    from daypass.config import errors_in, policy_hash
    from daypass.config.reading import read

    reading = read(where.file)
    config, problems = reading.config, reading.problems
    mistakes = errors_in(problems)
    if not mistakes:
        problems += open_to_others(reading.secret)
    if as_json:
        policy = None if mistakes else policy_hash(config).hex()
        json_data({"ok": not mistakes, "policy_hash": policy, "problems": [_fields(each) for each in problems]})
    else:
        _tell(where.file, config, problems, len(mistakes))
    if mistakes:
        raise click.exceptions.Exit(Exit.NO)


def open_to_others(files: Sequence[Path]) -> Iterator[Problem]:
    """A warning for each file with a client secret in it that others on this machine can read."""
    from daypass.config.problem import warning

    for path in files:
        if path.stat().st_mode & 0o077:
            yield warning("", f"others can read {path}, and there is a client secret in it", f"chmod 600 {path}")


def _tell(path: Path, config: Config, problems: Sequence[Problem], mistakes: int) -> None:
    from daypass.config import errors_in, warnings_in

    for mistake in errors_in(problems):
        data(f"error: {mistake}")
    for each in warnings_in(problems):
        data(f"warning: {each}")
    if mistakes:
        note(f"{path}: {'1 mistake' if mistakes == 1 else f'{mistakes} mistakes'}")
        return
    note(good(f"{path} is good"))
    for line in summary(config):
        data(line)


def summary(config: Config) -> Iterator[str]:
    """What the configuration amounts to, a line each."""
    yield f"{config.ca.name} at {config.ca.url}, for hosts {', '.join(config.hosts.domains)}"
    for provider in config.providers:
        yield f"sign-in {bold(provider.name)}: {provider.issuer}"
        for address in redirects(config, provider):
            yield f"  redirect address to register there: {address}"
    for role in config.roles:
        accounts = ["their own account" if each == "{login}" else each for each in role.accounts]
        given = [*accounts, role.lifetime or config.lifetimes.user, *(f"Git at {host}" for host in role.git)]
        yield f"role {bold(role.name)}: {' and '.join(_conditions(role))} -> {', '.join(given)}"


def redirects(config: Config, provider: ProviderSection) -> Iterator[str]:
    """Where the provider sends people back to: their own machine (any port, RFC 8252 section 7.3, unless ports are
    listed), and the CA's pages."""
    from daypass.config import callbacks, loopback_path

    for port in provider.redirect_ports or ("",):
        yield f"http://{provider.redirect_host}{port and f':{port}'}{loopback_path(config, provider.name)}"
    if (address := callbacks(config).get(provider.name)) is not None:
        yield f"{address} (client {provider.web_client_id})" if provider.web_client_id else address


def _conditions(role: RoleSection) -> Iterator[str]:
    for word, values in (("group", role.groups), ("e-mail", role.emails), ("domain", role.domains)):
        if values:
            yield f"{word} {' or '.join(values)}"
    if role.provider:
        yield f"from {role.provider}"


def _fields(problem: Problem) -> dict[str, str]:
    return {
        "file": problem.file,
        "path": problem.path,
        "message": problem.message,
        "suggestion": problem.suggestion,
        "severity": problem.severity.value,
    }
