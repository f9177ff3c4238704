"""OpenSSH on this machine: new enough, set up, and what it makes of one host's name.

What counts is what ssh itself says (`ssh -G`): which of our lines hold, and which the person's own configuration
overrides, with the line that does.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from pathlib import Path

from daypass.client import enrolled, rolefiles
from daypass.client.doctor import sources
from daypass.client.doctor.report import Finding, State, note, ok, problem
from daypass.client.openssh import sshconfig, sshsetup
from daypass.client.openssh.sshprogram import OLDEST, effective, host_of, version
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.model import host_pattern_matches

__all__ = ["host", "overrides", "set_up", "ssh_version"]

_SET_UP = "run: daypass ssh-config"


def ssh_version(settings: Settings) -> Iterator[Finding]:
    said, number = version(settings)
    if number is None:
        yield problem(f"ssh says it is {said[:80]!r}, which is not OpenSSH", "install OpenSSH's client")
    elif number < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        yield problem(f"{said} is older than {wanted}", f"install OpenSSH {wanted} or later")
    else:
        yield ok(said)


def set_up(settings: Settings, membership: Membership) -> Iterator[Finding]:
    """Whether what `daypass ssh-config` writes is there, and up to date."""
    if not membership.context.ssh_config.exists():
        yield problem("ssh is not set up for this company", _SET_UP)
        return
    changes = sshsetup.plan(settings)
    for change in changes:
        yield problem(f"{change.path} is not as daypass ssh-config would have it", f"{_SET_UP} (--dry-run shows it)")
    if not changes:
        yield ok("~/.ssh/config includes what daypass wrote")


def host(settings: Settings, membership: Membership | None, destination: str) -> Iterator[Finding]:
    """Is it one of the company's, has it enrolled, and would ssh meet it as it should."""
    found, name = effective(settings, destination), host_of(destination)
    real = found.get("hostname", [name])[0]
    names = tuple(dict.fromkeys((name.lower().rstrip("."), real.lower().rstrip("."))))
    yield from _as_whom(found, destination, real)
    if membership is None:
        yield note(f"{name} is a host of no company joined here", "ssh meets it as ever, without your day pass")
        return
    known = frozenset(enrolled.names(membership))
    ours = [
        each
        for each in names
        if each in known or any(host_pattern_matches(pattern, each) for pattern in membership.host_patterns)
    ]
    git = sshconfig.git_hosts(membership.context)
    served = next((each for each in names if each in git), "")
    if served and not ours:
        if membership.context.pass_config.exists():
            yield from _Look(settings, names, found).offer(membership)
        yield ok(f"a Git server, where your day pass says that you are {git[served]}; its own key proves it, as ever")
        return
    if not ours:
        patterns = ", ".join(membership.host_patterns)
        yield note(
            f"{name} is not under {patterns}", "ssh meets it as ever, without your day pass; use its full name"
        )
        return
    has_enrolled = any(each in known for each in ours)
    look = _Look(settings, names, found)
    if membership.context.pass_config.exists():
        yield from look.offer(membership)
    if has_enrolled:
        yield ok(f"{ours[0]} has enrolled: only its certificate proves it")
        yield from look.strictness(membership)
    else:
        hint = "a host that has enrolled since is known after: daypass login --force"
        yield note(f"{ours[0]} is not among the enrolled hosts, so ssh meets it as ever", hint)


def overrides(settings: Settings, membership: Membership, name: str, found: dict[str, list[str]]) -> Iterator[str]:
    """Of one who holds a day pass: what keeps ssh from offering it, one sentence each."""
    names = tuple(dict.fromkeys((name.lower(), found.get("hostname", [name])[0].lower())))
    for each in _Look(settings, names, found).offer(membership):
        if each.state is State.PROBLEM:
            yield f"{each.text}; {each.hint}"


def _as_whom(found: dict[str, list[str]], destination: str, real: str) -> Iterator[Finding]:
    user, port = found.get("user", [getpass.getuser()])[0], found.get("port", ["22"])[0]
    yield ok(f"ssh {destination} means {user}@{real} port {port}")
    for keyword in ("proxyjump", "proxycommand"):
        value = found.get(keyword, ["none"])[0]
        if value != "none":
            yield note(f"it goes through {keyword} {value[:200]}", "the hosts on the way need to let you in too")
            return


class _Look:
    """Settings of one host, compared with what daypass wrote."""

    def __init__(self, settings: Settings, names: tuple[str, ...], found: dict[str, list[str]]) -> None:
        self._config = settings.ssh_folder / "config"
        self._names, self._found = names, found

    def offer(self, membership: Membership) -> Iterator[Finding]:
        """While there is a day pass: that agent, those keys, ours first."""
        context = membership.context
        agent = context.agent.read_text("utf-8").strip() if context.agent.exists() else ""
        first = self._found.get("identityfile", [""])[0]
        if first in {str(path) for path in context.folder.glob(rolefiles.file_of("*"))}:
            yield ok("a role of yours is the first thing that ssh offers it; the day pass comes after")
            return
        wrong = [
            *self._differs("IdentityAgent", lambda value: not agent or value == agent),
            *self._differs("IdentitiesOnly", lambda value: value in ("yes", "true")),
        ]
        if Path(first) != context.certificate:
            line = sources.winner(self._config, "IdentityFile", first, self._names)
            wrong.append(self._wrong("IdentityFile", first, line))
        yield from wrong or [ok("your day pass is the first thing that ssh offers it")]

    def strictness(self, membership: Membership) -> Iterator[Finding]:
        known = str(membership.context.known_hosts)
        wrong = [
            *self._differs("StrictHostKeyChecking", lambda value: value in ("yes", "true")),
            *self._differs("UserKnownHostsFile", lambda value: value == known),
            *self._differs("GlobalKnownHostsFile", lambda value: value in ("none", "/dev/null")),
            *self._differs("HostKeyAlgorithms", lambda value: all("-cert-" in each for each in value.split(","))),
        ]
        yield from wrong or [ok("nobody without a certificate of your company can pass for it")]

    def _differs(self, keyword: str, is_ours: Callable[[str], bool]) -> Iterator[Finding]:
        value = self._found.get(keyword.lower(), ["(unset)"])[0]
        if not is_ours(value):
            yield self._wrong(keyword, value, sources.winner(self._config, keyword, value, self._names))

    def _wrong(self, keyword: str, value: str, line: sources.Line | None) -> Finding:
        shown = value if len(value) <= 120 else f"{value[:119]}…"
        if line is None:
            return problem(f"{keyword} is {shown}, which is not what daypass wrote", _SET_UP)
        hint = "the first value counts: move it below the daypass block, or take that line out"
        return problem(f"{keyword} is {shown}, set in {line}, before daypass's own", hint)
