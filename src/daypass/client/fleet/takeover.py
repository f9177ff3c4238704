"""Taking over one host, by the ssh access that its operator has now.

    ours?     ssh to it, believing our host CA alone: a host that proves its name is done already
    enrol     a script goes to its sh by standard input; the token stands in no command line, here or there
    ours?     the same again: the host proves its new certificate, and the operator still gets in

What ssh believes of the host on the way in is the operator's own: known_hosts and configuration as they are.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daypass import shell_agent
from daypass.client.fleet.listing import Target
from daypass.errors import Misconfigured
from daypass.wire.jointoken import JoinTokenText

__all__ = ["Outcome", "Takeover", "script"]

_AS_ROOT = 'if [ "$(id -u)" = 0 ]; then exec sh -s; else exec sudo -n sh -s; fi'
_QUIET = (
    "-T",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=15",
    "-o",
    "ServerAliveInterval=15",
    "-o",
    "ControlPath=none",
)
_OURS_ONLY = (
    *("-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=none", "-o", "UpdateHostKeys=no"),
    *("-o", "VerifyHostKeyDNS=no", "-o", "KnownHostsCommand=none", "-o", "CheckHostIP=no", "-o"),
    "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com",
)  # fmt: skip
_END = "__end_of_what_daypass_sends__"  # stands in no line of either
_LOOK_SECONDS, _ENROL_SECONDS = 40, 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state`: enrolled | already | failed | untried. `said` is why, on one line."""

    target: Target
    state: str
    said: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Takeover:
    """`authorities`: a known_hosts file that names the host CA for every name of the list, and nothing else.

    `script(token)` is what the host's sh runs; `options` are further `-o` for ssh.
    """

    authorities: Path
    script: Callable[[str], str]
    options: Sequence[str] = field(default=())

    def is_ours(self, target: Target) -> str:
        """Empty where the host proves its name by a certificate and lets the operator in; else what ssh says."""
        alias = ("-o", f"HostKeyAlias={target.name}", "-o", f"UserKnownHostsFile={self.authorities}")
        return self._ssh(target, [*_OURS_ONLY, *alias], "true", "", _LOOK_SECONDS)

    def enrol(self, target: Target, token: str) -> str:
        """Empty where it went well; else why not."""
        return self._ssh(target, [], _AS_ROOT, self.script(token), _ENROL_SECONDS) or self._proven(target)

    def _proven(self, target: Target) -> str:
        said = self.is_ours(target)
        return f"it has enrolled, and does not prove it: {said}" if said else ""

    def _ssh(self, target: Target, more: Sequence[str], command: str, stdin: str, seconds: int) -> str:
        port = ("-p", str(target.port)) if target.port else ()
        given = [word for each in self.options for word in ("-o", each)]
        line = ["ssh", *_QUIET, *more, *given, *port, "--", target.destination, command]
        try:
            ran = subprocess.run(
                line, input=stdin, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return f"nothing for {seconds} s"
        except OSError as error:
            raise Misconfigured("ssh is not installed", code="ssh.missing", hint="install openssh-client") from error
        return "" if ran.returncode == 0 else _last_words(ran.stderr) or f"exit {ran.returncode}"


def script(token: str) -> str:
    """For the host's sh, as root: daypass where it is installed, else agent.sh, which comes along.

    The token has no character that means anything there (wire.jointoken). All of it is one function, so that nothing
    begins before the last line has arrived.
    """
    return f"""\
main() {{
  umask 077
  work=$(mktemp -d) || exit 1
  trap 'rm -rf "$work"' EXIT
  cat >"$work/token" <<'{_END}'
{JoinTokenText.decode(token).encode()}
{_END}
  cat >"$work/agent.sh" <<'{_END}'
{shell_agent.script().decode()}
{_END}
  if command -v daypass >/dev/null 2>&1; then
    daypass host enroll --token-file "$work/token" </dev/null
  else
    sh "$work/agent.sh" enroll --token-file "$work/token" </dev/null
  fi
}}
main
"""


def _last_words(text: str) -> str:
    """What a person would read of it: the error, and its hint."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("daypass: ")]
    words = "; ".join(told[-2:] or lines[-1:])
    return "".join(each if each.isprintable() else "\ufffd" for each in words)[:400]
