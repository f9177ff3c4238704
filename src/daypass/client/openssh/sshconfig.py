"""What OpenSSH's client is told (ssh_config(5)): certificates for hosts, one identity, a sign-in where it is missing.

Files per company, and one marked block at the top of ~/.ssh/config that includes them:

    known_hosts   @cert-authority lines for the host patterns of the trust document (sshd(8), SSH_KNOWN_HOSTS)
    ssh_config    how hosts of this company are met (trust 5.2, 5.3), and when the day pass is offered to them
    pass.conf     what is offered (trust 8.1); written by a login, gone at logout
    check         what ssh runs when its own look at the marker finds no valid pass (client.autologin)

ssh reads pass.conf after that command has ended, so a sign-in it started counts in the same connection. While the
pass is valid the command is one `test` of the person's shell: 1.5 ms, no process of ours, no network.

A host counts as ours by the name that was typed, and by the name that `HostName` makes of it: `Match final` has ssh
read its configuration a second time with the latter (+0.02 ms). The command runs once, whichever name it is, and
contains no %-token (CVE-2023-51385).

Hosts that have enrolled are met strictly; those under the company's patterns that have not, as ssh always met them,
so that nobody is locked out while a fleet moves. All enrolled names stand on one line: 10,000 of them cost ssh 3 ms
more (on 100 lines 3, on 1,000 lines 6, as `Host` 650), and lines have had no limit since OpenSSH 7.8.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from base64 import b64encode
from collections.abc import Collection, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from daypass.client.openssh import hostlists
from daypass.client.settings import Context, Settings, write_file
from daypass.client.trust import Membership
from daypass.errors import Invalid
from daypass.model import git_extension, is_host_name
from daypass.wire import Certificate, PublicKey, Reader

__all__ = [
    "Behind",
    "block",
    "check_script",
    "files",
    "git_hosts",
    "known_hosts",
    "own_identities",
    "pass_config",
    "quote",
    "update",
    "write_pass",
]

# The certificate types of every key type accepted in `wire`, safest first. Plain ones are absent: otherwise an
# impostor with any plain key gets ssh's yes/no question.
_HOST_KEY_ALGORITHMS = (
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
)
_OWN_KEYS = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
_MAX_AGENT_KEYS = 3
_POSIX_SHELLS = ("bash", "dash", "ksh", "sh", "zsh")


class Behind(NamedTuple):
    """Where, and as long as what holds, roles are offered before the day pass (see roleconfig)."""

    hosts: str  # patterns, with commas between them
    check: str

    def unless(self) -> tuple[str, ...]:
        """Everywhere else, and there at any other time."""
        elsewhere = f'!host "{self.hosts}"'
        return (elsewhere, f'host "{self.hosts}" !{self.check}') if self.check else (elsewhere,)


def files(settings: Settings, membership: Membership) -> dict[Path, str]:
    """The lasting files of a company, by path."""
    hosts, context = hostlists.ours(settings, membership), membership.context
    return {
        context.known_hosts: known_hosts(hosts, membership.host_ca, membership.ca_name),
        context.ssh_config: block(settings, membership, hosts, hostlists.met(settings, membership)),
        context.check: check_script(settings, context, _program()),
    }


def update(settings: Settings, membership: Membership) -> None:
    """Bring files that `daypass ssh-config` once wrote up to date; writes none where it never ran."""
    if membership.context.ssh_config.exists():
        for path, content in files(settings, membership).items():
            if not path.exists() or path.read_text("utf-8") != content:
                write_file(path, content)


def known_hosts(patterns: Sequence[str], host_ca: Sequence[PublicKey], company: str) -> str:
    """One line per host CA key. A name on another port than 22 is written [name]:port, so both forms stand there."""
    names = ",".join(f"{pattern},[{pattern}]:*" for pattern in patterns)
    comment = re.sub(r"[^A-Za-z0-9._-]+", "-", company).strip("-")
    return "".join(f"@cert-authority {names} {key.line(comment)}\n" for key in host_ca)


def block(settings: Settings, membership: Membership, patterns: Sequence[str], names: Sequence[str]) -> str:
    """The company's ssh_config. ssh takes the first value it finds, so what enrolled hosts need stands first."""
    context, git = membership.context, git_hosts(membership.context)
    hosts = f'"{",".join((*patterns, *git))}"'
    offered = _condition(
        context, settings.environ.get("SHELL", "/bin/sh")
    )  # as ssh: _PATH_BSHELL where there is none
    return f"""# Written by daypass; `daypass ssh-config --remove` takes it out again.
Include {quote(context.roles_config)}
Match !final host {hosts}{offered}
    Include {quote(context.pass_config)}
# An alias that leads to one of ours: its real name is known at the second reading.
Match final host {hosts} !originalhost {hosts}{offered}
    Include {quote(context.pass_config)}
Match all
    Include {quote(context.roles_own_config)}
{hostlists.ways(membership, names)}{_strict(context, names)}Match host "{",".join(patterns)}"
    # As ssh does by itself; a host that has enrolled since the last login is proved by its certificate all the same.
    UserKnownHostsFile {_known_hosts_files(settings, context)}
    RevokedHostKeys {quote(context.revoked_host_keys)}
    # Whoever rules the far end could use the day pass as long as you are there.
    ForwardAgent no
    # Where connections are shared, `daypass logout` finds and ends them here.
    ControlPath "{control_prefix(settings, membership.trust.ca_id)}%C"
{_git(git)}# A second reading, in which hosts that an alias leads to are matched by their real name.
Match final
"""


def _strict(context: Context, names: Sequence[str]) -> str:
    """For hosts that are known to have enrolled; nothing where none are."""
    if not names:
        return ""
    return f"""Match host "{",".join(names)}"
    # Only a certificate by our host CA proves a host: no question, no plain key, no key learnt on the way.
    StrictHostKeyChecking yes
    UserKnownHostsFile {quote(context.known_hosts)}
    GlobalKnownHostsFile none
    HostKeyAlgorithms {",".join(_HOST_KEY_ALGORITHMS)}
    UpdateHostKeys no
    VerifyHostKeyDNS no
    CheckHostIP no
"""


def _git(hosts: Collection[str]) -> str:
    """Servers that read who somebody is from the certificate: proved as they always were, by their own keys."""
    return f'Match host "{",".join(hosts)}"\n    ForwardAgent no\n' if hosts else ""


def git_hosts(context: Context) -> dict[str, str]:
    """Whom the last certificate names in its extensions: `login@github.com`, with the account there as value."""
    try:
        return _named(Certificate.from_line(context.certificate.read_text("ascii"), strict=False))
    except (OSError, UnicodeDecodeError, Invalid):
        return {}


def _named(certificate: Certificate) -> dict[str, str]:
    hosts = {name.partition("@")[2]: (name, value) for name, value in sorted(certificate.extensions)}
    return {
        host: value for host, (name, value) in hosts.items() if is_host_name(host) and name == git_extension(host)
    }


def _known_hosts_files(settings: Settings, context: Context) -> str:
    """The person's own first: that is where ssh notes the keys it learns."""
    own = (settings.ssh_folder / name for name in ("known_hosts", "known_hosts2"))
    return " ".join(map(quote, (*own, context.known_hosts)))


def control_prefix(settings: Settings, ca_id: str) -> Path:
    """Short, since a socket's whole name has 104 bytes at most, 57 of them ssh's own."""
    return settings.ssh_folder / f"dp-{ca_id[:6]}-"


def write_pass(
    settings: Settings,
    membership: Membership,
    agent: str,
    own_keys: Sequence[bytes] = (),
    *,
    enrolled_only: Certificate | None = None,
    behind: Behind | None = None,
) -> None:
    """Write down what ssh offers while there is a pass.

    `own_keys` are blobs of the person's keys in the same agent. Those without a file of their own get one for the
    public half, as `IdentitiesOnly` would leave them out. `enrolled_only`: a pass that no other host is offered (but
    those it names as Git servers): ssh asks one agent alone, and the person's keys for the others are in another.
    """
    context = membership.context
    own = own_identities(settings, context, own_keys)
    hosts = (*hostlists.met(settings, membership), *_named(enrolled_only)) if enrolled_only else None
    write_file(context.pass_config, pass_config(context, agent, own, hosts, behind))


def pass_config(
    context: Context,
    agent: str,
    own: Sequence[Path],
    hosts: Sequence[str] | None = None,
    behind: Behind | None = None,
) -> str:
    """pass.conf: the certificate first, then the person's own keys, so that nobody is locked out on the way here.

    With `hosts` it is for those alone, and for none where there are none.
    """
    own_lines = "".join(f"IdentityFile {quote(path)}\n" for path in own)
    lines = f"""IdentityAgent {quote(Path(agent))}
IdentitiesOnly yes
IdentityFile {quote(context.certificate)}
{own_lines}"""
    only = "" if hosts is None else f'host "{",".join(hosts)}"' if hosts else "!all"
    conditions = (
        [only] if behind is None or only == "!all" else [f"{only} {each}".strip() for each in behind.unless()]
    )
    text = "".join(f"Match {each}\n{lines}" if each else lines for each in conditions)
    return (
        f"# Written by daypass login; gone after daypass logout. Included where the day pass may be offered.\n{text}"
    )


def own_identities(settings: Settings, context: Context, blobs: Sequence[bytes]) -> list[Path]:
    """Files of the person's own keys, as ssh would look for them; `blobs` are those in the agent."""
    own = [settings.ssh_folder / name for name in _OWN_KEYS]
    return [path for path in own if path.exists()] + _public_halves(settings, context, blobs)


def _public_halves(settings: Settings, context: Context, blobs: Sequence[bytes]) -> list[Path]:
    """Files for keys that are in the agent alone. Few: sshd gives up after MaxAuthTries, 6 by default."""
    on_disk = {word for path in settings.ssh_folder.glob("id_*.pub") for word in _read(path).split()[1:2]}
    paths = list[Path]()
    for blob in blobs:
        encoded, name = b64encode(blob), _type_name(blob)
        if name and encoded not in on_disk and len(paths) < _MAX_AGENT_KEYS:
            paths.append(context.folder / f"own-{len(paths)}.pub")
            write_file(paths[-1], f"{name} {encoded.decode()}\n")
    return paths


def _read(path: Path) -> bytes:
    """Nothing for a link that leads nowhere, or what else can't be read: it can't be in use either."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _type_name(blob: bytes) -> str:
    """As the agent says it; "" for what could not stand in a file."""
    try:
        name = Reader(blob).text()
    except Invalid:
        return ""
    return name if re.fullmatch(r"[a-z0-9@.-]{1,64}", name) else ""


def _condition(context: Context, shell: str) -> str:
    """What ssh has the person's shell run, as cheap as that shell allows. Nothing on Windows, which has no sh: there
    pass.conf counts as long as it is there.

    The path needs no quotes but for spaces; what else a shell could read is refused with the settings.
    """
    if sys.platform == "win32":
        return ""
    check = f"/bin/sh '{context.check}'"
    return f' exec "{_test(context)} || {check}"' if _has_proc() and _is_posix(shell) else f' exec "{check}"'


def _is_posix(shell: str) -> bool:
    return Path(shell).name in _POSIX_SHELLS


def check_script(settings: Settings, context: Context, program: Sequence[str]) -> str:
    """For every other shell the whole look; then the helper, unless it is gone or nobody wants it.

    An entry of PYTHONPATH that is empty or relative would have Python look for modules in the current folder.
    """
    end, now = _quoted(context.valid_marker), '"$(date +%s)"'
    test = _test(context) if _has_proc() else f'read -r end <{end} && test {now} -lt "$end" -a {_in_place(context)}'
    return f"""#!/bin/sh
# Written by daypass. ssh runs this to learn whether it may offer the day pass.
{{ {test}; }} 2>/dev/null && exit 0
test "$DAYPASS_AUTO_LOGIN" != 0 || exit 1
test ! -e {_quoted(context.signed_out)} || exit 1
test -x {_quoted(program[0])} || exit 1
# No Python of another's: ssh and git run in folders that others have filled.
case ":$PYTHONPATH:" in *::* | *:[!/]*) unset PYTHONPATH ;; esac
unset PYTHONHOME PYTHONINSPECT
DAYPASS_HOME={_quoted(settings.home)} exec {shlex.join(program)} auto-login --context {context.name}
"""


def _test(context: Context) -> str:
    """The marker's time is the certificate's end, and that of /proc/self is now."""
    return f"test '{context.valid_marker}' -nt /proc/self -a {_in_place(context)}"


def _in_place(context: Context) -> str:
    """The marker is this certificate's, and the agent's socket is there: see client.marker."""
    return f"'{context.valid_marker}' -ot '{context.certificate}' -a -S '{context.agent_link}'"


def _has_proc() -> bool:
    return sys.platform.startswith("linux")


def _program() -> list[str]:
    """Ourselves, as ssh can start us from any folder: `-P`, or Python would run what it finds in that folder."""
    started = Path(sys.argv[0])
    if started.name == "daypass" and os.access(started, os.X_OK):
        return [str(started.absolute())]
    return [sys.executable, "-P", "-m", "daypass.cli.main"]


def _quoted(path: Path | str) -> str:
    """As one word of a shell."""
    return shlex.quote(str(path))


def quote(path: PurePath) -> str:
    """As one word of ssh_config. The settings refuse every character that quotes would not hold.

    With slashes on Windows too, whose OpenSSH reads them; backslashes would escape what follows.
    """
    return f'"{path.as_posix()}"'
