"""What the routes need: the heart as they see it, and the facts about this CA that anyone may know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from daypass.api import OidcLogin, PamLogin, Provisioner, Signed, WorkloadLogin
from daypass.ca.acks import Acks
from daypass.ca.acts import Act, Operator, Shown
from daypass.ca.approvals import Read
from daypass.ca.calls import Caller
from daypass.ca.challenges import Challenges
from daypass.ca.config_ports import ConfigVersion
from daypass.ca.conversations import Begin, Said
from daypass.ca.device import DeviceAsk, DeviceAsked, DeviceBegun, DeviceDone, DevicePolled
from daypass.ca.ending_ports import Ended
from daypass.ca.endings import Endings
from daypass.ca.explain import Answer
from daypass.ca.host_calls import HostSaid, Synced
from daypass.ca.host_ports import HostRecord, KnownHost
from daypass.ca.inbound import Inbound
from daypass.ca.inventory import Inventory
from daypass.ca.krls import MadeKrl
from daypass.ca.login_reports import LoginReports
from daypass.ca.open_sessions import OpenSessions
from daypass.ca.pending_ports import PendingAct
from daypass.ca.persons import Persons
from daypass.ca.ports import LedgerRow, OnRecord
from daypass.ca.proofs import Proofs
from daypass.ca.publishing import Compared, Published
from daypass.ca.questions import About, PolicyDiffed
from daypass.ca.scim_ports import Entry, Looked, TokenRecord
from daypass.ca.shown import Call
from daypass.ca.tokens import Tokens
from daypass.ca.trying import Trying
from daypass.ca.who_could import Holders
from daypass.config import ProviderSection
from daypass.errors import DaypassError
from daypass.model import Credential, Issued, Request, Secret
from daypass.wire import Certificate, PublicKey

__all__ = [
    "Acts",
    "Approvals",
    "Calls",
    "Conversations",
    "Devices",
    "Heart",
    "HostStream",
    "Issuance",
    "PublicInfo",
    "Questions",
    "ReadLedger",
    "Renewals",
    "Streams",
]


class Issuance(Protocol):
    """What one request led to: certificates on record, and for a host its record."""

    @property
    def certificates(self) -> tuple[Issued, ...]: ...

    @property
    def host(self) -> HostRecord | None: ...

    @property
    def roles(self) -> tuple[str, ...]: ...

    @property
    def narrow(self) -> tuple[str, ...]:
        """Roles that this person has now beside these, each to be asked for alone."""


class Devices(Protocol):
    """Sign-ins on another device (trust 8.2). Every method may raise Unavailable; nothing given or got is logged.

    `browser` is the random secret (256 bits) of a cookie. Make a fresh one for every code that is typed, and let the
    form that says yes or no carry a hash of it: so a tab that shows one request can't answer another.
    """

    async def begin(self, ask: DeviceAsk, address: str) -> DeviceBegun:
        """Raises Invalid, NotFound (no such provider), Throttled (too many are waiting)."""

    async def poll(self, device_code: str) -> DevicePolled:
        """The certificate again and again, until the request expires.

        Raises Denied with the code, message and hint of what refused it (`device.denied` for a person's no),
        Unauthenticated `device.expired`, Throttled where it comes sooner than `interval`.
        """

    async def typed(self, user_code: str, browser: str, address: str) -> DeviceAsked:
        """Binds the request to this browser; typing it there again changes nothing.

        Raises NotFound `device.code` for one that is wrong, expired or another browser's, Throttled after too many.
        """

    async def answer(self, browser: str, yes: bool) -> str | None:
        """Where to sign in, None after a no. Raises NotFound `device.gone` where nothing waits for an answer."""

    async def callback(self, browser: str, fields: Mapping[str, str], path: str) -> DeviceDone:
        """`fields`: the provider's answer, none of them twice; `path`: where it arrived. A page that
        is loaded again is told the same.

        Raises any of the error tree; but for Unauthenticated `device.state` and NotFound `device.gone`, the machine
        that waits hears the same code, message and hint.
        """


class Conversations(Protocol):
    """Sign-ins by password at the CA. Every method may raise any of the error tree."""

    async def start(self, begin: Begin, address: str) -> Said: ...

    async def answer(self, conversation: str, answers: Sequence[Secret]) -> Said:
        """Raises NotFound `pam.gone` for one that this process does not hold."""


class Calls(Protocol):
    """Calls by the day pass (trust 4.2)."""

    async def admit(self, call: Call) -> Caller:
        """Raises Unauthenticated."""

    async def certificates(self, caller: Caller) -> Sequence[OnRecord]: ...

    async def revoke(self, caller: Caller, serial: int, reason: str) -> OnRecord:
        """Raises NotFound for what is not the caller's."""

    async def leave(self, caller: Caller, reason: str) -> Ended:
        """All that the caller has."""


class Acts(Protocol):
    """Administration (trust 4)."""

    async def admit(self, shown: Shown, path: str, body: bytes) -> Operator:
        """Who has signed in for this very call. Raises Unauthenticated, Denied."""

    async def begin(self, operator: Operator, act: Act) -> None:
        """Judges, and puts it on record before any effect. Raises Denied."""

    async def judge(self, operator: Operator, act: Act) -> int:
        """The time. Raises Denied, which is put on record."""


class HostCalls(Protocol):
    """Calls by the key of a host's certificate."""

    async def admit(self, call: Call) -> KnownHost:
        """Raises Unauthenticated."""

    async def sync(self, host: KnownHost, said: HostSaid) -> Synced: ...


class HostStream(Protocol):
    """One host that listens."""

    @property
    def retry_after(self) -> int | None:
        """Once it is over: in how many seconds the host may come back."""

    def told(self) -> AsyncIterator[Synced]:
        """What it is told, the first of it at once."""

    def end(self) -> None: ...


class Streams(Protocol):
    def __len__(self) -> int: ...

    def open(self, host: HostRecord, certificate: Certificate, synced: Synced, most: int) -> HostStream:
        """For a host that was admitted by this certificate. Raises Unavailable, Throttled."""

    def close(self) -> None:
        """Ends all of them, and takes no more."""


class Questions(Protocol):
    """Who may log in where, and why."""

    async def own(self, caller: Caller, account: str, host: str) -> Answer:
        """About the caller, and nobody else."""

    async def about(self, whom: About, account: str, host: str) -> Answer:
        """Raises NotFound, Conflict, Invalid for a word that means nobody, or several."""

    async def who(self, account: str, host: str) -> tuple[KnownHost, Sequence[Holders]]:
        """Raises NotFound, Conflict for a host that is none, or several."""

    async def diff(self, document: str) -> PolicyDiffed:
        """Raises Invalid for a document that can't be put in force."""


ReadLedger = Callable[[int, int], Awaitable[Sequence[LedgerRow]]]
"""Entries behind this number, at most so many, oldest first."""


class Configs(Protocol):
    """Published configurations: `daypass.ca.publishing.Configs`."""

    async def publish_toml(self, text: str, *, actor: str, now: int, comment: str | None, base: int) -> Published:
        """Raises Misconfigured, Conflict."""

    async def rollback(self, version: int, *, actor: str, now: int, base: int | None = None) -> Published:
        """Raises NotFound, Misconfigured, Conflict."""

    async def log(self, limit: int) -> Sequence[ConfigVersion]: ...

    async def show(self, version: int | None) -> ConfigVersion:
        """Raises NotFound."""

    async def diff(self, old: int | None, new: int | None) -> Compared:
        """Raises NotFound."""


class Approvals(Protocol):
    """What takes two persons (trust 4.3). `digest`: SHA-256 of the act. Raises NotFound, Conflict, Denied."""

    async def ask(self, operator: Operator, act: Act) -> PendingAct:
        """Raises Denied, Throttled."""

    async def waiting(self, operator: Operator, read: Read, now: int) -> Sequence[PendingAct]: ...

    async def approve(
        self, operator: Operator, number: str, digest: bytes, read: Read
    ) -> tuple[PendingAct, Operator]:
        """What is to be carried out now, once, and as whom."""

    async def refuse(self, operator: Operator, number: str, digest: bytes, read: Read) -> PendingAct: ...

    async def conclude(self, asked: PendingAct, error: DaypassError | None = None) -> None:
        """How carrying it out went."""


class Renewals(Protocol):
    """What a host gets for a token by the key of its certificate."""

    async def renew(self, token: Secret) -> Issuance: ...

    async def rekey(self, token: Secret, key: PublicKey, *, possessed: bool) -> Issuance: ...

    async def renew_all(
        self, host: str, certificate: Certificate, nonce: bytes, keys: Sequence[PublicKey]
    ) -> Issuance: ...

    async def revoke(self, token: Secret, serial: str, details: dict[str, object]) -> None: ...


class Directory(Protocol):
    """Directories that providers push (`daypass.ca.directory`)."""

    @property
    def providers(self) -> Mapping[str, ProviderSection]:
        """Those that may, by name."""

    async def find(self, provider: str, looked: Looked) -> Sequence[Entry]: ...

    async def put(self, provider: str, entry: Entry, expected: str | None) -> Entry:
        """Raises NotFound, Conflict."""

    async def delete(self, provider: str, kind: str, number: str, expected: str | None) -> None:
        """Raises NotFound, Conflict."""

    async def settle(self, provider: str | None = None) -> None:
        """Carries out what was said."""


class ScimTokens(Protocol):
    """By which they do (`daypass.ca.scim_tokens`)."""

    @property
    def url(self) -> str:
        """Where they call."""

    async def make(self, provider: str, lifetime: int, actor: str) -> tuple[Secret, TokenRecord]:
        """Raises NotFound, Invalid."""

    async def every(self) -> Sequence[TokenRecord]: ...

    async def revoke(self, number: str, *, reason: str, actor: str) -> TokenRecord:
        """Raises NotFound."""

    async def admit(self, bearer: str) -> ProviderSection:
        """Raises Unauthenticated."""


class MyHosts(Protocol):
    """What somebody may reach, signed."""

    async def of(self, caller: Caller) -> tuple[str, str]: ...


class Heart(Protocol):
    """`ca.authority.Authority`, as far as HTTP reaches into it."""

    @property
    def ca_id(self) -> bytes: ...

    @property
    def name(self) -> str: ...

    @property
    def devices(self) -> Devices | None:
        """None where the CA has no pages."""

    @property
    def conversations(self) -> Conversations | None:
        """None where this process holds none."""

    @property
    def calls(self) -> Calls: ...

    @property
    def acts(self) -> Acts: ...

    @property
    def host_calls(self) -> HostCalls: ...

    @property
    def challenges(self) -> Challenges: ...

    @property
    def acks(self) -> Acks: ...

    @property
    def proofs(self) -> Proofs: ...

    @property
    def open_sessions(self) -> OpenSessions: ...

    @property
    def login_reports(self) -> LoginReports: ...

    @property
    def inbound(self) -> Inbound: ...

    @property
    def my_hosts(self) -> MyHosts: ...

    @property
    def streams(self) -> Streams: ...

    @property
    def trying(self) -> Trying: ...

    @property
    def questions(self) -> Questions: ...

    @property
    def approvals(self) -> Approvals: ...

    @property
    def persons(self) -> Persons: ...

    @property
    def tokens(self) -> Tokens: ...

    @property
    def inventory(self) -> Inventory: ...

    @property
    def configs(self) -> Configs: ...

    @property
    def endings(self) -> Endings: ...

    @property
    def ledger(self) -> ReadLedger: ...

    @property
    def renewals(self) -> Renewals: ...

    @property
    def directory(self) -> Directory: ...

    @property
    def scim_tokens(self) -> ScimTokens: ...

    async def issue(self, request: Request, credential: Credential) -> Issuance: ...

    def user_keys(self) -> tuple[PublicKey, ...]: ...

    def host_keys(self) -> tuple[PublicKey, ...]: ...

    async def bundle(self, host: HostRecord, after: int = 0) -> tuple[tuple[str, str], MadeKrl]:
        """The host's bundle as a JSON document, an armored SSHSIG over it, and the KRL that it names; with a version
        above `after`."""

    async def text_bundle(self, host: HostRecord, after: int = 0) -> tuple[tuple[str, str], MadeKrl]:
        """The same in lines (`daypass.ca.text_bundles`), with a version above `after`."""

    async def client_bundle(self) -> tuple[str, str]:
        """The same for laptops: a list of hosts, for people who have signed in."""


@dataclass(frozen=True, slots=True)
class PublicInfo:
    """What the open routes tell. `roots`: PEM by lower-case hex SHA-256 of the DER, the current one first.

    `user_lifetime` is in seconds; `trust` is the trust document as the offline root signed it; `pages_url` is where
    browsers reach the pages, "" where there are none. Pages and proxies are this machine's own; the rest is what
    `now` says.
    """

    version: str
    roots: Mapping[str, str]
    trust: Signed
    user_lifetime: int
    provisioners: tuple[Provisioner, ...] = ()
    logins: tuple[OidcLogin, ...] = field(default=())
    pam: tuple[PamLogin, ...] = ()
    workloads: tuple[WorkloadLogin, ...] = ()
    pages_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    trust_version: int = 0  # of `trust`
    latest: Callable[[], PublicInfo] | None = None

    def now(self) -> PublicInfo:
        """As it stands by the version in force. Raises Unavailable where this process can't use that."""
        return self if self.latest is None else self.latest()
