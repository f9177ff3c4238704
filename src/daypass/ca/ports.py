"""What the heart asks of the rooms around it. Every port has one contract suite, run over every implementation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from daypass.ca.ack_ports import AckStore
from daypass.ca.config_ports import ConfigStore
from daypass.ca.ending_ports import EndingStore
from daypass.ca.event_ports import EventStore
from daypass.ca.host_ports import EnrolledHost, HostRecord, HostStore
from daypass.ca.inbound_ports import InboundStore
from daypass.ca.krl_ports import KrlStore
from daypass.ca.pam_ports import FailureStore
from daypass.ca.pending_ports import PendingStore
from daypass.ca.person_ports import PersonStore
from daypass.ca.recheck_ports import RecheckStore
from daypass.ca.report_ports import ReportStore
from daypass.ca.rotation_ports import RotationStore
from daypass.ca.scim_ports import ScimStore
from daypass.ca.token_ports import TokenStore
from daypass.ca.watch_ports import WatchStore
from daypass.model import Credential, HostFacts, Identity, Issued, Joining, OnceId, Person, Proof, Redeemed, Vouched
from daypass.wire import Certificate, PublicKey

__all__ = [
    "HONEST_SKEW",
    "Clock",
    "DeviceCaps",
    "DeviceOutcome",
    "DeviceRequest",
    "DeviceState",
    "DeviceStore",
    "EnrolledHost",
    "Finding",
    "HostRecord",
    "LedgerRow",
    "NameTaken",
    "OnRecord",
    "Owner",
    "Provisioner",
    "Question",
    "Recorded",
    "Recording",
    "Refusal",
    "Signer",
    "Spent",
    "Stale",
    "Store",
    "UsedUp",
    "Verdict",
    "View",
    "WebSignIn",
]


HONEST_SKEW = 5  # seconds; two honest CAs on one store are never further apart (docs/adr/clock-slack.md)


class Clock(Protocol):
    def now(self) -> float:
        """Wall clock, unix seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back, from any start."""


class Finding(Struct, frozen=True):
    """One thing that was tried, and how it went."""

    ok: bool
    what: str
    hint: str = ""


class Provisioner(Protocol):
    """Authenticates a credential: who are you? Signature first; claims are read only after it holds.

    `type`: oidc, pam, aws … as the configuration calls it.
    """

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    async def test(self) -> Sequence[Finding]:
        """Tries what it depends on, for an operator. Changes nothing, and raises nothing of the error tree."""

    def recognises(self, token: str) -> bool:
        """Whether the (still unverified) token claims to be this provisioner's; routing only, never trust."""

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated (the credential), Unavailable (the provider can't be asked)."""


class WebSignIn(Protocol):
    """The CA as a web client of one identity provider: authorization code with PKCE, S256 (RFC 7636)."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> str:
        """Where people sign in, as they know it."""

    async def url(self, nonce: str, state: str, challenge: str, redirect: str, *, fresh: bool) -> str:
        """`fresh`: the person signs in anew, whatever session they have there.

        Raises Unavailable, Misconfigured: of a provider that can't be asked, or answers amiss.
        """

    async def check_issuer(self, issuer: str | None) -> None:
        """The `iss` of an answer (RFC 9207), before anything else in it is believed. Raises Unauthenticated."""

    async def redeem(self, code: str, verifier: str, redirect: str) -> Redeemed:
        """Its tokens, unverified. Raises Denied, Unauthenticated, Unavailable, Misconfigured."""


class Signer(Protocol):
    """Holds one CA key."""

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def local(self) -> bool:
        """True where the key is in this process; otherwise its signatures are verified before use."""

    async def sign(self, data: bytes) -> bytes:
        """An SSH signature string (RFC 4253 section 6.6). Raises Unavailable."""


class Owner(Struct, frozen=True):
    """The person a certificate was issued to."""

    id: int
    issuer: str
    subject: str
    login: str
    locked: bool


class OnRecord(Struct, frozen=True):
    """One certificate, and whose it is: a person's, or a host's that has not been removed."""

    serial: int
    key_id: str
    certificate: bytes  # wire blob
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    revoked_at: int | None
    owner: Owner | None = None
    host: str | None = None  # its id
    signin: str | None = None  # of a person's: model.sign_in


class Question(Struct, frozen=True):
    """What one request needs to know before it is decided. Questions that arrive together are one read."""

    identity: Identity
    once: OnceId
    host: str | None = None
    signin: str | None = None  # model.sign_in


class View(Struct, frozen=True):
    """The store's answer. `spent`: the certificates this one-time id was spent on, None if it is unspent.

    `changed`: of a person on record their provider says other things than it did last; `facts` is that in the store's
    own form, for a Recording to hand back.
    """

    person: Person | None
    host: HostRecord | None
    spent: tuple[Issued, ...] | None
    policy_hash: bytes
    last_time: int  # unix seconds of the newest ledger entry
    changed: bool = False
    facts: object = None
    over: bool = False  # the sign-in that was asked about has been ended
    sign_ins_over: int = 0  # how often any has been, for a Recording to hand back


class Recording(Struct, frozen=True):
    """What must become durable, all or nothing, before an answer leaves."""

    identity: Identity
    once: OnceId
    once_expires: int  # when the spent id may be forgotten: later than any moment the credential could pass
    policy_hash: bytes
    generation: int  # the person's generation that was decided on; 0 for one not on record yet
    login: str | None  # for a person: the login name
    claims: tuple[str, ...]  # every name to be claimed for the person
    certificates: tuple[Certificate, ...]  # signed
    roles: tuple[str, ...]
    host: HostFacts | None = None
    joins: Joining | None = None  # the join token that the host's facts come from
    time: int = 0
    remote: bool = False  # signed in by the provider's own device grant
    renews: int | None = None  # serial of the host certificate that was shown for these; it must be live still
    whole: bool = False  # with `renews`: the host has no other keys from now on
    events: tuple[tuple[str, Mapping[str, object]], ...] = ()  # further ledger entries: act and details
    facts: object = None  # the view's, of the same identity
    despite: frozenset[str] = frozenset()  # names that this very person may have although they are reserved
    signin: str | None = None  # model.sign_in, for a person's
    sign_ins_over: int = 0  # the view's
    vouched: Vouched | None = None  # what the provider's directory said; it must say the same still
    clock: Callable[[], float] | None = None  # what `time` was read from; asked again when it is recorded


class Recorded(Struct, frozen=True):
    """Durable."""


class Spent(Struct, frozen=True):
    """The one-time id was spent before, on these certificates."""

    certificates: tuple[Issued, ...]


class Stale(Struct, frozen=True):
    """Decided on yesterday's facts: generation, lock or policy changed meanwhile, or RECORD_WITHIN went by. Decide
    again."""


class NameTaken(Struct, frozen=True):
    """A login name or host name belongs to someone else (or to a tombstone), or is reserved: then for this reason."""

    name: str
    reserved: str | None = None


class UsedUp(Struct, frozen=True):
    """The join token was used as often as it may be, or was revoked meanwhile."""


Verdict = Recorded | Spent | Stale | NameTaken | UsedUp


class LedgerRow(Struct, frozen=True):
    """One entry as stored. hash = SHA-256("daypass-ledger-v1" NUL || previous hash || entry)."""

    seq: int
    time: int
    act: str
    entry: bytes  # the JSON that was hashed, byte for byte
    hash: bytes


class DeviceState(StrEnum):
    """Only ever forwards; `refused` can follow any but `issued`."""

    WAITING = "waiting"  # for someone to type the code
    SEEN = "seen"  # somebody has, in one browser
    ALLOWED = "allowed"  # and has said yes
    REDEEMING = "redeeming"  # the provider has answered, and one process deals with it
    ISSUED = "issued"
    REFUSED = "refused"


class Refusal(Struct, frozen=True):
    """An error as the waiting machine is told it."""

    code: str
    message: str
    hint: str | None = None


class DeviceRequest(Struct, frozen=True):
    """A sign-in on another device. Of its secrets only SHA-256 hashes: device code, user code, browser's cookie."""

    device_hash: bytes
    user_hash: bytes
    public_key: bytes  # wire blob
    salt: bytes
    machine: str
    address: str
    network: str  # what `address` is counted as
    provider: str
    lifetime: int | None
    created_at: int
    expires_at: int
    state: DeviceState = DeviceState.WAITING
    browser_hash: bytes | None = None
    browser_address: str | None = None
    refusal: Refusal | None = None
    serial: int | None = None
    login: str | None = None
    role: str = ""  # alone; empty: a day pass


class DeviceCaps(Struct, frozen=True):
    """How many requests there may be that have not expired."""

    network: int
    overall: int


class DeviceOutcome(Struct, frozen=True):
    """What a request led to, and who signed in: for the ledger."""

    serial: int
    login: str
    actor: str
    details: Mapping[str, object]


class DeviceStore(Protocol):
    """Sign-ins on another device. Requests that have expired are not there, and soon forgotten."""

    async def add_device(self, request: DeviceRequest, caps: DeviceCaps) -> None:
        """Raises Throttled where there are too many, Conflict where a hash is on record already."""

    async def device(self, device_hash: bytes, now: int) -> DeviceRequest | None: ...

    async def device_of(self, browser_hash: bytes, now: int) -> DeviceRequest | None:
        """The one that is bound to this browser."""

    async def bind_device(
        self, user_hash: bytes, browser_hash: bytes, address: str, now: int
    ) -> DeviceRequest | None:
        """From waiting to seen, by a browser at this address. The same again gives the same; None for a code that is
        not there, or bound elsewhere.

        Raises Conflict where the browser is bound to another request.
        """

    async def move_device(
        self, device_hash: bytes, before: Collection[DeviceState], after: DeviceState, now: int
    ) -> bool:
        """Compare and set: whether it was in one of `before`, and this call moved it on."""

    async def refuse_device(
        self, device_hash: bytes, before: Collection[DeviceState], refusal: Refusal, now: int
    ) -> bool:
        """The same, with the reason."""

    async def finish_device(self, device_hash: bytes, outcome: DeviceOutcome, now: int) -> bool:
        """From redeeming to issued, with a ledger entry `device.issue` in the same transaction."""

    async def certificate(self, serial: int) -> Issued | None: ...


class HolderStore(Protocol):
    """What those who hold a certificate may learn of it and do with it."""

    async def on_record(self, serial: int) -> OnRecord | None: ...

    async def those(self, serials: Sequence[int]) -> Sequence[OnRecord]:
        """In the order asked for; what is not on record is left out."""

    async def certificates_of(self, person: int, now: int) -> Sequence[OnRecord]:
        """Those that have not expired, revoked ones too, newest first; a thousand at most."""

    async def hosts_with_key(self, key: bytes, now: int) -> frozenset[str]:
        """Ids of hosts with a live certificate for this key (wire blob)."""

    async def spend(self, once: OnceId, *, expires: int, now: int) -> bool:
        """Whether nobody had spent it before; durable, and forgotten once it has expired."""

    async def give_up(
        self,
        serial: int,
        *,
        reason: str,
        actor: str,
        details: Mapping[str, object],
        now: int,
        once: tuple[OnceId, int] | None = None,
    ) -> bool:
        """One certificate, by the host that holds it; False, and nothing written, where it was revoked before.

        `once` is spent in the same transaction, with the time at which it may be forgotten. Raises NotFound, and
        Unauthenticated where it was spent already.
        """


class Store(
    ConfigStore,
    DeviceStore,
    HolderStore,
    PersonStore,
    HostStore,
    TokenStore,
    KrlStore,
    EndingStore,
    AckStore,
    EventStore,
    InboundStore,
    RecheckStore,
    PendingStore,
    RotationStore,
    ReportStore,
    ScimStore,
    WatchStore,
    FailureStore,
    Protocol,
):
    """Remembers. Nothing here blocks the event loop for long; SQLite and PostgreSQL give the same answers."""

    async def view(self, question: Question) -> View:
        """Raises Unavailable."""

    async def record(self, recording: Recording) -> Verdict:
        """ONE durable transaction, shared with those that arrive together; a verdict each (trust 3.6).

        Raises Unavailable when it is not known to be durable: then nothing may be answered.
        """

    async def enrolled(self, now: int) -> Sequence[EnrolledHost]:
        """Hosts with a certificate that has not expired, by name. One whose certificate was revoked counts until that
        would have expired: revoking must not bring back the question that lets an impostor in."""

    async def reserve_serials(self, now: float) -> range:
        """A block of serials no one else ever gets: starts at (unix minute << 32) (trust 7.1)."""

    async def add_event(
        self, act: str, details: Mapping[str, object], *, actor: str, now: int, person: int | None = None
    ) -> None:
        """A ledger entry for something that is not a certificate. `person`: whose history it belongs to."""

    async def ledger(self, after: int, limit: int) -> Sequence[LedgerRow]: ...

    async def close(self) -> None: ...
