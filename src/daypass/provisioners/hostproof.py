"""The port-22 proof: whoever answers at a name holds these host keys (trust 5.5).

By the system's ssh, with a known_hosts of exactly one key and no other configuration. The server signs the key
exchange with its host key (RFC 4253 section 8), and ssh goes on to authentication only where that signature is by
the one key; there it has nothing to offer, and says so. Showing a key in the exchange proves nothing: ssh says "is
known" of it before it has verified the signature, so that is not looked at.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from daypass.errors import DaypassError, Misconfigured, Throttled, Unauthenticated
from daypass.network import lookup
from daypass.provisioners.addresses import Lookup, reachable
from daypass.wire import PublicKey

__all__ = ["prove"]

SECONDS = 10  # for one key at one address
OVERALL = 30  # for all of them
MOST = 32  # proofs under way in this process
MOST_OF_ONE = 4  # and of these for one who asks
MAX_SAID = 4096  # bytes of what ssh says

_ALIAS, _USER = "daypass-proof", "daypass"
_OPTIONS = (
    "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", f"HostKeyAlias={_ALIAS}", "CheckHostIP=no",
    "UpdateHostKeys=no", "VerifyHostKeyDNS=no", "HashKnownHosts=no", "BatchMode=yes", "PreferredAuthentications=none",
    "PubkeyAuthentication=no", "IdentityFile=none", "IdentityAgent=none", "IdentitiesOnly=yes", "ForwardAgent=no",
    "ForwardX11=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "ProxyCommand=none", "ControlMaster=no",
    "ControlPath=none", "CanonicalizeHostname=no", "ConnectionAttempts=1", f"ConnectTimeout={SECONDS}",
    "LogLevel=ERROR",
)  # fmt: skip
# The whole of what it says. Whatever the server can make ssh say before its key has been verified stands behind
# words of ssh's own ("Received disconnect from …", "kex_exchange_identification: …"), so it can't begin like this.
_REFUSED = re.compile(rf"{_USER}@[0-9a-f.:]+: Permission denied \([A-Za-z0-9@.,-]*\)\.\s*")
_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
_under_way: Counter[str] = Counter()


async def prove(
    where: str,
    keys: Sequence[PublicKey],
    networks: Sequence[str],
    *,
    port: int = 22,
    caller: str = "",
    look: Lookup = lookup,
) -> None:
    """Returns where at every address of `where`, a name or an address, an SSH server shows that it holds every key.

    `networks`: where this CA may connect to. `caller`: who asks, by address; each has a few proofs at a time.
    Raises Unauthenticated where it does not show it, Denied for where the CA may not go, Unavailable for a name that
    can't be looked up, Throttled, and Misconfigured where there is no ssh here.
    """
    ssh = shutil.which("ssh", path=_ENV["PATH"])
    if ssh is None:
        raise Misconfigured(
            "there is no ssh on the CA's machine", code="port22.ssh", hint="apt install openssh-client"
        )
    with _counted(caller):
        try:
            async with asyncio.timeout(OVERALL):
                for address in await reachable(where, networks, look):
                    for key in keys:
                        await _shown(ssh, address, port, key, where)
        except TimeoutError:
            raise _not_shown(where, port, "took too long to answer") from None


@contextmanager
def _counted(caller: str) -> Iterator[None]:
    if _under_way.total() >= MOST or _under_way[caller] >= MOST_OF_ONE:
        hint = "the CA is connecting to very many hosts: try again"
        raise Throttled("too many hosts show their keys at once", code="port22.busy", hint=hint, retry_after=5)
    _under_way[caller] += 1
    try:
        yield
    finally:
        _under_way[caller] -= 1
        if not _under_way[caller]:
            del _under_way[caller]


async def _shown(ssh: str, address: str, port: int, key: PublicKey, where: str) -> None:
    with tempfile.TemporaryDirectory(prefix="daypass-port22-") as folder:
        known = Path(folder) / "known_hosts"
        known.write_text(f"{_ALIAS} {key.line()}\n")
        options = (
            *_OPTIONS,
            f"UserKnownHostsFile={known}",
            f"HostKeyAlgorithms={','.join(key.signature_algorithms)}",
        )
        given = [word for each in options for word in ("-o", each)]
        command = [ssh, "-F", "none", "-T", "-p", str(port), "-l", _USER, *given, "--", address, "exit"]
        code, said = await _ended(command)
    # 0: the server lets everybody in, and has shown its key by then.
    if code == 0 or (code == 255 and _REFUSED.fullmatch(said)):
        return
    raise _not_shown(where, port, _reason(said))


async def _ended(command: Sequence[str]) -> tuple[int, str]:
    """Its exit code, and the beginning of what it says on stderr. Raises TimeoutError; it is gone in any case."""
    process = await asyncio.create_subprocess_exec(
        *command, env=_ENV, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE, start_new_session=True, limit=MAX_SAID,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            said = await _beginning(process.stderr)
            return await process.wait(), said.decode("ascii", "replace")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _beginning(stream: asyncio.StreamReader | None) -> bytes:
    """All of it is read, and MAX_SAID bytes are kept."""
    said = b""
    while stream is not None and (more := await stream.read(MAX_SAID)):
        said = (said + more)[:MAX_SAID]
    return said


def _reason(said: str) -> str:
    """For the host's operator; ssh's own words are the server's to a part, and not repeated."""
    if said.startswith("ssh: connect to host"):
        return "can't be reached"
    if "Host key verification failed" in said or "no matching host key type" in said:
        return "shows another key"
    return "does not show that it holds the key"


def _not_shown(where: str, port: int, reason: str) -> DaypassError:
    return Unauthenticated(
        f"what is at port {port} of {where} {reason}",
        code="port22.key",
        hint=f"its sshd has to run with the keys that enrol, where the CA reaches it: ssh-keyscan -p {port} {where}",
    )
