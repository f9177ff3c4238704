"""How administrative commands reach the CA: by its socket on its own machine, else by a sign-in for the very act.

A command takes `@administering` and calls `ca.call(route, body, answer, purpose)`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from daypass.cli.admin_options import CONFIG_FILE, Where
from daypass.cli.exits import Exit
from daypass.cli.output import json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from msgspec import Struct

    from daypass.api import Pending
    from daypass.client.settings import Settings
    from daypass.client.signin.act import ActSignIn

__all__ = ["Administration", "administering", "administering_beside"]

Answer = TypeVar("Answer")


class Administration:
    """The CA that is administered, and the way to it.

    `named`: somebody said which configuration is meant. `settings`, `provider` and `opens` (a browser) are for a
    sign-in (trust 4.3).
    """

    def __init__(
        self,
        where: Where,
        settings: Callable[[], Settings],
        *,
        named: bool,
        remote: bool,
        provider: str | None = None,
        opens: bool = True,
    ) -> None:
        self.where, self._named, self._remote = where, named, remote
        self._settings, self._provider, self._opens = settings, provider, opens

    @property
    def here(self) -> bool:
        """Whether this is the CA's machine, and one may read its configuration."""
        return not self._remote and (self._named or os.access(self.where.file, os.R_OK))

    def call(self, name: str, body: Struct, answer: type[Answer], purpose: str, *, as_json: bool = False) -> Answer:
        """What the route `name` answers to `body`. `purpose` goes on with "sign in to": "lock alice".

        Where a second person has to approve, says how, and ends the command with exit code 11.
        """
        import msgspec

        from daypass.api import Pending, route_of
        from daypass.remote import AdminRemote

        path, content = route_of(name).path, msgspec.json.encode(body)
        found: Answer | Pending
        if (socket := self._socket()) is not None:
            with AdminRemote(socket) as local:
                found = local.administer(path, content, answer)
        else:
            found = self._sign_in().call(
                path, content, purpose, lambda ca, act: ca.administer(path, content, answer, act)
            )
        if isinstance(found, Pending):
            _tell_pending(found, as_json=as_json)
            raise click.exceptions.Exit(Exit.WAITING)
        return found

    def lines(
        self, name: str, body: Struct, line: type[Answer], purpose: str, take: Callable[[Iterator[Answer]], None]
    ) -> None:
        """The same for a route that answers in lines: `take` gets them as they come."""
        import msgspec

        from daypass.api import route_of
        from daypass.remote import AdminRemote

        path, content = route_of(name).path, msgspec.json.encode(body)
        if (socket := self._socket()) is not None:
            with AdminRemote(socket) as local:
                local.administer_lines(path, content, line, take)
            return
        self._sign_in().call(
            path, content, purpose, lambda ca, act: ca.administer_lines(path, content, line, take, act)
        )

    def _socket(self) -> Path | None:
        """None where there is none for us. One that is only not there now is, for who could not sign in anyway."""
        if not self.here:
            return None
        path = self.where.socket()
        ours = self._named or os.access(path, os.W_OK) or self.settings().current() is None
        return path if ours else None

    def settings(self) -> Settings:
        """Of the person who runs this."""
        return self._settings()

    def _sign_in(self) -> ActSignIn:
        from daypass.cli.login import opener_for
        from daypass.cli.options import keep_log
        from daypass.client.signin.act import ActSignIn
        from daypass.client.signin.desk import has_browser
        from daypass.client.signin.terminal import asker

        settings = self.settings()
        keep_log(settings)
        opener = opener_for(self._opens and has_browser(settings.environ))
        return ActSignIn(settings, lambda text: note(printable(text)), opener, self._provider, asker())


def administering(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which CA and which way, handed to the command as one `ca`."""
    return click.option("--root", default="", metavar="DIR", help="Work below DIR instead of / (tests, images).")(
        _administering(command, own_root=False)
    )


def administering_beside(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that has a --root of its own, which then counts for both."""
    return _administering(command, own_root=True)


def _administering(command: Callable[..., Any], *, own_root: bool) -> Callable[..., Any]:
    @functools.wraps(command)
    def wrapped(
        config: Path | None, context: str, remote: bool, provider: str | None, no_browser_open: bool, **arguments: Any
    ) -> Any:
        root = str(arguments["root"] if own_root else arguments.pop("root"))
        root = "" if root == "/" else root
        where = Where(config or CONFIG_FILE, Path(root or "/"))
        asks = bool(remote or context or provider)
        if asks and config is not None:
            raise click.UsageError("--config is for the CA on this machine; --remote, --context, --provider are not")
        named = config is not None or (bool(root) and where.file.exists())
        ca = Administration(
            where,
            functools.partial(_settings, root, context),
            named=named,
            remote=asks,
            provider=provider,
            opens=not no_browser_open,
        )
        return command(ca=ca, **arguments)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_OPTIONS = (
    click.option("--remote", is_flag=True, help="Sign in for it, even on the CA's own machine."),
    click.option("--provider", metavar="NAME", help="Which identity provider to sign in at."),
    click.option("--no-browser-open", is_flag=True, help="Print the address to open, and open nothing."),
    click.option("--context", default="", metavar="NAME", help="Which company, where you have joined several."),
    click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"The CA's configuration, on its own machine.  [default: {CONFIG_FILE}]",
    ),
)


def _settings(root: str, context: str) -> Settings:
    from daypass.client.settings import Settings

    return Settings.load(root, context=context)


def _tell_pending(found: Pending, *, as_json: bool) -> None:
    if as_json:
        json_data({"pending": found.id, "digest": found.digest, "expires_at": utc(found.expires_at)})
    note(f"{found.act} waits for a second person, until {moment(found.expires_at)}")
    show_hint(f"another operator approves it: daypass approvals approve {found.id} --digest {found.digest}")
