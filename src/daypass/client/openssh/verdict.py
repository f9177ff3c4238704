"""Why ssh did or did not get in, in a person's words: what its story means, and what to do about it.

The table of what ends a connection is tried line by line with real ssh and sshd (tests/client/openssh/test_why.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from daypass.client.openssh.sshstory import Offer, Story

__all__ = ["Asked", "Verdict", "judge"]

_OPERATOR = "tell whoever runs that host"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known here of the question. `fingerprint` and `principals` are those of the day pass; "" without one.

    `absent` says why the day pass would not be offered, "" where it should be; `sign_in` is the command for
    another.
    """

    host: str
    user: str
    hostname: str
    port: str
    company: str = ""
    has_enrolled: bool = False
    git_name: str = ""  # who the day pass says they are there, at a Git server
    certificate: str = ""  # the path of the certificate's file
    fingerprint: str = ""
    principals: tuple[str, ...] = ()
    login: str = ""
    absent: str = ""
    sign_in: str = "daypass login"
    roles: Mapping[str, str] = field(default_factory=dict)  # by the fingerprint of its certificate's key


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is stable; `works` tells whether one gets in; `hint` what to do."""

    code: str
    works: bool
    message: str
    hint: str = ""
    details: tuple[str, ...] = ()
    hop: str = ""  # the host on the way that it failed at


class _End(NamedTuple):
    """What ssh says when it gives up, and what that means. `{1}` is what the pattern's first group found."""

    code: str
    pattern: str
    message: str
    hint: str


_WAY = "check the name and the port, the VPN, and whether the host is up: daypass doctor {host}"
_FAILED = r"[\s\S]*Host key verification failed"
_ENDS = (
    _End("dns", r"Could not resolve hostname (\S+?): (.*)", "the name {1} is not known here: {2}",
         "check the spelling, and the VPN; ssh's own names stand in ~/.ssh/config under Host"),
    _End("refused", r"connect to host (\S+) port (\d+): Connection refused",
         "{1} is there, and nothing listens at port {2}", "is sshd running, and at another port? ssh -p PORT {host}"),
    _End("timeout", r"connect to host (\S+) port (\d+): (?:Connection|Operation) timed out",
         "{1} does not answer at port {2}", _WAY),
    _End("no-route", r"connect to host (\S+) port (\d+): (No route to host|Network is unreachable|.* unreachable)",
         "there is no way to {1}: {3}", _WAY),
    _End("no-banner", r"timed out during banner exchange|banner exchange: .*timed out",
         "something listens there and says nothing", "a firewall, an overloaded sshd, or no sshd at all: " + _WAY),
    _End("not-ssh", r"Protocol major versions differ|banner line|kex_exchange_identification: (?:banner|invalid)|"
         r"Bad remote protocol version|invalid format",
         "what listens there does not speak SSH", "check the port: ssh -p PORT {host}"),
    _End("closed-early", r"kex_exchange_identification: .*(?:closed by remote host|reset by peer)",
         "the host hangs up before a word is said",
         "too many connections at once (MaxStartups), a firewall, or a ban after failed tries; wait and try again"),
    _End("host-revoked", r"Host key \S+ (\S+) revoked|REVOKED HOST KEY|host key .* is (?:marked as )?revoked",
         "the host's certificate or key has been revoked", "do not go on; ask your operator what happened to {host}"),
    _End("host-not-certified", r"no matching host key type found\. Their offer: (\S*)",
         "the host shows no certificate; it has only plain keys ({1})",
         "it has lost its enrolment, or another machine answers there; {tell}: daypass host enroll"),
    _End("algorithms", r"no matching ([a-z ]+) found\. Their offer: (\S*)",
         "ssh and the host have no {1} in common; the host offers {2}", "one of the two is too old: {tell}"),
    _End("host-certificate-expired", rf"Certificate invalid: expired{_FAILED}",
         "the host's certificate has expired", "{tell}: it has to renew; and check this machine's clock"),
    _End("host-certificate-early", rf"Certificate invalid: not yet valid{_FAILED}",
         "the host's certificate is not valid yet", "check this machine's clock: daypass doctor"),
    _End("host-certificate-name", rf"Certificate invalid: name is not a listed principal{_FAILED}",
         "the host's certificate is for another name than {host}",
         "use the name it has enrolled by (daypass hosts), or {tell}"),
    _End("host-certificate-ca", rf"Server host certificate: .* CA (\S+ \S+) [\s\S]*No matching CA found{_FAILED}",
         "the host's certificate is signed by a CA that is not your company's ({1})",
         "another machine may answer there; do not go on before {operator} has said why"),
    _End("host-changed", r"REMOTE HOST IDENTIFICATION HAS CHANGED",
         "the host's key is another one than was known",
         "it was set up anew, or another machine answers there: ask before you remove the old key"),
    _End("host-unknown", r"Host key verification failed",
         "the host has no certificate, and its key is not known here yet",
         "ssh {host} asks you about it; enrolled hosts need no question: {tell}"),
)  # fmt: skip


def judge(story: Story, asked: Asked, code: int | None) -> Verdict:
    """`code` is ssh's exit code; None where it had to be stopped."""
    if story.method or story.shared:
        return _inside(story, asked, code)
    for end in _ENDS:
        found = story.has(end.pattern)
        if found is not None:
            return _ended(end, [found[0], *(each or "" for each in found.groups())], asked)
    if not story.reached:
        last = story.said[-1] if story.said else "it says nothing"
        return Verdict("unreached", False, f"ssh did not reach {asked.host}: {last}", _WAY.format(host=asked.host))
    return _refused(story, asked, code)


def _ended(end: _End, found: list[str], asked: Asked) -> Verdict:
    words = {"host": asked.host, "tell": _OPERATOR, "operator": "your operator"}
    return Verdict(end.code, False, end.message.format(*found, **words), end.hint.format(*found, **words))


def _inside(story: Story, asked: Asked, code: int | None) -> Verdict:
    who = f"{asked.user}@{asked.host}"
    if story.shared:
        text = f"{who} works, over a connection that is open already; it asks for no key"
        return Verdict("shared", True, text, f"end it with: ssh -O exit {asked.host}")
    key = next((each for each in reversed(story.offers) if each.accepted), None)
    how = _named(key, asked) if key is not None and story.method == "publickey" else story.method
    if code is None or code == 255:
        text = f"{who} lets you in by {how}, and then ends the session"
        hint = (
            f"the account may be locked or out of sessions (PAM, limits), or a command is forced on it; {_OPERATOR}"
        )
        return Verdict("ended", False, text, hint, story.said[-1:])
    details = (f"the session's command ended with {code}: a forced command, or a login shell that refuses",)
    return Verdict("works", True, f"{who} works, by {how}", details=details if code else ())


def _named(key: Offer, asked: Asked) -> str:
    if _is_ours(key, asked):
        return "your day pass"
    if key.is_certificate and key.fingerprint in asked.roles:
        return f"your role {asked.roles[key.fingerprint]}"
    return f"the {'certificate' if key.is_certificate else 'key'} {key.name}"


def _is_ours(key: Offer, asked: Asked) -> bool:
    return key.is_certificate and key.fingerprint == asked.fingerprint


def _refused(story: Story, asked: Asked, code: int | None) -> Verdict:
    """The host was believed, and let us not in."""
    ours = next(
        (each for each in story.offers if each.is_certificate and each.fingerprint == asked.fingerprint), None
    )
    others = tuple(f"offered: {_named(each, asked)}" for each in story.offers)
    if story.has(r"Too many authentication failures"):
        text = f"{asked.host} gave up after {len(story.offers)} key(s)"
        hint = (
            "your day pass came too late or not at all"
            if ours is None
            else "others were offered before your day pass"
        )
        return Verdict("too-many", False, text, f"{hint}; offer fewer: daypass doctor {asked.host}", others)
    if asked.fingerprint and story.signing_failed and (ours is None or ours.accepted):
        return _unsigned(story, asked)
    if ours is not None and ours.accepted:
        return _after_acceptance(story, asked)
    if ours is not None:
        return _not_admitted(asked, others)
    if code is None:
        return Verdict("stuck", False, f"{asked.host} did not come to an end", "try again; is it overloaded?", others)
    return _not_offered(story, asked, others)


def _unsigned(story: Story, asked: Asked) -> Verdict:
    reason = story.signing_reason or "it refused"
    text = f"{asked.host} would take your day pass, and the agent did not sign: {reason}"
    hint = "answer the agent's question (--confirm), unlock it (ssh-add -X), or sign in anew: daypass login --force"
    return Verdict("agent-refused", False, text, hint)


def _after_acceptance(story: Story, asked: Asked) -> Verdict:
    if story.has(r"no separate private key for certificate") and not _from_agent(story, asked):
        trouble = f" ({story.agent_trouble})" if story.agent_trouble else ""
        text = f"{asked.host} would take your day pass, and its key is not in the agent{trouble}"
        return Verdict("agent-gone", False, text, "run: daypass login")
    if "publickey" not in story.methods.split(",") and story.methods:
        text = f"{asked.host} took your day pass, and asks for more: {story.methods}"
        return Verdict("more-wanted", False, text, f"ssh {asked.host} asks for it; if it should not: {_OPERATOR}")
    text = f"{asked.host} took your day pass, and would not let {asked.user} in"
    return Verdict("account", False, text, f"the account may be locked, expired or barred (PAM): {_OPERATOR}")


def _from_agent(story: Story, asked: Asked) -> bool:
    return any(each.from_agent for each in story.offers if each.fingerprint == asked.fingerprint)


def _not_admitted(asked: Asked, offers: tuple[str, ...]) -> Verdict:
    holds = ", ".join(asked.principals)
    text = f"{asked.host} does not take your day pass for the account {asked.user}"
    if asked.git_name:
        known = (f"it says that you are {asked.git_name} there", f"{asked.host} may not know your company's CA")
        return Verdict("not-admitted", False, text, f"if you should get in: {_OPERATOR}", (*known, *offers[1:]))
    details = [f"it holds: {holds}"]
    details.append(f"no role of yours may enter {asked.user} there, or that account does not exist or is locked")
    if not asked.has_enrolled:
        details.append(f"{asked.host} is not known to have enrolled, so it may not know your company's CA")
    details.append("your day pass may have been revoked since you signed in")
    own = asked.login and asked.login != asked.user
    named = any(each.isalpha() for each in asked.hostname) and ":" not in asked.hostname  # the CA knows no addresses
    name = asked.hostname if named else asked.host
    why = f"ask the CA by which rule: daypass explain {asked.user}@{name}"
    hint = f"try your own account: ssh {asked.login}@{asked.host}; or {why}" if own else why
    return Verdict("not-admitted", False, text, hint, (*details, *offers[1:]))


def _not_offered(story: Story, asked: Asked, offers: tuple[str, ...]) -> Verdict:
    tried = f"with none of {len(offers)} key(s)" if offers else "without a key"
    text = f"{asked.host} does not let {asked.user} in {tried}; your day pass was not offered"
    if asked.absent:
        return Verdict("not-offered", False, text, asked.absent, offers)
    if story.has(r"not in PubkeyAcceptedAlgorithms|no mutual signature supported|not in PubkeyAcceptedKeyTypes"):
        hint = "PubkeyAcceptedAlgorithms leaves certificates out, in ~/.ssh/config or at the host"
        return Verdict("algorithms", False, text, hint, offers)
    if story.methods and "publickey" not in story.methods.split(","):
        return Verdict("no-publickey", False, f"{asked.host} takes no keys at all, only {story.methods}", _OPERATOR)
    return Verdict("not-offered", False, text, f"daypass doctor {asked.host} shows which line keeps it away", offers)
