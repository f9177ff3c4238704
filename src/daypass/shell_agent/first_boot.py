"""What a new machine is given to run at its first boot: three lines that fetch and run agent.sh, and the join token,
or where the CA is and how to know it.

The script is fetched before the machine knows the CA's root, so its SHA-256 stands beside it: whoever answers in the
CA's place gives another one, and that is not run. agent.sh finds the root by its fingerprint, in the token or beside.
"""

from __future__ import annotations

import re

from daypass.errors import Invalid
from daypass.wire.jointoken import JoinTokenText
from daypass.wire.nametoken import NameToken

__all__ = ["CLOUDS", "cloud_config", "shell_script", "without_token"]

CLOUDS = ("aws", "gcp", "azure")
_TOKEN, _AGENT = "/run/daypass-token", "/run/daypass-agent.sh"


def cloud_config(token: str, digest: str) -> str:
    """User data for cloud-init: `#cloud-config`. `digest`: SHA-256 of agent.sh, hex. Raises Invalid for no token."""
    return (
        f"#cloud-config\n"
        f"write_files:\n"
        f"  - path: {_TOKEN}\n"
        f'    permissions: "0600"\n'
        f"    content: {token}\n"
        f"{_runcmd(_with_token(token, digest))}"
    )


def shell_script(token: str, digest: str) -> str:
    """The same as a script, for whatever else runs something as root at first boot."""
    lines = "\n".join(_with_token(token, digest))
    return f"#!/bin/sh\numask 077\necho {token} >{_TOKEN}\n{lines}\n"


def without_token(url: str, fingerprint: str, digest: str, *, cloud: str = "", port22: str = "", script: bool) -> str:
    """The same for machines that show their `cloud`'s word, or at the name `port22` that they have their keys. No
    secret is in it. Raises Invalid for what could mean something else in YAML or a shell."""
    JoinTokenText(url, fingerprint, "0" * 16, "0" * 43)  # which has the same URL and fingerprint
    if (cloud and cloud not in CLOUDS) or bool(cloud) == bool(port22) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise Invalid("a machine shows its cloud's word, or its name", code="user-data.way")
    if port22:
        NameToken(1, port22).encode()
    shown = f"--cloud {cloud}" if cloud else f"--port22 {port22}"
    lines = _lines(url, digest, f"{shown} --ca {url} --fingerprint {fingerprint}")
    return "\n".join(["#!/bin/sh", "umask 077", *lines, ""]) if script else f"#cloud-config\n{_runcmd(lines)}"


def _runcmd(lines: list[str]) -> str:
    return "runcmd:\n" + "".join(f"  - {line}\n" for line in lines)


def _with_token(token: str, digest: str) -> list[str]:
    url = JoinTokenText.decode(token).url
    return [f"trap 'rm -f {_TOKEN}' EXIT", *_lines(url, digest, f"--token-file {_TOKEN}")]


def _lines(url: str, digest: str, shown: str) -> list[str]:
    """Each stands alone: a step that fails leaves the next nothing to work with. No line needs a quote in YAML.

    How enrolment ended is how all of them end: cloud-init's status and ssh's exit code say it.
    """
    return [
        f"curl -qfsSk --retry 9 --retry-connrefused -o {_AGENT} {url}/v1/host/agent.sh",
        f'echo "{digest}  {_AGENT}" | sha256sum -c && sh {_AGENT} enroll {shown}',
    ]
