"""Proofs by keys that OpenSSH can use and we can't: behind a passphrase, in an agent, on a card or a security key.

`ssh-keygen -Y sign` finds the private half and asks the person for what it needs: on the terminal, and by a touch.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from daypass.client.agents.agent import Agent
from daypass.client.signin.subject import Prove
from daypass.errors import DaypassError, Invalid, Misconfigured, NotFound, Unavailable
from daypass.wire import PublicKey, SshSignature

__all__ = ["find_key", "keygen_signer"]

_SECONDS = 120.0  # a passphrase is typed and a key is touched in this time


def find_key(key: PublicKey, candidates: list[Path], agent: str) -> Path:
    """The file to give to `ssh-keygen -Y sign`: one that is there, of those where the private half may lie; the
    last, the public half, where the agent at the socket `agent` has it. Raises NotFound where nobody has it."""
    for path in candidates[:-1]:
        if path.exists():
            return path
    try:
        if agent and Agent(agent).holds(key.blob):
            return candidates[-1]
    except DaypassError:
        pass
    looked = ", ".join(dict.fromkeys(str(path) for path in candidates[:-1]))
    raise NotFound(
        f"the private key of {candidates[-1]} is neither in {looked} nor in your ssh-agent",
        code="key.missing",
        hint=f"ssh-add puts it there, or name its file: daypass certificate KEYID FILE --sign {candidates[-1]}",
    )


def keygen_signer(key: PublicKey, file: Path, say: Callable[[str], None]) -> Prove:
    """Proofs by the private half of `key`, which `file` leads to. Each proof is verified before it is believed."""

    def prove(namespace: str, message: bytes) -> SshSignature:
        say(f"signing with {file}")  # what ssh-keygen asks next does not say which key it is about
        with tempfile.TemporaryDirectory(prefix="daypass-sign-") as folder:
            path = Path(folder) / "message"
            path.write_bytes(message)
            _run(file, namespace, path)
            signature = _read(path.with_name("message.sig"), file)
        if signature.public_key != key:
            raise Invalid(f"{file} is not the private half of the key to be certified", code="key.pair")
        signature.verify(namespace, message, key)
        return signature

    return prove


def _run(file: Path, namespace: str, message: Path) -> None:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(file.absolute()), "-n", namespace, str(message)]
    try:
        # Its questions go to the terminal, and so must what it says: "Confirm user presence for key".
        done = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=_SECONDS, env=dict(os.environ), check=False)
    except OSError as error:
        raise Misconfigured("OpenSSH's ssh-keygen is not installed", hint="install openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{file} did not sign within {_SECONDS:.0f} s", code="key.timeout") from error
    if done.returncode != 0:
        hint = "the line above says why; nothing was written"
        raise Invalid(f"ssh-keygen could not sign with {file}", code="key.sign", hint=hint)


def _read(path: Path, file: Path) -> SshSignature:
    try:
        return SshSignature.from_armor(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"ssh-keygen made no signature with {file}", code="key.sign") from error
