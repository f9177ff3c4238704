"""What a host remembers between runs: who it is to its CA, and the versions it must never go back behind."""

from __future__ import annotations

from pathlib import Path

import msgspec

from daypass.errors import Misconfigured
from daypass.host import files
from daypass.wire import Certificate

__all__ = ["CertificateState", "State"]


class CertificateState(msgspec.Struct, frozen=True, kw_only=True):
    """One host certificate: where it lies, its serial, and the unix times it begins and ends."""

    path: str
    key: str = ""  # path of the private key
    serial: int
    begins: int = 0
    expires: int

    @classmethod
    def of(cls, certificate: Certificate, path: Path, key: Path) -> CertificateState:
        return cls(
            path=str(path),
            key=str(key),
            serial=certificate.serial,
            begins=certificate.valid_after,
            expires=certificate.valid_before,
        )


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`/var/lib/daypass/state.json`, for root alone. `roots` are the X.509 roots (PEM) to believe of the CA.

    `machine` is whose it is (`host.machine`): on a copy of this disk it says another's. `sshd` and `sshd_config` are
    the program and the configuration that were set up. `refused` is why the CA would not speak with this host, since.
    """

    url: str
    ca_id: str
    roots: list[str]
    host_id: str
    name: str
    trust_version: int
    bundle_version: int
    bundle_expires: int
    krl_version: int
    enrolled_at: int
    certificates: list[CertificateState]
    digest: str = ""  # of the bundle in force, once it is kept here
    refused: str = ""
    synced_at: int = 0  # when the CA last had word for it, unix seconds
    machine: str = ""
    sshd: str = ""
    sshd_config: str = ""

    @classmethod
    def load(cls, path: Path) -> State | None:
        """None before the first enrolment. Misconfigured where the file can't be understood."""
        files.check(path.parent)
        files.check(path)
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise Misconfigured(f"{path} can't be read", code="host.state", hint="run this as root") from error
        except (OSError, msgspec.DecodeError) as error:
            hint = f"move {path} away and enrol again with a new token"
            raise Misconfigured(f"{path} can't be understood: {error}", code="host.state", hint=hint) from error

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @property
    def expires(self) -> int:
        """When the first of the certificates ends, in unix seconds."""
        return min((each.expires for each in self.certificates), default=0)

    @property
    def heard_at(self) -> int:
        """When it last heard from its CA, in unix seconds."""
        return max(self.synced_at, self.enrolled_at)
