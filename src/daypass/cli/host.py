"""`daypass host`: a server gets its first certificates, and tells what it has."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.administration import Administration, administering_beside
from daypass.cli.exits import Exit
from daypass.cli.host_enforce import enforce
from daypass.cli.host_explain import explain
from daypass.cli.host_leave import leave, prepare_image
from daypass.cli.host_list import host_list, remove, replace, show
from daypass.cli.host_options import host_paths, json_option, root_option, sshd_of, sshd_options
from daypass.cli.host_rekey import rekey
from daypass.cli.host_remains import remains
from daypass.cli.host_report import report
from daypass.cli.host_status import state_facts, status
from daypass.cli.host_sync import sync
from daypass.cli.host_user_data import user_data
from daypass.cli.host_ways import Way, X5c, way_options
from daypass.cli.output import data, json_data, moment, note, printable, show_hint
from daypass.errors import DaypassError, Invalid

if TYPE_CHECKING:
    from daypass.host.enrol import Enrolled, Machine
    from daypass.host.settings import Paths
    from daypass.wire.jointoken import JoinTokenText
    from daypass.wire.onetime import Site

__all__ = ["host", "join_token"]

_TOKEN_VARIABLE = "DAYPASS_JOIN_TOKEN"  # noqa: S105  a name, not a token
_MAX_TOKEN = 16 * 1024  # characters read; the longest token is shorter


@click.group(
    epilog="""\b
Examples:
  sudo daypass host enroll --token-file /root/join-token
  sudo daypass host sync
  sudo daypass host status
  daypass host list"""
)
def host() -> None:
    """Enrol this server and look after its certificates; operators: all hosts."""


host.add_command(sync)
host.add_command(status)
host.add_command(rekey)
host.add_command(explain)
host.add_command(report)
host.add_command(remains)
host.add_command(enforce)
host.add_command(leave)
host.add_command(prepare_image)
host.add_command(user_data)
host.add_command(host_list)
host.add_command(show)
host.add_command(remove)
host.add_command(replace)


@host.command(
    epilog="""\b
Examples:
  sudo daypass host enroll --token-file /root/join-token
  ssh ca.example.com sudo daypass token host web-1.example.com |
      sudo daypass host enroll --token-file -
  sudo daypass host enroll --token-file token --dry-run    look, and keep it
  sudo daypass host enroll --cloud auto --ca https://ca.example.com/#96d9…
  sudo daypass host enroll --name web-1.example.com --provisioner mesh \\
      --x5c-cert cert.pem --x5c-key key.pem --ca https://ca.example.com/#96d9…
  daypass host enroll --over-ssh fleet.txt    an operator, for many

With --cloud, --port22 or --x5c-cert no token is needed: the CA's configuration says which hosts may enrol so.
The token may also stand in DAYPASS_JOIN_TOKEN; never in the command line, which everyone on a machine can read.
Existing authorized_keys go on working. Should anything fail, sshd is left as it was.

A list for --over-ssh has a host a line: NAME [USER@HOST[:PORT]] [KEY=VALUE …]. ssh goes in as you do now, and needs
root there or sudo without a password. The first wave is one host, the second five. Run it again with the same list:
hosts that are done are left alone. Exit code 1: not all of them are enrolled."""
)
@click.option("--token-file", metavar="FILE", help="Where the join token stands; - reads it from standard input.")
@click.option("--name", default="", metavar="NAME", help="Which host this is, where the token is for several.")
@way_options
@root_option
@sshd_options
@click.option(
    "--no-reload", is_flag=True, help="Leave the running sshd alone; the certificate counts from its start."
)
@click.option("--dry-run", is_flag=True, help="Look at this machine and tell what would be done. Nothing is changed.")
@click.option("--no-service", is_flag=True, help="Leave daypass-host.service out: something else calls host sync.")
@click.option("--over-ssh", "listed", metavar="LIST", help="Enrol the hosts of this list instead; - reads it.")
@click.option(
    "--wave", type=click.IntRange(1), default=25, show_default=True, help="Hosts in a wave, from the third."
)
@click.option("--parallel", type=click.IntRange(1, 64), default=8, show_default=True, help="Hosts at a time.")
@click.option("--keep-going", is_flag=True, help="Begin the next wave though one had failures.")
@click.option("--ssh-option", "options", multiple=True, metavar="K=V", help="A further -o for ssh; repeatable.")
@administering_beside
@json_option
@click.pass_context
def enroll(
    context: click.Context, ca: Administration, token_file: str | None, name: str, cloud: str | None, port22: bool,
    x5c_cert: Path | None, x5c_key: Path | None, provisioner: str, ca_url: str, fingerprint: str, root: Path,
    sshd_config: Path | None, binary: Path | None, no_reload: bool, no_service: bool, dry_run: bool,
    listed: str | None, wave: int, parallel: int, keep_going: bool, options: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Get this server's first certificates, and set up its sshd.

    With --over-ssh: those of a whole fleet, by the ssh access you have now.
    """
    if listed is not None:
        from daypass.cli.host_over_ssh import OverSsh

        if token_file is not None or name or dry_run or cloud or port22 or x5c_cert:
            raise click.UsageError("--over-ssh makes tokens: it goes with no other way to enrol, --name or --dry-run")
        done = OverSsh(ca, listed, wave, parallel, keep_going, options).run(as_json=as_json)
        context.exit(Exit.OK if done else Exit.NO)
    from daypass.host.enrol import prepare

    x5c = X5c.asked(x5c_cert, x5c_key, provisioner)
    way = Way.asked(cloud, port22, x5c, name, ca_url, fingerprint)
    if way is not None and token_file is not None:
        raise click.UsageError("--token-file goes without --cloud, --port22 and --x5c-cert")
    way = way or Way.of_token(*join_token(token_file))
    paths = host_paths(root)
    machine = prepare(paths, sshd_of(paths, sshd_config, binary), with_reload=not no_reload)
    for warning in machine.warnings:
        note(f"daypass: warning: {printable(warning)}")
    if dry_run:
        _show_plan(machine, way.url, as_json)
        return
    enrolled = _enrol(machine, way, name, with_reload=not no_reload)
    service = not no_service and _start_service(paths)
    _show_enrolled(enrolled, machine, service, as_json)


@host.command(
    epilog="""\b
Examples:
  sudo daypass host run
  systemctl status daypass-host     what enroll has started
  journalctl -u daypass-host

Listens for what the CA has to say, brings it into force, and renews certificates when two thirds of their time are
over. Ends with SIGTERM. Exit code 7: another one runs here already."""
)
@root_option
def run(root: Path) -> int:
    """Keep this server fresh, until it is stopped."""
    from daypass.cli.host_run import run_agent

    return run_agent(str(root))


def join_token(token_file: str | None) -> tuple[JoinTokenText | Site, str]:
    """Where the CA of a join token or a one-time token is, and its text.

    The variable is taken out of the environment, so that no child inherits it.
    """
    from daypass.wire.jointoken import PREFIX, JoinTokenText
    from daypass.wire.onetime import site_of

    from_environment = os.environ.pop(_TOKEN_VARIABLE, None)
    if token_file == "-":  # noqa: S105  a path
        if sys.stdin.isatty():
            note("paste the join token, then Ctrl-D:")
        text = sys.stdin.read(_MAX_TOKEN)
    elif token_file is not None:
        text = _read(Path(token_file))
    elif from_environment is not None:
        text = from_environment
    else:
        hint = "make one on the CA machine (daypass token host NAME) and give it with --token-file FILE"
        raise Invalid("there is no join token", code="token.missing", hint=hint)
    text = text.strip()
    return JoinTokenText.decode(text) if text.startswith(PREFIX) or text.count(".") != 2 else site_of(text), text


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MAX_TOKEN)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the join token can't be read from {path}", code="token.file") from error


def _enrol(machine: Machine, way: Way, name: str, *, with_reload: bool) -> Enrolled:
    from daypass import trusted
    from daypass.host.enrol import enrol
    from daypass.host.own_name import own_name
    from daypass.remote import Remote

    if sys.stderr.isatty():  # a slow network and sshd's restart may take seconds; scripts need no such line
        note(f"asking {printable(way.url)} for this server's certificates, then setting up sshd …")
    with Remote(way.url, None) as unpinned:
        root = unpinned.root_unverified(way.fingerprint)
    ca_id = trusted.extract_trust_root(root)
    with Remote(way.url, root) as remote:
        word = way.show(remote, ca_id, machine)
        return enrol(
            machine, remote, ca_id, word, url=way.url, roots=[root], now=time.time(), with_reload=with_reload,
            name=name or own_name(),
        )  # fmt: skip


def _show_plan(machine: Machine, url: str, as_json: bool) -> None:
    plan = machine.plan()
    keys = {str(key.path): key.public_key.fingerprint for key in machine.keys}
    if as_json:
        json_data({
            "ca": url, "keys": keys, "configuration": str(plan.path), "own_accounts": list(machine.accounts),
            "never": list(machine.never), "warnings": list(machine.warnings),
        })  # fmt: skip
        return
    data(f"would ask {url} for certificates for")
    for path, fingerprint in keys.items():
        data(f"  {path}  {fingerprint}")
    data(f"would write {machine.paths.ours}/ and {'' if plan.include else 'a marked block on top of '}{plan.path}:")
    for line in machine.lines():
        data(f"  {line}")
    data("nothing was changed, and the CA was not asked")


def _start_service(paths: Paths) -> bool:
    """Where systemd is there to run it. The host is enrolled whatever comes of it."""
    from daypass.host import service

    if not service.booted(paths):
        return False
    try:
        service.install(paths)
    except DaypassError as error:
        note(f"daypass: warning: {printable(error.message)}")
        show_hint(error.hint or "look after the service: systemctl status daypass-host")
        return False
    return True


def _show_enrolled(enrolled: Enrolled, machine: Machine, service: bool, as_json: bool) -> None:
    state, outcome = enrolled.state, enrolled.outcome
    if as_json:
        json_data({
            **state_facts(state), "configuration": str(outcome.configuration), "proven": outcome.proven,
            "accounts": list(enrolled.accounts), "warnings": list(machine.warnings), "service": service,
        })  # fmt: skip
        return
    data(f"{state.name} is enrolled with {state.url}, until {moment(state.expires)}")
    if outcome.proven:
        data("sshd presents its new certificate; keys in authorized_keys go on working")
    else:
        data("no running sshd was touched; the certificate counts when it next starts")
    if service:
        data("daypass-host.service keeps it fresh")
    else:
        data("nothing keeps it fresh yet: have cron call daypass host sync, or a service daypass host run")
