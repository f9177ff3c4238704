"""agent.sh on a machine of its own, in each shell that servers have."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tests.host.box import Box
from tests.host.fake_ca import FakeCa, public
from tests.parts.needs import need

from daypass import api, shell_agent
from daypass.model import role_principal
from daypass.wire import SshSignature, sign_blob
from daypass.wire.binding import TEXT_BUNDLE_NAMESPACE
from daypass.wire.sshsig import to_be_signed

__all__ = ["SCRIPT", "SHELLS", "ShellBox", "in_lines"]

SCRIPT = Path(shell_agent.__file__).with_name("agent.sh")
SHELLS = ("dash", "busybox")
_APPLETS = (
    "sh awk sed grep od tr cut base64 sha256sum fold find cmp mv cp rm mkdir rmdir cat head sort id date sleep sync"
)


@dataclass
class ShellBox:
    """`run` is the agent as root runs it there; `code` -1 is any that is not 0. With busybox every tool is busybox's,
    but for curl and OpenSSH."""

    box: Box
    shell: str = "dash"
    path: str = ""  # goes ahead of PATH

    @property
    def state(self) -> Path:
        return self.box.root / "var/lib/daypass/agent/state"

    @property
    def ours(self) -> Path:
        return self.box.paths.ours

    def run(self, *words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        need("curl")
        ran = subprocess.run(
            [need(self.shell), *(["sh"] if self.shell == "busybox" else []), SCRIPT, *words, *self._where()],
            env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert ran.returncode == code or (code < 0 and ran.returncode), (ran.returncode, ran.stdout, ran.stderr)
        return ran

    def enroll(self, token: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        path = self.box.root / "token"
        path.write_text(token)
        return self.run("enroll", "--token-file", path, "--no-timer", *words, code=code)

    def _where(self) -> list[str | Path]:
        return ["--root", self.box.root, "--sshd-config", self.box.config]

    def _environment(self) -> dict[str, str]:
        if self.shell != "busybox":
            return {**os.environ, "PATH": self.path + os.environ["PATH"]}
        applets = self.box.root / "applets"
        applets.mkdir(exist_ok=True)
        for each in _APPLETS.split():
            if not (applets / each).is_symlink():
                (applets / each).symlink_to(need("busybox"))
        return {**os.environ, "PATH": f"{applets}:{os.environ['PATH']}"}


def in_lines(ca: FakeCa, path: str, body: bytes) -> bytes:
    """What a CA answers the agent, with whatever lies `ca` was told to tell."""
    if path.endswith("/sync"):
        request = api.EnrolRequest(token="", keys=[])
    else:
        request = msgspec.json.decode(body, type=api.EnrolRequest)
    answer = ca.enrol(request)
    text = bundle_lines(msgspec.json.decode(answer.bundle.document, type=api.HostBundle))
    signature = sign_blob(ca.signers.get("bundle", ca.bundle_key), to_be_signed(TEXT_BUNDLE_NAMESPACE, text))
    signed = SshSignature(public(ca.signers.get("bundle", ca.bundle_key)), TEXT_BUNDLE_NAMESPACE, "sha512", signature)
    lines = [
        "daypass-agent-v1",
        f"trust-root {public(ca.signers.get('trust', ca.root)).line()}",
        f"trust {_b64(answer.trust.document.encode())}",
        f"trust-signature {_b64(SshSignature.from_armor(answer.trust.signature).encode())}",
        f"bundle {_b64(text)}",
        f"bundle-signature {_b64(signed.encode())}",
        *([f"krl {_b64(answer.krl)}"] if answer.krl is not None else []),
        *(f"certificate ssh-ed25519-cert-v01@openssh.com {_b64(each)}" for each in answer.certificates),
        "end",
        "",
    ]
    return "\n".join(lines).encode()


def bundle_lines(bundle: api.HostBundle) -> bytes:
    """As `ca.text_bundles` renders it, with no care for what stands in it."""
    roles = []
    for role in bundle.roles:
        principal = f"role:{role.name}" if ":" in role.name or " " in role.name else role_principal(role.name)
        roles += [f"line {account} {role.options} {principal}" for account in role.accounts]
        roles += [f"own {role.options} {principal}"] if role.own_account else []
    lines = [
        *("daypass-host-bundle-text-v1", f"ca {bundle.ca_id}", f"host {bundle.host_id}", f"name {bundle.name}"),
        *(f"version {bundle.version}", f"issued {bundle.issued_at}", f"expires {bundle.expires}"),
        *(f"digest {bundle.digest}", f"krl {bundle.krl_digest}", f"fail-closed-after {bundle.fail_closed_after}"),
        *(f"user-ca {line}" for line in bundle.user_ca),
        *roles,
        *("end", ""),
    ]
    return "\n".join(lines).encode()


def _b64(blob: bytes) -> str:
    return b64encode(blob).decode()
