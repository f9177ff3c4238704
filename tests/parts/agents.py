"""ssh-agents that can't run here, or not as they once were: a small one that misbehaves in their documented ways.

Each case says where its behaviour is written down. `real_gpg_agent` and `real_gnome` are the real thing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.needs import need
from tests.parts.processes import stop, wait_until

from daypass.wire.buffer import Reader, string, uint32

__all__ = ["CASES", "PASSING", "Case", "Played", "real_gnome", "real_gpg_agent", "run_played"]

SUCCESS, FAILURE = b"\x06", b"\x05"
LIST, ADD, REMOVE, ADD_CONSTRAINED = 11, 17, 18, 25
_CONFIRM = 2
_ED25519_PLAIN = b"ssh-ed25519"


@dataclass(slots=True)
class Played:
    """An agent on a stage. `asked` is the type of every message it got; `held` are the blobs it lists."""

    path: Path
    held: list[bytes] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    def listing(self) -> bytes:
        return b"\x0c" + uint32(len(self.held)) + b"".join(string(blob) + string("x") for blob in self.held)


Manner = Callable[[Played, bytes, socket.socket], bytes | None]
"""The answer to a message; None closes the connection. It may use the socket itself."""


def honest(played: Played, message: bytes, _: object = None) -> bytes | None:
    """As OpenSSH's, without signing and without an end to what it holds."""
    if message[0] == LIST:
        return played.listing()
    if message[0] in (ADD, ADD_CONSTRAINED):
        played.held.append(_certificate(message))
        return SUCCESS
    if message[0] == REMOVE:
        blob = Reader(message[1:]).string()
        if blob not in played.held:
            return FAILURE
        played.held.remove(blob)
        return SUCCESS
    return FAILURE


def takes_nothing(played: Played, message: bytes, _: object) -> bytes | None:
    return played.listing() if message[0] == LIST else FAILURE


def holds_its_own(played: Played, message: bytes, _: object) -> bytes | None:
    """Takes nothing, and lists a key of its own."""
    played.held = [string(_ED25519_PLAIN) + string(b"k" * 32)]
    return takes_nothing(played, message, _)


def closes_when_constrained(played: Played, message: bytes, _: object) -> bytes | None:
    return None if message[0] == ADD_CONSTRAINED else honest(played, message)


def refuses_when_constrained(played: Played, message: bytes, _: object) -> bytes | None:
    return FAILURE if message[0] == ADD_CONSTRAINED else honest(played, message)


def refuses_to_ask(played: Played, message: bytes, _: object) -> bytes | None:
    asks = message[0] == ADD_CONSTRAINED and message.endswith(bytes([_CONFIRM]))
    return FAILURE if asks else honest(played, message)


def drops(played: Played, message: bytes, _: object) -> bytes | None:
    return SUCCESS if message[0] == ADD_CONSTRAINED else honest(played, message)


def keeps_the_plain_key(played: Played, message: bytes, _: object) -> bytes | None:
    if message[0] != ADD_CONSTRAINED:
        return honest(played, message)
    reader = Reader(message[1:])
    reader.string(), reader.string()
    played.held.append(string(_ED25519_PLAIN) + string(reader.string()))
    return SUCCESS


def can_t_list_it(played: Played, message: bytes, _: object) -> bytes | None:
    if message[0] == LIST and played.held:
        return FAILURE
    return honest(played, message)


def keeps_what_is_removed(played: Played, message: bytes, _: object) -> bytes | None:
    return SUCCESS if message[0] == REMOVE else honest(played, message)


def refuses_to_remove(played: Played, message: bytes, _: object) -> bytes | None:
    return FAILURE if message[0] == REMOVE else honest(played, message)


def says_nothing(_: Played, __: bytes, connection: socket.socket) -> bytes | None:
    connection.recv(1)  # until the other side has had enough
    return None


def dribbles(_: Played, __: bytes, connection: socket.socket) -> bytes | None:
    connection.sendall(uint32(1000))
    for _i in range(1000):
        connection.sendall(b"\x0c")
        time.sleep(0.05)
    return None


def babbles(_: Played, __: bytes, connection: socket.socket) -> bytes | None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    return None


def answers_hugely(_: Played, __: bytes, connection: socket.socket) -> bytes | None:
    connection.sendall(uint32(0xFFFFFFFF) + b"\x0c" * 1000)
    return None


def holds_a_billion(_: Played, __: bytes, ___: object) -> bytes | None:
    return b"\x0c" + uint32(1 << 30)


def breaks_off(_: Played, __: bytes, connection: socket.socket) -> bytes | None:
    connection.sendall(uint32(100) + b"\x0c")
    return None


def closes(_: Played, __: bytes, ___: object) -> bytes | None:
    return None


def answers_emptily(_: Played, __: bytes, connection: socket.socket) -> bytes | None:
    connection.sendall(uint32(0))
    return None


def dies_after_the_test(played: Played, message: bytes, _: object) -> bytes | None:
    """Once a certificate has been taken out of it again, it says no more."""
    return None if REMOVE in played.asked[:-1] and message[0] != LIST else honest(played, message)


@dataclass(frozen=True, slots=True)
class Case:
    """`where` is the end of its socket's path, `says` a part of the one line about it."""

    name: str
    manner: Manner
    says: str
    where: str = "agent.sock"


_NOT_TAKEN, _NOT_LISTED = "does not take certificates that end", "does not list them"
_NO_WORD, _NO_SENSE = "does not answer", "does not speak"
CASES = (
    # developer.1password.com/docs/ssh/agent: keys are its vault's items; ssh-add can't add any.
    Case("1Password", holds_its_own, f"1Password {_NOT_TAKEN}", ".1password/agent.sock"),
    # bitwarden.com/help/ssh-agent: keys of the vault only; locked, it lists none.
    Case("Bitwarden", takes_nothing, f"Bitwarden {_NOT_TAKEN}", ".bitwarden-ssh-agent.sock"),
    # maxgoedjen/secretive: Agent.swift answers 11 and 13, and fails all else.
    Case(
        "Secretive",
        holds_its_own,
        f"Secretive {_NOT_TAKEN}",
        "com.maxgoedjen.Secretive.SecretAgent/Data/socket.ssh",
    ),
    # FiloSottile/yubikey-agent main.go: Add and Remove return ErrOperationUnsupported.
    Case("yubikey-agent", holds_its_own, f"yubikey-agent {_NOT_TAKEN}", "yubikey-agent.sock"),
    # PowerShell/openssh-portable 59d9124: SSH_AGENT_FAILURE for lifetime and confirm; Pageant likewise
    # (darinkes/SshNet.Agent#22).
    Case("Pageant and Windows' service", refuses_when_constrained, _NOT_TAKEN),
    # PowerShell/Win32-OpenSSH#1510 (7.7), overhacked/ssh-agent-mux#90: message 25 is unknown, the connection ends.
    Case("one that knows no constraints", closes_when_constrained, _NO_WORD),
    # cashier-go/cashier#41: "unsupported algorithm from SSH: ssh-rsa-cert-v01@openssh.com", then EOF.
    Case("GNOME Keyring before 3.28", closes_when_constrained, f"GNOME Keyring {_NO_WORD}", "keyring/ssh"),
    # gravitational/teleport#768: the certificate is lost on the way, the plain key stays.
    Case("one that keeps the plain key", keeps_the_plain_key, _NOT_LISTED),
    # drduh/YubiKey-Guide#43: "gpg-agent will accept it, but doesn't know how to read it back".
    Case("one that can't list what it took", can_t_list_it, _NOT_TAKEN),
    # OpenSSH's own, after ssh-add -x: process_request_identities lists none, process_add_identity is not reached.
    Case("a locked one", takes_nothing, "if it is locked: ssh-add -X"),
    Case("one that says yes and lists nothing", drops, _NOT_LISTED),
    Case("one that keeps what it should remove", keeps_what_is_removed, "does not let certificates out"),
    Case("one that refuses to remove", refuses_to_remove, "does not let certificates out"),
    Case("one that never answers", says_nothing, _NO_WORD),
    Case("one that answers byte by byte", dribbles, _NO_WORD),
    Case("one that closes at once", closes, _NO_WORD),
    Case("one that breaks off in the middle", breaks_off, _NO_WORD),
    Case("a web server", babbles, _NO_SENSE),
    Case("one with a huge frame", answers_hugely, _NO_SENSE),
    Case("one with an empty frame", answers_emptily, _NO_SENSE),
    Case("one that holds a billion keys", holds_a_billion, _NO_SENSE),
)
PASSING = {
    "honest": honest,
    "no confirm": refuses_to_ask,  # keepassxreboot/keepassxc#2762: "prompt constraints are not supported"
    "dies later": dies_after_the_test,
}


@contextmanager
def run_played(path: Path, manner: Manner) -> Iterator[Played]:
    """The agent at `path`, its folders made, until the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    played = Played(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_serve, args=(listener, played, manner), daemon=True).start()
        yield played
        listener.shutdown(socket.SHUT_RDWR)
    path.unlink(missing_ok=True)


def _serve(listener: socket.socket, played: Played, manner: Manner) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_converse, args=(connection, played, manner), daemon=True).start()


def _converse(connection: socket.socket, played: Played, manner: Manner) -> None:
    with connection, contextlib.suppress(OSError):
        while message := _message(connection):
            played.asked.append(message[0])
            answer = manner(played, message, connection)
            if answer is None:
                return
            connection.sendall(string(answer))


def _message(connection: socket.socket) -> bytes:
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if len(head) == 4 else b""


def _certificate(message: bytes) -> bytes:
    """The second field of an addition: the certificate's blob, where the type is a certificate's."""
    reader = Reader(message[1:])
    reader.string()
    return reader.string()


@contextmanager
def real_gpg_agent() -> Iterator[tuple[Path, Path, Path]]:
    """gpg-agent with its ssh socket, its home folder, and a file that its pinentry writes to when it is asked."""
    with tempfile.TemporaryDirectory(prefix="dp-gpg-") as folder:
        home, log = Path(folder), Path(folder) / "pinentry.log"
        pinentry = home / "pinentry"
        pinentry.write_text(f"#!/bin/sh\necho asked >> {log}\nexit 1\n")
        pinentry.chmod(0o755)
        (home / "gpg-agent.conf").write_text(f"enable-ssh-support\npinentry-program {pinentry}\ndisable-scdaemon\n")
        process = subprocess.Popen(
            [need("gpg-agent"), "--homedir", home, "--daemon", "--no-detach"],
            env={**os.environ, "GNUPGHOME": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until((home / "S.gpg-agent.ssh").exists, "gpg-agent start")
            yield home / "S.gpg-agent.ssh", home, log
        finally:
            stop(process)


@contextmanager
def real_gnome(program: str) -> Iterator[Path]:
    """The ssh socket of `gcr-ssh-agent` or `gnome-keyring-daemon`, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="dp-gnome-") as folder:
        base = Path(folder, "gcr" if program == "gcr-ssh-agent" else "keyring")
        base.mkdir(mode=0o700)
        options = {
            "gcr-ssh-agent": [str(base)],
            "gnome-keyring-daemon": ["--foreground", "--components=ssh", f"--control-directory={base}"],
        }[program]
        process = subprocess.Popen(
            [need("dbus-run-session"), "--", need(program), *options],
            env={"PATH": os.environ["PATH"], "HOME": folder, "XDG_RUNTIME_DIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_until((base / "ssh").exists, f"{program} start")
            yield base / "ssh"
        finally:
            _end_family(process, base)


def _end_family(process: subprocess.Popen[bytes], base: Path) -> None:
    """They leave the OpenSSH ssh-agent that they wrap behind: end whatever names our folder, or is in our session."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getsid(int(folder.name)) == process.pid or bytes(base) in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), 15)
    stop(process)
