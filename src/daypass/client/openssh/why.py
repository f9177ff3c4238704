"""`daypass why HOST`: run the very ssh that would not work, and read what it says on the way.

Nothing is asked and nothing is left behind: batch mode, a hard end, no forwarding, no new shared connection, and the
command `true`. Hosts on the way (ProxyJump) are asked one by one, the nearest first, when the whole does not work.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from time import time as clock

from daypass.client import contexts, enrolled, glance
from daypass.client.doctor import openssh
from daypass.client.openssh import sshconfig, sshstory, verdict
from daypass.client.openssh.sshprogram import Ran, config_arguments, effective, host_of, run
from daypass.client.openssh.verdict import Asked, Verdict
from daypass.client.roles import held
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Invalid
from daypass.times import duration
from daypass.wire import Certificate

__all__ = ["SECONDS", "ask"]

SECONDS = 30.0  # for ssh, with all its hops
CONNECT_SECONDS = 10  # for each connection
_MAX_HOPS = 8
_OPTIONS = (
    "LogLevel=DEBUG1",  # as -v, which the hops would take over, and write into the story
    "BatchMode=yes",
    "ControlMaster=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RequestTTY=no",
    "PermitLocalCommand=no",
)
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d+))?/?")
_log = logging.getLogger(__name__)


def ask(settings: Settings, host: str, arguments: Sequence[str] = ()) -> Verdict:
    """`host` may have a user before it; `arguments` are ssh's own, such as `-l root` or `-J bastion`.

    Raises Invalid for a host that is none.
    """
    found = effective(settings, host, arguments)
    asked = _asked(settings, host_of(host), found)
    ran = _run(settings, host, arguments)
    story = sshstory.read(ran.err, asked.hostname)
    result = verdict.judge(story, asked, ran.code)
    result = replace(result, hint=result.hint.replace("daypass login", asked.sign_in))
    _log.info("why %s: %s", host, result.code)
    hops = [each for each in found.get("proxyjump", ["none"])[0].split(",") if each not in ("", "none")]
    if result.works or story.reached or not hops:
        return result
    return _on_the_way(settings, host, hops) or result


def _run(settings: Settings, host: str, arguments: Sequence[str]) -> Ran:
    options = [part for option in (*_OPTIONS, f"ConnectTimeout={CONNECT_SECONDS}") for part in ("-o", option)]
    return run(settings, [*config_arguments(settings), *options, *arguments, "--", host, "true"], SECONDS)


def _on_the_way(settings: Settings, host: str, hops: list[str]) -> Verdict | None:
    """What is wrong with the first hop that does not work; where all do, the last one can't reach the host."""
    for at, hop in enumerate(hops[:_MAX_HOPS]):
        match = _HOP.fullmatch(hop)
        if match is None:
            return Verdict("hop", False, f"{hop!r} in ProxyJump is no host", "write it [USER@]HOST[:PORT]", hop=hop)
        before = ["-J", ",".join(hops[:at])] if at else ["-o", "ProxyJump=none"]
        user = ["-l", match["user"]] if match["user"] else []
        port = ["-p", match["port"]] if match["port"] else []
        found = ask(settings, match["host"].strip("[]"), [*before, *user, *port])
        if not found.works:
            return replace(found, hop=found.hop or hop, message=f"on the way to {host}: {found.message}")
    last = hops[-1]
    text = f"{last} lets you in, and does not get through to {host}"
    hint = f"is {host} known and reachable there, and may you forward (AllowTcpForwarding)? ssh {last}"
    return Verdict("hop-forward", False, text, hint, hop=last)


def _asked(settings: Settings, host: str, found: dict[str, list[str]]) -> Asked:
    hostname = found.get("hostname", [host])[0]
    user, port = found.get("user", [""])[0], found.get("port", ["22"])[0]
    asked = Asked(host=host, user=user, hostname=hostname, port=port)
    try:
        membership = contexts.for_host(settings, host) or contexts.for_host(settings, hostname)
    except DaypassError:
        membership = None
    if membership is None:
        return replace(asked, absent=_foreign(settings, host))
    names = {host.lower().rstrip("."), hostname.lower().rstrip(".")}
    has_enrolled = not names.isdisjoint(enrolled.names(membership))
    sign_in = contexts.login_command(settings, membership.context)
    git = sshconfig.git_hosts(membership.context)
    git_name = next((git[name] for name in sorted(names) if name in git), "")
    roles = {each.certificate.public_key.fingerprint: each.role for each in held(membership, clock())}
    known = replace(
        asked, roles=roles, company=membership.ca_name, has_enrolled=has_enrolled, git_name=git_name, sign_in=sign_in
    )
    return _with_pass(settings, membership, known, found)


def _foreign(settings: Settings, host: str) -> str:
    context = settings.current()
    if context is None:
        return "you have joined no company; ask your operator for the line that starts: daypass bootstrap"
    with_patterns = _patterns(settings)
    return f"{host} is not under {with_patterns}: use its full name" if with_patterns else ""


def _patterns(settings: Settings) -> str:
    """Of every company, or of the one that was asked for by name."""
    names = {settings.wanted} if settings.wanted else {context.name for context in settings.contexts()}
    found = [each for context, each in contexts.joined(settings) if context.name in names and each is not None]
    return ", ".join(pattern for each in found for pattern in each.host_patterns)


def _with_pass(settings: Settings, membership: Membership, asked: Asked, found: dict[str, list[str]]) -> Asked:
    """What is on file, and why ssh would not offer it."""
    context = membership.context
    try:
        certificate = Certificate.from_line(context.certificate.read_text("ascii"))
    except (OSError, UnicodeDecodeError, Invalid):
        return replace(asked, absent="you hold no day pass; run: daypass login")
    now, login = clock(), glance.login_name(certificate.principals, certificate.key_id)
    absent = ""
    if now >= certificate.valid_before:
        absent = f"your day pass ended {duration(now - certificate.valid_before)} ago; run: daypass login"
    elif now < certificate.valid_after:
        absent = "your day pass is not valid yet by this machine's clock: daypass doctor"
    elif not context.ssh_config.exists():
        absent = "ssh is not set up for it; run: daypass ssh-config"
    else:
        absent = next(openssh.overrides(settings, membership, asked.host, found), "")
    return replace(
        asked,
        certificate=str(context.certificate),
        fingerprint=certificate.public_key.fingerprint,
        principals=certificate.principals,
        login=login if any(each == login for each in certificate.principals) else "",
        absent=absent,
    )
