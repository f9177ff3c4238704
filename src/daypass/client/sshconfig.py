"""What OpenSSH's client is told (ssh_config(5)): certificate-only hosts, one identity, nothing on the network.

Three files per company, and one marked block at the top of ~/.ssh/config that includes them:

    known_hosts   @cert-authority lines for the host patterns of the trust document (sshd(8), SSH_KNOWN_HOSTS)
    ssh_config    how hosts of this company are met (trust 5.2, 5.3)
    pass.conf     what is offered to them, while the day pass is valid (trust 8.1); written by a login, gone at logout

A host counts as ours by the name that was typed, and by the name that `HostName` makes of it: `Match final` has ssh
read its configuration a second time with the latter (+0.02 ms). The command runs once, whichever name it is, and
contains no %-token (CVE-2023-51385).
"""

from __future__ import annotations

import os
import re
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from daypass.client.settings import Context, Settings, write_file
from daypass.client.trust import Membership
from daypass.errors import Invalid, Misconfigured
from daypass.model import is_host_pattern
from daypass.wire import PublicKey, Reader

__all__ = ["block", "check_patterns", "files", "known_hosts", "pass_config", "update", "write_pass"]

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


def check_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """Host names and `*.example.com` alone. Raises Misconfigured for any other, `*` above all.

    With `*` a host certified as github.com was accepted over github.com's pinned key.
    """
    if not patterns:
        raise Misconfigured(
            "the trust document names no hosts", hint="tell the CA's operator to sign the next: daypass ca trust"
        )
    for pattern in patterns:
        if not is_host_pattern(pattern):
            raise Misconfigured(
                f"the trust document holds the host pattern {pattern[:80]!r}, which is refused",
                code="host-pattern",
                hint="tell its operator: patterns are names or *.example.com, never * alone",
            )
    return tuple(dict.fromkeys(patterns))


def files(settings: Settings, membership: Membership) -> dict[Path, str]:
    """The lasting files of a company, by path."""
    patterns, context = check_patterns(membership.host_patterns), membership.context
    return {
        context.known_hosts: known_hosts(patterns, membership.host_ca, membership.ca_name),
        context.ssh_config: block(settings, context, patterns, membership.trust.ca_id),
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


def block(settings: Settings, context: Context, patterns: Sequence[str], ca_id: str) -> str:
    """The company's ssh_config."""
    return f"""# Written by daypass; `daypass ssh-config --remove` takes it out again.
Include {_quote(context.pass_config)}
Match host "{",".join(patterns)}"
    # Only a certificate by our host CA proves a host: no question, no plain key, no key learnt on the way.
    StrictHostKeyChecking yes
    UserKnownHostsFile {_quote(context.known_hosts)}
    GlobalKnownHostsFile none
    HostKeyAlgorithms {",".join(_HOST_KEY_ALGORITHMS)}
    RevokedHostKeys {_quote(context.revoked_host_keys)}
    UpdateHostKeys no
    VerifyHostKeyDNS no
    CheckHostIP no
    # Whoever rules the far end could use the day pass as long as you are there.
    ForwardAgent no
    # Where connections are shared, `daypass logout` finds and ends them here.
    ControlPath "{control_prefix(settings, ca_id)}%C"
# A second reading, in which hosts that an alias leads to are matched by their real name. Last, since an Include
# below a Match that does not hold is not read.
Match final
"""


def control_prefix(settings: Settings, ca_id: str) -> Path:
    """Short, since a socket's whole name has 104 bytes at most, 57 of them ssh's own."""
    return settings.ssh_folder / f"dp-{ca_id[:6]}-"


def write_pass(
    settings: Settings, membership: Membership, agent: str, valid_before: int, own_keys: Sequence[bytes] = ()
) -> None:
    """Have ssh offer the certificate until `valid_before` (unix seconds).

    `own_keys` are blobs of the person's keys in the same agent. Those without a file of their own get one for the
    public half, as `IdentitiesOnly` would leave them out.
    """
    context, patterns = membership.context, check_patterns(membership.host_patterns)
    own = [settings.ssh_folder / name for name in _OWN_KEYS]
    own = [path for path in own if path.exists()] + _public_halves(settings, context, own_keys)
    write_file(context.valid_marker, "")
    os.utime(context.valid_marker, (valid_before, valid_before))
    shell = settings.environ.get("SHELL", "")
    write_file(
        context.pass_config, pass_config(context, patterns, agent, own, _still_valid(context, valid_before, shell))
    )


def pass_config(context: Context, patterns: Sequence[str], agent: str, own: Sequence[Path], still_valid: str) -> str:
    """pass.conf: the certificate first, then the person's own keys, so that nobody is locked out on the way here."""
    hosts = f'"{",".join(patterns)}"'
    own_lines = "".join(f"    IdentityFile {_quote(path)}\n" for path in own)
    offer = f"""\
    IdentityAgent {_quote(Path(agent))}
    IdentitiesOnly yes
    IdentityFile {_quote(context.certificate)}
{own_lines}"""
    return f"""# Written by daypass login; gone after daypass logout. Of no effect once the certificate has expired.
Match !final host {hosts} exec "{still_valid}"
{offer}# An alias that leads to one of ours: its real name is known at the second reading.
Match final host {hosts} !originalhost {hosts} exec "{still_valid}"
{offer}"""


def _public_halves(settings: Settings, context: Context, blobs: Sequence[bytes]) -> list[Path]:
    """Files for keys that are in the agent alone. Few: sshd gives up after MaxAuthTries, 6 by default."""
    on_disk = {word for path in settings.ssh_folder.glob("id_*.pub") for word in path.read_bytes().split()[1:2]}
    paths = list[Path]()
    for blob in blobs:
        encoded, name = b64encode(blob), _type_name(blob)
        if name and encoded not in on_disk and len(paths) < _MAX_AGENT_KEYS:
            paths.append(context.folder / f"own-{len(paths)}.pub")
            write_file(paths[-1], f"{name} {encoded.decode()}\n")
    return paths


def _type_name(blob: bytes) -> str:
    """As the agent says it; "" for what could not stand in a file."""
    try:
        name = Reader(blob).text()
    except Invalid:
        return ""
    return name if re.fullmatch(r"[a-z0-9@.-]{1,64}", name) else ""


def _still_valid(context: Context, valid_before: int, shell: str) -> str:
    """A command that fails from `valid_before` on, as cheap as this machine's shell allows.

    The marker's time is `valid_before`, and that of /proc/self is now: 1.5 ms in a shell with a `test` of its own.
    The path needs no quotes but for spaces; what else a shell could read is refused with the settings.
    """
    if not sys.platform.startswith("linux"):
        return f"sh -c 'test $(date +%%s) -lt {valid_before}'"
    test = "test" if Path(shell).name in _POSIX_SHELLS else "env test"
    return f"{test} '{context.valid_marker}' -nt /proc/self"


def _quote(path: Path) -> str:
    """As one word of ssh_config. The settings refuse every character that quotes would not hold."""
    return f'"{path}"'
