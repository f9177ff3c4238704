"""What a new machine is given to run at its first boot: the join token, and three lines that fetch and run agent.sh.

The script is fetched before the machine knows the CA's root, so its SHA-256 stands beside it: whoever answers in the
CA's place gives another one, and that is not run. agent.sh finds the root by the fingerprint in the token.
"""

from __future__ import annotations

from daypass.wire.jointoken import JoinTokenText

__all__ = ["cloud_config", "shell_script"]

_TOKEN, _AGENT = "/run/daypass-token", "/run/daypass-agent.sh"


def cloud_config(token: str, digest: str) -> str:
    """User data for cloud-init: `#cloud-config`. `digest`: SHA-256 of agent.sh, hex. Raises Invalid for no token."""
    lines = "".join(f"  - {line}\n" for line in _lines(token, digest))
    return (
        f"#cloud-config\n"
        f"write_files:\n"
        f"  - path: {_TOKEN}\n"
        f'    permissions: "0600"\n'
        f"    content: {token}\n"
        f"runcmd:\n"
        f"{lines}"
    )


def shell_script(token: str, digest: str) -> str:
    """The same as a script, for whatever else runs something as root at first boot."""
    lines = "\n".join(_lines(token, digest))
    return f"#!/bin/sh\numask 077\necho {token} >{_TOKEN}\n{lines}\n"


def _lines(token: str, digest: str) -> list[str]:
    """Each stands alone: a step that fails leaves the next nothing to work with. No line needs a quote in YAML.

    How enrolment ended is how all of them end: cloud-init's status and ssh's exit code say it.
    """
    url = JoinTokenText.decode(token).url
    return [
        f"trap 'rm -f {_TOKEN}' EXIT",
        f"curl -qfsSk --retry 9 --retry-connrefused -o {_AGENT} {url}/v1/host/agent.sh",
        f'echo "{digest}  {_AGENT}" | sha256sum -c && sh {_AGENT} enroll --token-file {_TOKEN}',
    ]
