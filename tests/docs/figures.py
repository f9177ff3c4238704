"""The README's table of figures, made from bench/results.json."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tests.docs.pages import ROOT

__all__ = ["FIGURES", "RESULTS", "readme", "table"]

RESULTS = ROOT / "bench/results.json"
_BLOCK = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `peer` is step-ca's or step's figure for the very same thing, empty where there is none."""

    name: str
    what: str
    unit: str
    digits: int
    peer: str = ""

    def row(self, results: dict[str, float]) -> str:
        value = f"{results[self.name]:,.{self.digits}f}{self.unit}" if self.name in results else "not measured yet"
        return f"| {self.what} | `{self.name}` | {value} | {self.peer} |"


FIGURES = (
    Figure("issue_cpu_over_floor", "server CPU of a certificate, over RS256 verify + Ed25519 sign", " x", 1, "15 x"),
    Figure("issue_per_second_32", "certificates a second, 32 connections", "", 0, "1,601"),
    Figure("issue_p50_ms_32", "half of them answered within", " ms", 1, "16 ms"),
    Figure("issue_p99_ms_32", "99 of 100 answered within", " ms", 1),
    Figure("authenticate_us_oidc", "CPU of looking at an ID token", " µs", 0),
    Figure("authenticate_over_floor_oidc", "the same, over its cryptography alone", " x", 1),
    Figure("authenticate_over_floor", "the dearest: an AWS document, once for each instance, over its own", " x", 1),
    Figure("pam_hang_honest_p99_ms", "99 of 100 sign-ins by PAM and OpenID, while 50 PAM stacks hang", " ms", 0),
    Figure("pam_alone_honest_p99_ms", "the same, while none hangs", " ms", 0),
    Figure("login_cpu_ms", "server CPU of one whole login, new TLS connections", " ms", 2),
    Figure("policy_decide_us", "a decision: 1,000 roles, a person with 60 of them by 200 groups", " µs", 0),
    Figure("policy_decide_over_floor", "the same, over making its principals and its answer", " x", 0),
    Figure("policy_to_files_ms_10k", "a policy changed: the roles of 10,000 hosts anew, and whose changed", " ms", 0),
    Figure("policy_to_files_over_floor", "the same, over one SHA-256 for each host", " x", 1),
    Figure("explain_ms", "a whole `daypass explain` at the CA", " ms", 0),
    Figure("explain_over_floor", "the same, over Python's start and one question to the CA", " x", 1),
    Figure("ssh_config_overhead_ms", "what our configuration adds to `ssh`", " ms", 1, "25 ms, four requests"),
    Figure("login_wall_ms", "a whole `daypass login`, but for the person's own seconds", " ms", 0),
    Figure("login_wall_over_floor", "the same, over Python's start and one TLS request to CA and provider", " x", 1),
    Figure("minutes_to_first_login", "from a bare machine to the first login, by the quickstart", " min", 1),
    Figure("first_login_over_pip", "the same, over pip with the same packages", " x", 1),
    Figure("hosts_streaming", "servers that one CA process on 2 cores holds a stream to", "", 0),
    Figure("hosts_idle_cpu_pct", "CPU of that process while nothing changes, of one core", " %", 0),
    Figure("hosts_idle_over_floor", "the same, over a signature and a TLS record for each sign of life", " x", 1),
    Figure("bundle_fanout_10k_ms", "a change published, until the last of 10,000 servers has its bundle", " ms", 0),
    Figure("bundle_fanout_over_floor", "the same, over CPU of a signature and a TLS record for each", " x", 1),
    Figure("revoke_to_refused_p99_ms", "somebody taken out, until 99 in 100 of 200 servers refuse them", " ms", 0),
    Figure("revoke_to_refused_over_floor", "the same, over disk, ssh-keygen, signatures and TLS records", " x", 0),
    Figure("revoke_to_session_closed_p99_ms", "somebody taken out, until 99 in 100 open sessions are gone", " ms", 0),
    Figure("fanout_10k_ms", "somebody taken out, until the last of 10,000 servers has the list", " ms", 0),
    Figure("fanout_10k_over_floor", "the same, over CPU of a signature and a TLS record for each", " x", 1),
    Figure("krl_build_ms_1m", "a list of 1,000,000 scattered revocations made", " ms", 0),
    Figure("krl_build_over_floor", "the same, over loading it by ssh-keygen", " x", 1),
    Figure("krl_bytes_per_revocation", "size of that list, for each of them", " B", 1),
    Figure("renewals_per_second", "servers that renew in a second, 32 connections", "", 0),
    Figure("renewal_cpu_over_floor", "server CPU of a renewal, over three verified signatures and one made", " x", 1),
    Figure("host_rss_mb", "memory of the agent on a server, after an hour of signs of life", " MB", 0),
    Figure("host_rss_over_floor", "the same, over a Python with ssl, cryptography and msgspec", " x", 1),
    Figure("login_slowdown_with_krl", "a login while 1,000 of 100,000 live ones are revoked, over none", " x", 2),
    Figure("login_krl_range_over_none", "a login while 100,000 neighbours are revoked, over none revoked", " x", 2),
    Figure("login_krl_scattered_over_none", "a login while 100,000 scattered ones are revoked, over none", " x", 2),
    Figure("completion_ms", "Tab in a shell", " ms", 0),
    Figure("cli_status_cpu_over_python", "CPU of `daypass status`, over `python3 -c pass`", " x", 1),
)  # fmt: skip


def table() -> str:
    """The Markdown table, from what was last measured."""
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    head = ["| what | name | daypass | step-ca / step |", "|---|---|---|---|"]
    return "\n".join([*head, *(figure.row(results) for figure in FIGURES), ""])


def readme() -> bytes:
    """The README with its table filled in."""
    text = (ROOT / "README.md").read_text("utf-8")
    return _BLOCK.sub(lambda _: table(), text).encode()
