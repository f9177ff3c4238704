"""Make a running sshd read its configuration again, and see with our own eyes that it did."""

from __future__ import annotations

import os
import re
import signal
import time
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from daypass.errors import Misconfigured
from daypass.host import tools
from daypass.host.hostkeys import family
from daypass.host.sshd import Effective, Sshd
from daypass.wire import Certificate, PublicKey

__all__ = ["Running", "offered", "prove", "prove_methods", "prove_plain"]

_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_STANDARD_CONFIG = Path("/etc/ssh/sshd_config")
_UNITS = ("ssh.service", "sshd.service")
# sshd 9.8 and later shuts out an address that connects often without logging in (PerSourcePenalties): few tries.
_DENIED = re.compile(r"Permission denied \(([a-z,-]+)\)")
_PAUSES = (0.1, 0.4, 1.5, 4.0)


@dataclass(frozen=True, slots=True)
class Running:
    """The sshd that is running now: a systemd unit, or the process its PidFile names."""

    unit: str | None = None
    pid: int | None = None

    @classmethod
    def find(cls, sshd: Sshd, effective: Effective) -> Running | None:
        """None where no sshd runs that has this configuration, as far as can be seen."""
        if sshd.config == _STANDARD_CONFIG and _BOOTED.is_dir():
            for unit in _UNITS:
                if tools.run(["systemctl", "is-active", "--quiet", unit]).code == 0:
                    return cls(unit=unit)
        pid = _pid(effective.get("pidfile", ["none"])[0])
        return None if pid is None else cls(pid=pid)

    def reload(self) -> None:
        """Returns when it was told; `prove` sees whether it did. Sessions go on."""
        if self.unit is not None:
            ran = tools.run(["systemctl", "reload", self.unit])
            if ran.code != 0:
                raise Misconfigured(f"systemctl reload {self.unit} failed: {ran.words}", code="host.reload")
        elif self.pid is None or not _hang_up(self.pid):
            raise Misconfigured("sshd ended while its configuration was being changed", code="host.reload")


def offered(keys: Iterable[PublicKey], effective: Effective) -> set[PublicKey]:
    """Those whose certificates sshd's HostKeyAlgorithms let it present. Misconfigured where there are none."""
    algorithms = set(",".join(effective.get("hostkeyalgorithms", [])).split(","))
    found = {key for key in keys if algorithms == {""} or algorithms & set(_names(key))}
    if not found:
        raise Misconfigured(
            "sshd's HostKeyAlgorithms leave out host certificates",
            code="host.algorithms",
            hint="add ssh-ed25519-cert-v01@openssh.com to the line, or take the line out",
        )
    return found


def prove(certificates: Collection[Certificate], effective: Effective) -> None:
    """Connect over loopback until sshd presents every one of these certificates; Misconfigured if it does not."""
    keys = offered([each.public_key for each in certificates], effective)
    wanted = {each.encode() for each in certificates if each.public_key in keys}
    address, port = _address(effective)
    kinds = ",".join(sorted({family(key) for key in keys}))
    seen = tools.Ran(0, "", "")
    for pause in _PAUSES:
        time.sleep(pause)
        seen = tools.run(["ssh-keyscan", "-c", "-T", "5", "-t", kinds, "-p", port, address])
        if wanted <= _blobs(seen.out):
            return
    raise Misconfigured(
        f"sshd on {address} port {port} does not present its new host certificate: {seen.words or 'no answer'}",
        code="host.not-proven",
    )


def prove_plain(keys: Collection[PublicKey], gone: Collection[bytes], effective: Effective) -> None:
    """Connect until sshd presents one of these keys, and none of the certificates `gone`."""
    address, port = _address(effective)
    wanted, seen = {each.blob for each in keys}, tools.Ran(0, "", "")
    for pause in _PAUSES:
        time.sleep(pause)
        seen = tools.run(["ssh-keyscan", "-T", "5", "-p", port, address])
        still = tools.run(["ssh-keyscan", "-c", "-T", "5", "-p", port, address])
        if wanted & _blobs(seen.out) and not set(gone) & _blobs(still.out):
            return
    raise Misconfigured(
        f"sshd on {address} port {port} does not answer by its own key alone: {seen.words or 'no answer'}",
        code="host.not-proven",
    )


def prove_methods(account: str, methods: Collection[str], effective: Effective) -> None:
    """Knock until sshd offers this account these methods, as it says itself (RFC 4252 section 5.1)."""
    address, port = _address(effective)
    options = ["BatchMode=yes", "PreferredAuthentications=none", "StrictHostKeyChecking=no", "ConnectTimeout=5"]
    options += ["UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null", "ControlPath=none"]
    command = ["ssh", "-F", "none", *(word for each in options for word in ("-o", each))]
    said = ""
    for pause in _PAUSES:
        time.sleep(pause)
        said = tools.run([*command, "-p", port, "-l", account, address, "true"]).words
        found = _DENIED.search(said)
        if found is not None and set(found[1].split(",")) == set(methods):
            return
    raise Misconfigured(
        f"sshd on {address} port {port} does not go by it: {said or 'no answer'}", code="host.not-proven"
    )


def _names(key: PublicKey) -> tuple[str, ...]:
    """What its certificates are called as algorithms; RSA goes by the hash too."""
    if key.type == "ssh-rsa":
        return tuple(f"{name}-cert-v01@openssh.com" for name in ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"))
    return (key.certificate_type,)


def _address(effective: Effective) -> tuple[str, str]:
    """Where it listens, seen from this machine; IPv4 first."""
    listening = sorted(effective.get("listenaddress", ["127.0.0.1:22"]), key=lambda each: each.startswith("["))
    host, _, port = listening[0].rpartition(":")
    host = host.strip("[]")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104  what sshd says, not a bind


def _blobs(scanned: str) -> set[bytes]:
    """The blobs of what ssh-keyscan -c printed: base64 ends each line, and it leaves the host's name out."""
    found = set[bytes]()
    for words in map(str.split, scanned.splitlines()):
        try:
            found.add(a2b_base64(words[-1]))
        except (IndexError, Base64Error):
            continue
    return found


def _pid(file: str) -> int | None:
    try:
        pid = int(Path(file).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and _is_sshd(pid) else None


def _is_sshd(pid: int) -> bool:
    """By its executable, which a process can't choose; an upgraded one reads `sshd (deleted)`."""
    try:
        executable = Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return False
    return executable.name.split(" ")[0] == "sshd"


def _hang_up(pid: int) -> bool:
    """SIGHUP through a pidfd, looked at after it was opened: the number can't have passed to another process."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    with closing(os.fdopen(descriptor)):
        if not (_is_sshd(pid) and _takes_hang_ups(pid)):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGHUP)
    return True


def _takes_hang_ups(pid: int) -> bool:
    """sshd listens before it catches SIGHUP, also when it starts itself again: until then the signal would end it."""
    for pause in (0.0, *_PAUSES):
        time.sleep(pause)
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        if int(status.partition("SigCgt:")[2].split()[0], 16) >> (signal.SIGHUP - 1) & 1:
            return True
    return False
