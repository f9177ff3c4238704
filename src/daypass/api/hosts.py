"""What hosts ask and are given: enrolment, and the sync that brings what has changed."""

from __future__ import annotations

import msgspec

from daypass.api.base import Signed
from daypass.model import HostRole

__all__ = [
    "BreakGlassLogin",
    "ClosedSession",
    "EndingReport",
    "EnrolKey",
    "EnrolRequest",
    "EnrolResponse",
    "HostAck",
    "HostAcked",
    "HostBundle",
    "HostChallenge",
    "HostChallengeRequest",
    "HostEnding",
    "HostHeartbeat",
    "HostPerson",
    "HostRenewRequest",
    "HostRenewed",
    "HostSelf",
    "HostSession",
    "HostSyncRequest",
    "HostSyncResponse",
    "Remain",
    "SessionEnd",
]


class EnrolKey(msgspec.Struct, frozen=True, kw_only=True):
    """One host key: its public half, and an SSHSIG by it over the token it enrols with."""

    public_key: bytes
    proof: bytes


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is what the host proposes to be called; it counts only with a token that is for several hosts."""

    token: str
    keys: list[EnrolKey]
    name: str = ""
    bundle_version: int = 0  # that it goes by already, where it was enrolled before: what it is given is newer


class HostChallengeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The public halves (wire blobs) of all keys that the host is going to enrol with, 1 to 8."""

    keys: list[bytes]


class HostChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud's metadata service is to put into what it signs, so that it is good for these keys and this CA
    alone (`wire.clouddocs`). Nothing of it is secret."""

    nonce: str  # ten digits, for Azure's attested document
    expires: int  # when that is refused, unix seconds
    audience: str  # for Google's identity token
    resources: list[str] = []  # that a token of Azure's managed identity is wanted for; empty: none is


class HostRenewRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All keys that the host has from now on; each has signed `binding.renewal_message`. One that it did not have
    before is a rekey. The certificate that speaks for the call is the one that these may be had for."""

    keys: list[EnrolKey]
    bundle_version: int = 0  # for agents that are given a bundle with the answer


class HostRenewed(msgspec.Struct, frozen=True, kw_only=True):
    certificates: list[bytes]  # one wire blob per key, in the order of the request


class HostPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose own account is made on the host where it is missing: by which of the bundle's roles.

    Accounts that daypass made of those who are locked, or are not in the list at all, are locked on the host.
    """

    login: str
    roles: list[str]
    locked: bool = False


class HostEnding(msgspec.Struct, frozen=True, kw_only=True):
    """Persons whose access has ended, so that the host looks for what they left behind in the accounts that they used
    here (trust 6.6), and says what it found under this `id`.

    `key_ids`: of their certificates; `logins`: their login names, which tell their own accounts from shared ones.
    `remains`: report, quarantine or lock. `undone`: they are back, and what was quarantined or locked for it is put
    back.
    """

    id: str
    time: int
    key_ids: list[str]
    logins: list[str] = []
    remains: str = "report"
    undone: bool = False


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """When one open session is to end, whatever its certificate says."""

    session: str
    at: int
    reason: str = ""


class HostBundle(msgspec.Struct, frozen=True, kw_only=True):
    """The one signed document a host is given (namespace `daypass-host-bundle`).

    `roles` stand in the order of their lines in principals files; for own accounts the host lists
    `role:NAME:ACCOUNT` in the file of each ordinary account it has. `digest` is of everything that the host acts on:
    two bundles that differ only in version and times have the same.
    """

    type: str = "daypass-host-bundle-v1"
    ca_id: str
    host_id: str
    name: str
    version: int
    issued_at: int
    expires: int
    digest: str  # hex SHA-256
    user_ca: list[str]
    roles: list[HostRole]
    people: list[HostPerson] = []  # by login
    bastions: list[str] = []  # names of the hosts that lead to this one
    fail_closed_after: int = 0  # seconds without word from the CA; then everybody's certificate is refused. 0: never
    krl_digest: str  # hex SHA-256 of the KRL, which comes beside the bundle and is the same for all hosts
    endings: list[HostEnding] = []  # the newest last
    spared: list[list[int]] = []  # first and last of revoked serials whose open sessions wait for an operator
    session_ends: list[SessionEnd] = []  # of sessions on this host


class HostHeartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What a host is given where nothing has changed (namespace `daypass-host-heartbeat`): its bundle holds on."""

    type: str = "daypass-host-heartbeat-v1"
    ca_id: str
    host_id: str
    version: int
    issued_at: int
    expires: int
    digest: str


class EnrolResponse(msgspec.Struct, frozen=True, kw_only=True):
    host_id: str
    name: str
    certificates: list[bytes]  # one wire blob per key, in the order of the request
    trust: Signed
    bundle: Signed
    krl: bytes | None = None  # the one of the bundle's krl_digest


class HostSelf(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of itself, for lists and alarms. It admits nobody and nothing anywhere."""

    agent: str = ""  # "daypass 0.1.0", "agent.sh 1"
    openssh: str = ""
    machine: str = ""  # SHA-256 of its machine-id and CA id, hex: two machines with one disk differ here
    expires: int = 0  # the end of the first of its certificates, unix seconds
    krl_version: int = 0  # of the KRL that sshd reads
    since: int = 0  # when it last heard from the CA before this call, unix seconds
    keys: list[str] = []  # fingerprints of sshd's host keys
    break_glass: list[str] = []  # fingerprints of the keys that open an account on the day everything is down


class HostSyncRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the host has applied, and what is true of it by its own word; the latter admits nobody anywhere.

    `accounts`: names with a uid below 1000, and those of people.
    """

    digest: str = ""  # of its bundle; empty asks for one
    krl_digest: str = ""  # hex SHA-256 of the KRL that sshd reads
    bundle_version: int = 0
    trust_version: int = 0
    system_accounts: list[str] = []
    accounts: list[str] = []
    about: HostSelf | None = None


class HostSession(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is on the host now, from sshd's own words (trust 6.4). `id` is the host's name for it; `end` is
    when the host will end it by itself, 0 for never. `left`: the connection is gone, and what it has started goes on
    (tmux, nohup)."""

    id: str
    account: str
    address: str
    since: int
    way: str  # as in HostLogin
    key_id: str = ""
    ca: str = ""  # fingerprint of the CA key
    serial: int = 0
    end: int = 0
    left: bool = False


class ClosedSession(msgspec.Struct, frozen=True, kw_only=True):
    """One that the host has ended, and what of it would not end."""

    session: HostSession
    closed_at: float
    reason: str
    survivors: list[str] = []


class Remain(msgspec.Struct, frozen=True, kw_only=True):
    """What would let somebody back in, or goes on for them, in an account that they used.

    `kind`: authorized_keys, cron, at, linger, unit, process, account. `what` is one line. `done`: reported and failed
    still stand; quarantined, locked and ended do no more; restored is back because the ending was undone. `theirs`:
    false in an account of several people, where nothing shows whose it is.
    """

    account: str
    kind: str
    what: str
    done: str = "reported"
    theirs: bool = True
    error: str = ""


class EndingReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a host found for one ending of its bundle, looked through at `time`."""

    ending: str
    time: int
    remains: list[Remain] = []
    cut: int = 0  # how many more still stand


class BreakGlassLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who came in by a certificate of the offline break-glass key (trust 8.5), from sshd's own words. `id`
    is the host's name for it: told twice it is the same."""

    id: str
    account: str
    address: str
    time: int
    key_id: str = ""
    ca: str = ""
    serial: int = 0


class HostAck(msgspec.Struct, frozen=True, kw_only=True):
    """What the host has applied just now, and what came of it. Nothing of it admits anybody anywhere, and from a
    host in wrong hands it proves nothing (trust 6.12).

    `sessions`: all that are open, where that has changed since the last call; None for "as before".
    """

    bundle_version: int
    krl_version: int
    sessions: list[HostSession] | None = None
    closed: list[ClosedSession] = []
    endings: list[EndingReport] = []
    break_glass: list[BreakGlassLogin] = []


class HostAcked(msgspec.Struct, frozen=True, kw_only=True):
    """`again`: seconds within which the next word is welcome at the soonest, where the CA has much to hear."""

    again: float = 0.0


class HostSyncResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle where the host's digest is another, else a heartbeat; the trust document where it is newer; the KRL
    where the host has another than the bundle names.

    A stream is lines of these. Its last one may have `retry_after` alone: the CA ends it, and the host comes back
    at a random moment within so many seconds.
    """

    bundle: Signed | None = None
    heartbeat: Signed | None = None
    trust: Signed | None = None
    krl: bytes | None = None
    retry_after: int | None = None
    ack_within: float = 0.0  # seconds over which hosts spread their word that they have applied this
