"""Where a host's files lie, and what its owner has laid down in `/etc/daypass/host.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from daypass.errors import Invalid, Misconfigured
from daypass.host import files

__all__ = ["Paths", "Settings"]

_UNFIT = set('"%\\#\n\r\t')  # what sshd's configuration gives a meaning of its own


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path daypass touches on a host. `root` stands before each of them, in sshd's configuration too."""

    root: Path = Path("/")

    def __post_init__(self) -> None:
        if not self.root.is_absolute() or _UNFIT & set(str(self.root)):
            raise Invalid("--root must be an absolute path without quotes, backslashes, # or %")

    @property
    def ours(self) -> Path:
        """What sshd reads; for everyone to see, for root alone to change."""
        return self.root / "etc/ssh/daypass"

    @property
    def principals(self) -> Path:
        return self.ours / "principals"

    @property
    def user_ca(self) -> Path:
        return self.ours / "user_ca.pub"

    @property
    def krl(self) -> Path:
        return self.ours / "krl"

    @property
    def break_glass(self) -> Path:
        """Which keys open one account on the day everything is down, in the form of authorized_keys (trust 8.5)."""
        return self.ours / "break_glass"

    @property
    def sshd_config(self) -> Path:
        return self.root / "etc/ssh/sshd_config"

    @property
    def host_keys(self) -> Path:
        """Where host keys are looked for when sshd names none."""
        return self.root / "etc/ssh"

    @property
    def passwd(self) -> Path:
        return self.root / "etc/passwd"

    @property
    def shadow(self) -> Path:
        return self.root / "etc/shadow"

    @property
    def group(self) -> Path:
        return self.root / "etc/group"

    @property
    def settings(self) -> Path:
        return self.root / "etc/daypass/host.toml"

    @property
    def memory(self) -> Path:
        """What this host remembers; for root alone."""
        return self.root / "var/lib/daypass"

    @property
    def state(self) -> Path:
        return self.memory / "state.json"

    @property
    def trust(self) -> Path:
        """The trust document as it came, with its signature; `bundle` likewise."""
        return self.memory / "trust.json"

    @property
    def bundle(self) -> Path:
        return self.memory / "bundle.json"

    @property
    def made_accounts(self) -> Path:
        """Which accounts daypass has made, so that it locks no others."""
        return self.memory / "accounts.json"

    @property
    def logins(self) -> Path:
        """How often which account was entered by what, as this host has counted."""
        return self.memory / "logins.json"

    @property
    def enforcement(self) -> Path:
        """That certificates alone are let in, for which accounts not, and until when it waits to be confirmed."""
        return self.memory / "enforce.json"

    @property
    def break_glass_state(self) -> Path:
        """What of it is in force, and what stands against it (`host.breakglass`)."""
        return self.memory / "break-glass.json"

    @property
    def alarms(self) -> Path:
        """Who has come in by break-glass, and of whom the CA has not heard (`host.noise`)."""
        return self.memory / "alarms.json"

    @property
    def swap(self) -> Path:
        """A change of certificates that goes on now, or was interrupted (`host.swap`)."""
        return self.memory / "swap.json"

    @property
    def remains(self) -> Path:
        """What gone persons have left here, and which accounts were locked for it (`host.remains`)."""
        return self.memory / "remains.json"

    @property
    def remains_sent(self) -> Path:
        """Which of it the CA has heard."""
        return self.memory / "remains.sent"

    @property
    def quarantine(self) -> Path:
        """What was taken out of accounts, so that it can be put back."""
        return self.memory / "quarantine"

    @property
    def given_up(self) -> Path:
        """Certificates of old keys that the CA has yet to be told of."""
        return self.memory / "given-up.json"

    @property
    def said(self) -> Path:
        """What `host sync` has complained of last."""
        return self.memory / "said.json"

    @property
    def sessions(self) -> Path:
        """Who is on this host now, and what has become of those whose session was ended."""
        return self.memory / "sessions.json"

    @property
    def lock(self) -> Path:
        """Empty; held while something changes these files."""
        return self.memory / "lock"

    @property
    def agent_lock(self) -> Path:
        """Empty; held by the agent that runs."""
        return self.memory / "agent.lock"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`host.toml`: the owner's ceiling, which beats whatever the CA sends (trust 2.6).

    never           accounts that nobody may enter by certificate, whatever their roles
    make_accounts   false: no account is ever made here
    allowed_groups  the only groups that accounts made here get into; without it, those that the CA names
    remains         the most that is done about what gone persons have left: report, quarantine or lock
    """

    never: list[str] = []
    make_accounts: bool = True
    allowed_groups: list[str] | None = None
    remains: Literal["report", "quarantine", "lock"] = "lock"

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read the file; without one there is no ceiling. Misconfigured where it can't be understood, or where
        somebody beside root could lift the ceiling."""
        try:
            files.check(path.parent)
            files.check(path)
        except Misconfigured as error:
            hint = f"make it root's own file that only root may write to: {path}"
            raise Misconfigured(error.message, code=error.code, hint=hint) from None
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{path} can't be read: {error}", code="host.settings") from error
        try:
            return msgspec.convert(tomllib.loads(text), cls)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            hint = 'it looks like this: never = ["root"]'
            raise Misconfigured(f"{path} can't be understood: {error}", code="host.settings", hint=hint) from error
