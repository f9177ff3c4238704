"""What `ssh -v` tells of one connection, as facts: how far it came, what was offered and accepted, how it ended.

The lines are those of OpenSSH 8.2 to 10 (sshconnect.c, sshconnect2.c, mux.c, ssh.c), at LogLevel DEBUG1. A hop of
ProxyJump is an ssh of its own, and its complaints stand among them, before "Authenticating to" the host itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Offer", "Story", "read"]

_KEY = r"(?P<name>.*) (?P<type>[A-Z0-9-]+) (?P<print>SHA256:\S+)(?P<rest>.*)"
_OFFER = re.compile(rf"debug1: Offering public key: {_KEY}")
_ACCEPT = re.compile(rf"debug1: Server accepts key: {_KEY}")
_REFUSED = re.compile(
    r"sign_and_send_pubkey: signing failed for \S+ (?:\"(?P<name>[^\"]*)\" )?"
    r"(?:from agent)?:? ?(?P<why>.*)"
)
_AGENT = re.compile(r"debug1: (?:get_agent_identities: )?ssh_(?:get_auth\w+_socket|fetch_identitylist): (?P<why>.*)")
_AUTHENTICATED = re.compile(r"Authenticated to (?P<host>\S+) \(.*\) using \"(?P<how>[^\"]+)\"")
_METHODS = re.compile(r"debug1: Authentications that can continue: (?P<list>\S*)")
_SHARED = re.compile(r"debug1: mux_client_request_session: master session id|debug1: multiplexing control connection")


@dataclass(frozen=True, slots=True)
class Offer:
    """A key shown to the server: where it comes from, and whether the server would take it."""

    name: str
    fingerprint: str
    is_certificate: bool
    from_agent: bool
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """`reached`: the host itself answered in SSH. `said`: what ssh says without -v, the last line last."""

    reached: bool
    offers: tuple[Offer, ...]
    signing_failed: str  # "" where it did not; else for which file, or "a key"
    signing_reason: str
    agent_trouble: str
    method: str  # that let us in; "" for none
    methods: str  # that the server would still take, at the end
    shared: bool  # an open connection was used
    said: tuple[str, ...]
    text: str  # all of it that concerns the host itself

    def has(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, self.text)


def read(err: str, hostname: str) -> Story:
    """`hostname`: what the name means to ssh (`ssh -G`), for telling its lines from those of a hop."""
    lines = [line.rstrip("\r") for line in err.splitlines()]
    mark = f"debug1: Authenticating to {hostname.strip('[]')}:"
    starts = [at for at, line in enumerate(lines) if line.startswith(mark)]
    own = lines[starts[-1] :] if starts else lines
    offers = _offers(own)
    failed = _first(own, _REFUSED)
    authenticated, methods = _first(own, _AUTHENTICATED), _last(own, _METHODS)
    trouble = _first(own, _AGENT)
    shared = any(_SHARED.match(line) for line in lines)
    return Story(
        reached=bool(starts) or shared,
        offers=offers,
        signing_failed=(failed["name"] or "a key") if failed else "",
        signing_reason=failed["why"] if failed else "",
        agent_trouble=trouble["why"] if trouble else "",
        method=authenticated["how"] if authenticated else "",
        methods=methods["list"] if methods else "",
        shared=shared,
        said=tuple(line for line in own if line and not line.startswith(("debug", "OpenSSH_"))),
        text="\n".join(own),
    )


def _offers(lines: list[str]) -> tuple[Offer, ...]:
    accepted = {(found["name"], found["print"]) for line in lines if (found := _ACCEPT.match(line))}
    return tuple(
        Offer(
            name=found["name"],
            fingerprint=found["print"],
            is_certificate=found["type"].endswith("-CERT"),
            from_agent="agent" in found["rest"].split(),
            accepted=(found["name"], found["print"]) in accepted,
        )
        for line in lines
        if (found := _OFFER.match(line))
    )


def _first(lines: list[str], pattern: re.Pattern[str]) -> re.Match[str] | None:
    return next((found for line in lines if (found := pattern.match(line))), None)


def _last(lines: list[str], pattern: re.Pattern[str]) -> re.Match[str] | None:
    return _first(lines[::-1], pattern)
