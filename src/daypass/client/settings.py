"""The client's files: one folder per company, everything 0700 and 0600, every write whole or not at all.

HOME/contexts/NAME/context.json        URL, fingerprint, CA id
                   roots.pem           TLS roots of the CA, from the trust document
                   trust.json          the trust document and its signature, as received
                   bundle.json         which hosts have enrolled, and its signature, as received
                   id-cert.pub         today's certificate; the key is in the agent alone
                   agent               which agent, as text
                   lock                held by whoever changes these two
                   pass.conf           read by ssh while the certificate is valid
                   role-NAME-cert.pub  a certificate of one role alone, see client.rolefiles
                   roles-agent         the agent of those, as text
                   roles.conf, roles-own.conf, role-check  what ssh is told of them
                   valid, agent.sock   what ssh tells that by, see client.marker
                   check               what ssh runs where they say it is not
                   failure.json        how the last sign-in that ssh started failed
                   sign-in.lock        held while one goes on
                   signed-out          there after a logout, until the next login
                   ssh_config, known_hosts, revoked_host_keys
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import get_native_id

import msgspec

from daypass.client import place
from daypass.client.platform import Platform
from daypass.client.portable import NO_FOLLOW, restrict, sync_folder
from daypass.errors import Misconfigured, NotFound

__all__ = [
    "Context",
    "MachineDefaults",
    "Settings",
    "is_context_name",
    "is_plain",
    "make_folder",
    "write_file",
    "write_new",
]

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
# ssh's configuration has no way to write these into a file name that holds in every place it is used.
_UNUSABLE = re.compile(r"[^\x20-\x7e\x80-\U0010ffff]|[\"'\\%$`*?\[\]{}#]")


@dataclass(frozen=True, slots=True)
class Context:
    """The files of one company."""

    name: str
    folder: Path

    @property
    def description(self) -> Path:
        return self.folder / "context.json"

    @property
    def roots(self) -> Path:
        return self.folder / "roots.pem"

    @property
    def trust(self) -> Path:
        return self.folder / "trust.json"

    @property
    def bundle(self) -> Path:
        return self.folder / place.BUNDLE

    @property
    def my_hosts(self) -> Path:
        return self.folder / "my_hosts.json"

    @property
    def certificate(self) -> Path:
        return self.folder / place.CERTIFICATE

    @property
    def agent(self) -> Path:
        return self.folder / place.AGENT_NOTE

    @property
    def lock(self) -> Path:
        """Held by whoever changes the pass."""
        return self.folder / "lock"

    @property
    def pass_config(self) -> Path:
        return self.folder / "pass.conf"

    @property
    def roles_agent(self) -> Path:
        return self.folder / place.ROLES_AGENT

    @property
    def roles_config(self) -> Path:
        """What ssh offers while roles are held alone, before the day pass; see client.openssh.roleconfig."""
        return self.folder / "roles.conf"

    @property
    def roles_own_config(self) -> Path:
        """The same, behind the day pass."""
        return self.folder / "roles-own.conf"

    @property
    def role_check(self) -> Path:
        return self.folder / "role-check"

    @property
    def valid_marker(self) -> Path:
        """What ssh looks at; see client.marker, as for the next."""
        return self.folder / place.VALID

    @property
    def agent_link(self) -> Path:
        return self.folder / place.AGENT_LINK

    @property
    def check(self) -> Path:
        """The script ssh runs where the marker says there is no valid pass."""
        return self.folder / "check"

    @property
    def failure(self) -> Path:
        """How the last sign-in that ssh started failed, if it did."""
        return self.folder / "failure.json"

    @property
    def sign_in_lock(self) -> Path:
        """Held as long as a sign-in that ssh started goes on."""
        return self.folder / "sign-in.lock"

    @property
    def devices(self) -> Path:
        """What this device shows when somebody signs in by password; see client.signin.devices."""
        return self.folder / "devices.json"

    @property
    def signed_out(self) -> Path:
        """There after `daypass logout`: ssh starts no sign-in until `daypass login`."""
        return self.folder / place.SIGNED_OUT

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def revoked_host_keys(self) -> Path:
        return self.folder / "revoked_host_keys"


class MachineDefaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`/etc/daypass/client.toml`: what the owner of the machine set for everybody on it.

    With `url` and `fingerprint` nobody needs to bootstrap. A command line's own word counts more than all of these.
    """

    url: str = ""
    fingerprint: str = ""
    name: str = ""  # of the company's context; empty: the CA's host name
    provider: str = ""
    lifetime: str = ""  # as `daypass login --lifetime`
    confirm: bool = False  # the agent asks before each use of the key
    auto_login: bool = True  # plain ssh starts the sign-in
    notify: bool = False  # the desktop says when a day pass is about to end


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are for this person on this machine."""

    home: Path
    ssh_folder: Path
    machine_file: Path
    environ: Mapping[str, str]
    platform: Platform
    wanted: str = ""  # the company asked for, by --context or DAYPASS_CONTEXT; empty: the one in use

    @classmethod
    def load(
        cls,
        root: str = "",
        environ: Mapping[str, str] | None = None,
        context: str = "",
        *,
        platform: Platform | None = None,
    ) -> Settings:
        """From the environment; `root` stands for /. Raises Misconfigured for a path ssh could not be told."""
        platform = platform or Platform.here(environ)
        home = platform.home(root)
        ssh_folder = place.below(root, f"{platform.user_home}/.ssh", platform.system)
        for path in (home, ssh_folder):
            if not is_plain(platform.for_ssh(path)):
                raise Misconfigured(
                    f"the path {path!r} holds characters that OpenSSH's configuration can't carry",
                    hint="set DAYPASS_HOME to a plain path",
                )
        _check_ours(home, platform)
        machine_file = Path(place.below(root, platform.machine_file, platform.system))
        wanted = context or platform.environ.get("DAYPASS_CONTEXT", "")
        return cls(Path(home), Path(ssh_folder), machine_file, platform.environ, platform, wanted)

    @property
    def agent_socket(self) -> Path:
        return self.home / "agent.sock"

    @property
    def log(self) -> Path:
        """What happened, for whoever must find out later; see client.journal."""
        return self.home / "daypass.log"

    @property
    def no_auto_login(self) -> Path:
        """There after `daypass ssh-config --no-auto-login`."""
        return self.home / place.NO_AUTO_LOGIN

    @property
    def ssh_record(self) -> Path:
        """What ~/.ssh was like before we touched it."""
        return self.home / "ssh-before.json"

    def context(self, name: str) -> Context:
        """The files of the company called `name`. Raises NotFound for a name that can be none."""
        if not is_context_name(name):
            raise NotFound(f"there is no company called {name!r} here")
        return Context(name, self.home / "contexts" / name)

    def contexts(self) -> tuple[Context, ...]:
        """Every company joined, by name."""
        folders = sorted((self.home / "contexts").glob("*/context.json"))
        return tuple(self.context(folder.parent.name) for folder in folders)

    def current(self) -> Context | None:
        """The company asked for, else the one in use. Raises NotFound for one that was never joined."""
        if self.wanted:
            return self.joined(self.wanted)
        name = place.current_name(str(self.home))
        return self.context(name) if name else None

    def joined(self, name: str) -> Context:
        """The files of a company that was joined. Raises NotFound for any other."""
        names = [each.name for each in self.contexts()]
        if name not in names:
            hint = f"there is: {', '.join(names)}" if names else "join it first: daypass bootstrap"
            raise NotFound(f"there is no company called {name!r} here", hint=hint)
        return self.context(name)

    def use(self, context: Context) -> None:
        """Make this the company in use."""
        write_file(self.home / "current", f"{context.name}\n")

    def machine_defaults(self) -> MachineDefaults:
        """What `client.toml` says, and what holds where it says nothing. Raises Misconfigured for one that can't be
        read."""
        try:
            defaults = msgspec.toml.decode(self.machine_file.read_bytes(), type=MachineDefaults)
        except FileNotFoundError:
            return MachineDefaults()
        except (OSError, ValueError) as error:  # unreadable, not UTF-8, not TOML, or not what it may hold
            known = ", ".join(MachineDefaults.__struct_fields__)
            hint = f"ask whoever looks after this machine; it may hold: {known}"
            raise Misconfigured(
                f"{self.machine_file} can't be used: {error}", code="client.toml", hint=hint
            ) from error
        if bool(defaults.url) != bool(defaults.fingerprint):
            hint = 'it holds url = "https://…" and fingerprint = "…", or neither'
            raise Misconfigured(f"{self.machine_file} names half a CA", code="client.toml", hint=hint)
        return defaults


def _check_ours(home: str, platform: Platform) -> None:
    """Whoever else may write there could put an agent of theirs into it, or lines that ssh obeys."""
    if platform.is_windows:  # which has no modes; a person's own folder is theirs alone
        return
    try:
        found = Path(home).stat()
    except PermissionError as error:  # HOME is still another's, as after `su` without `-`
        raise _foreign(home) from error
    except OSError:
        return
    if found.st_uid not in (0, platform.uid):
        raise _foreign(home)
    if found.st_mode & 0o022:
        hint = "set DAYPASS_HOME to a folder of your own, or make this one yours alone: chmod 700"
        raise Misconfigured(f"others may write to {home}", code="home.mode", hint=hint)


def _foreign(home: str) -> Misconfigured:
    hint = "run daypass as yourself, without sudo, or set DAYPASS_HOME to a folder of your own"
    return Misconfigured(f"{home} belongs to another account", code="home.owner", hint=hint)


def is_context_name(name: str) -> bool:
    """Whether a company's folder may be called so."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def is_plain(path: str) -> bool:
    """Whether OpenSSH's configuration can name this path, in quotes, wherever one is named."""
    return _UNUSABLE.search(path) is None


def make_folder(path: Path) -> None:
    """The folder, and those above it that are missing, for nobody but the person (0700)."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        hint = "is the disk full or read-only? DAYPASS_HOME names another folder"
        raise Misconfigured(f"can't make the folder {path}: {error.strerror}", hint=hint) from error


def write_file(path: Path, content: bytes | str, mode: int = 0o600) -> None:
    """Replace the file at once: whoever reads it sees the old content or the new, also after a power cut."""
    data = content.encode() if isinstance(content, str) else content
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{get_native_id()}.new")
    try:
        write_new(temporary, data, mode)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):  # a read-only disk refuses this too
            temporary.unlink(missing_ok=True)
        raise Misconfigured(f"can't write {path}: {error.strerror}", hint="is the disk full or read-only?") from error


def write_new(path: Path, data: bytes, mode: int) -> None:
    """In place of what an interrupted run may have left there; on the disk before this returns. Raises OSError."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        restrict(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
