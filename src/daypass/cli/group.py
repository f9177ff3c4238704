"""The tree of commands. Groups name their commands as `module:attribute` and import one when it is called for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from getpass import GetPassWarning
from importlib import import_module
from typing import NamedTuple

import click

from daypass import __version__
from daypass.cli.options import with_verbose
from daypass.cli.output import show_error, show_hint
from daypass.client.signin.terminal import asker
from daypass.errors import Invalid, Misconfigured

__all__ = ["COMMANDS", "Lazy", "LazyGroup", "daypass", "run"]


class Lazy(NamedTuple):
    """Where a command is found, and its line in the list of commands."""

    target: str
    summary: str


COMMANDS = {
    "bootstrap": Lazy("daypass.cli.user:bootstrap", "Join a company: pin its CA's roots."),
    "login": Lazy("daypass.cli.login:login", "Sign in and get today's certificate."),
    "status": Lazy("daypass.cli.user:status", "Show what you hold, as whom, for how long."),
    "logout": Lazy("daypass.cli.user:logout", "Give it back: agent, file and open connections."),
    "ssh-config": Lazy("daypass.cli.user:ssh_config", "Set up OpenSSH for it, once."),
    "context": Lazy("daypass.cli.context:context", "Several companies: list, choose, leave."),
    "hosts": Lazy("daypass.cli.hosts:hosts", "List the hosts that you may log in to."),
    "doctor": Lazy("daypass.cli.doctor:doctor", "Find out what is wrong, and what to do."),
    "why": Lazy("daypass.cli.why:why", "Say what keeps you out of one host."),
    "explain": Lazy("daypass.cli.explain:explain", "Say who may log in where, and why."),
    "completion": Lazy("daypass.cli.completion:completion", "Print a completion script for your shell."),
    "uninstall": Lazy("daypass.cli.uninstall:uninstall", "Take everything of daypass off this account."),
    "certificate": Lazy("daypass.cli.files_certificate:certificate", "Get a certificate for a key in a file."),
    "inspect": Lazy("daypass.cli.files_show:inspect", "Show what a certificate or key says."),
    "fingerprint": Lazy("daypass.cli.files_show:fingerprint", "Print the fingerprints of keys in a file."),
    "needs-renewal": Lazy("daypass.cli.files:needs_renewal", "Tell whether a certificate needs renewal."),
    "renew": Lazy("daypass.cli.files_renew:renew", "Renew a host's certificate."),
    "rekey": Lazy("daypass.cli.files_renew:rekey", "Move a host's certificate to a new key."),
    "revoke": Lazy(
        "daypass.cli.files_revoke:revoke", "Take certificates back: your own, or as an operator anybody's."
    ),
    "list": Lazy("daypass.cli.files:list_keys", "List what your ssh-agent holds."),
    "check-host": Lazy("daypass.cli.files:check_host", "Tell whether a host has enrolled."),
    "host": Lazy("daypass.cli.host:host", "Enrol this server and look after its certificates."),
    "who": Lazy("daypass.cli.explain:who", "List who could log in to an account of a host."),
    "policy": Lazy("daypass.cli.policy:policy", "Try a policy before it is in force."),
    "ca": Lazy("daypass.cli.admin:ca", "Make a CA, check its configuration, run it."),
    "token": Lazy("daypass.cli.admin_token:token", "Make one-time tokens for machines that join."),
    "scim": Lazy("daypass.cli.scim:scim", "Let identity providers push their directories."),
    "approvals": Lazy("daypass.cli.approvals:approvals", "Approve what another operator has asked for."),
    "person": Lazy("daypass.cli.person:person", "People on record: who they are, what they are called."),
    "lock": Lazy("daypass.cli.lock:lock", "Lock a person out."),
    "unlock": Lazy("daypass.cli.lock:unlock", "Let people in again."),
    "revocations": Lazy(
        "daypass.cli.revocations:revocations", "What has ended access, and what came of it on hosts."
    ),
    "sessions": Lazy("daypass.cli.sessions:sessions", "List who is on which host; end a session."),
    "ledger": Lazy("daypass.cli.admin:ledger", "Read and verify the record of what the CA did."),
}

_SECTIONS = {
    "For people": (
        *("bootstrap", "login", "status", "logout", "ssh-config", "context"),
        *("hosts", "doctor", "why", "explain", "completion", "uninstall"),
    ),
    "For keys and certificates in files": (
        *(
            "certificate",
            "inspect",
            "fingerprint",
            "needs-renewal",
            "renew",
            "rekey",
            "revoke",
            "list",
            "check-host",
        ),
    ),
    "For servers": ("host",),
    "For the CA": (
        *("who", "policy", "ca", "token", "scim", "approvals", "person", "lock", "unlock"),
        *("revocations", "sessions", "ledger"),
    ),
}


class LazyGroup(click.Group):
    """The top group: lists every command from the table above, imports only the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].target.partition(":")
        try:
            command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise _not_installed(cmd_name, error) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is not a click command")
        return with_verbose(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """click looks for what was meant among commands that are loaded, and here none is."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            from difflib import get_close_matches

            meant = get_close_matches(error.command_name, COMMANDS, 1)
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=meant, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, COMMANDS[name].summary) for name in names])


def _not_installed(command: str, error: ModuleNotFoundError) -> Exception:
    """A base install has no server in it; a missing module of ours is a fault and stays one."""
    if (error.name or "").partition(".")[0] == "daypass":
        return error
    return Misconfigured(
        f"daypass {command} needs a part that is not installed: {error.name}",
        hint="install it with: pip install 'daypass[ca]'",
    )


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  daypass bootstrap https://ca.example.com/#3f0a…   join, once
  daypass ssh-config                                set up OpenSSH, once
  daypass login                                     every morning
  ssh web-1                                         as always

Each command explains itself: daypass COMMAND --help. Exit codes: 0 done or yes, 1 no, 2 usage, 3 and above say
what kind of error it was.""",
)
@click.version_option(__version__, prog_name="daypass", message="%(prog)s %(version)s")
def daypass() -> None:
    """Sign in once a day, then plain ssh works."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line through click; its own errors are usage errors, ours go on to the caller."""
    warnings.filterwarnings("ignore", category=GetPassWarning)
    try:
        code = daypass.main(list(arguments), prog_name="daypass", standalone_mode=False)
    except click.UsageError as error:
        _show_usage(error, arguments)
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        if isinstance(error.__context__, EOFError) and asker() is None:
            hint = f"options or files say it: {_path(arguments)} --help"
            raise Misconfigured("there is no terminal to ask at", code="cli.terminal", hint=hint) from None
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _show_usage(error: click.UsageError, arguments: Sequence[str]) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return
    message = error.format_message().rstrip(".")
    show_error(Invalid(message[:1].lower() + message[1:]))
    show_hint(f"see: {error.ctx.command_path if error.ctx else _path(arguments)} --help")


def _path(arguments: Sequence[str]) -> str:
    """The command meant, where click does not say: `daypass ca serve` of `ca serve --config`."""
    command: click.Command | None = daypass
    names = ["daypass"]
    with click.Context(daypass) as context:
        for word in arguments:
            command = command.get_command(context, word) if isinstance(command, click.Group) else None
            if command is None:
                break
            names.append(word)
    return " ".join(names)
