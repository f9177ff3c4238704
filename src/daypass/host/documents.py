"""The signed documents a host keeps as they came: what it goes by between two syncs, and after a power cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from daypass import trusted
from daypass.api import HostBundle, HostSyncResponse, Signed, TrustDocument
from daypass.errors import Conflict, DaypassError, Invalid, Unauthenticated
from daypass.host import files
from daypass.host.answer import check_krl
from daypass.host.settings import Paths
from daypass.host.state import State

__all__ = ["Documents", "News", "encode", "judge", "save"]


@dataclass(frozen=True, slots=True)
class Documents:
    """Trust document and bundle, verified, and as they came."""

    trust: TrustDocument
    bundle: HostBundle
    signed_trust: Signed
    signed_bundle: Signed

    @classmethod
    def load(cls, paths: Paths, state: State) -> Documents | None:
        """None before the first sync, and for files that do not hold: then everything is asked for anew."""
        try:
            trust, bundle = _read(paths.trust), _read(paths.bundle)
            document = trusted.verify_trust(trust, bytes.fromhex(state.ca_id))
            found = cls(document, trusted.verify_bundle(bundle, document, now=None), trust, bundle)
        except (OSError, msgspec.MsgspecError, DaypassError):
            return None
        ours = (found.bundle.host_id, found.bundle.digest) == (state.host_id, state.digest)
        return found if ours else None


@dataclass(frozen=True, slots=True)
class News:
    """What a sync has brought, judged: the documents from now on, and until when they hold."""

    documents: Documents
    version: int
    expires: int
    krl: bytes
    krl_version: int


def judge(answer: HostSyncResponse, state: State, kept: Documents | None, krl: bytes, now: float) -> News:
    """Everything the CA sent, or an error: from the pinned root down to the last line. Nothing is written. `krl`:
    the file that sshd reads; it stays where the CA sends none and the bundle names this one.

    Versions never go back; a bundle that has expired, or is another host's or another CA's, is refused.
    """
    trust = _trust(answer, kept)
    document = trusted.verify_trust(trust, bytes.fromhex(state.ca_id), known_version=state.trust_version)
    if answer.bundle is not None:
        bundle = trusted.verify_bundle(answer.bundle, document, now=now, known_version=state.bundle_version)
        _require_ours(bundle.host_id, state)
        if bundle.name != state.name or not bundle.digest:
            raise Unauthenticated("the host bundle is for another host", code="bundle.host")
        listed = check_krl(bundle, document, answer.krl, state.krl_version, krl)
        return News(Documents(document, bundle, trust, answer.bundle), bundle.version, bundle.expires, *listed)
    if answer.heartbeat is None or kept is None:
        raise Invalid("the CA has answered with neither a bundle nor a word on the old one", code="host.sync")
    beat = trusted.verify_heartbeat(answer.heartbeat, document, now=now, known_version=state.bundle_version)
    _require_ours(beat.host_id, state)
    if beat.digest != kept.bundle.digest:
        raise Conflict("the CA's word is on another bundle than this host has", code="host.digest")
    again = trusted.verify_bundle(kept.signed_bundle, document, now=None)
    listed = check_krl(again, document, answer.krl, state.krl_version, krl)
    return News(Documents(document, again, trust, kept.signed_bundle), beat.version, beat.expires, *listed)


def save(documents: Documents, paths: Paths) -> None:
    for path, signed in ((paths.trust, documents.signed_trust), (paths.bundle, documents.signed_bundle)):
        content = encode(signed)
        if not path.exists() or path.read_bytes() != content:
            files.write(path, content, 0o600)


def encode(signed: Signed) -> bytes:
    """A document as its file holds it."""
    return msgspec.json.encode(signed) + b"\n"


def _trust(answer: HostSyncResponse, kept: Documents | None) -> Signed:
    if answer.trust is not None:
        return answer.trust
    if kept is None:
        raise Invalid("the CA sent no trust document, and there is none here", code="host.sync")
    return kept.signed_trust


def _require_ours(host_id: str, state: State) -> None:
    if host_id != state.host_id:
        raise Unauthenticated("what the CA has sent is for another host", code="bundle.host")


def _read(path: Path) -> Signed:
    files.check(path)
    return msgspec.json.decode(path.read_bytes(), type=Signed)
