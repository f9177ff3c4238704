"""The issuance cycle, on one screen: `Authority.issue`.

authenticate   the provisioner verifies the credential: who, once, bound to which keys and act
look           the person, the host, the one-time id and which version is in force, in one read; under a newer one
               all starts over, with its provisioners and its policy
decide         the policy gives a grant, or says no and why
draft, check   every field judged as it will be signed
sign           and the signature verified where it was made elsewhere
record         one durable transaction; what changed meanwhile sends us back to `look`
answer         nothing leaves that is not recorded; an honest retry gets the same certificate
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from daypass.ca.acks import Acks
from daypass.ca.acts import Acts
from daypass.ca.approvals import Approvals
from daypass.ca.calls import Calls
from daypass.ca.challenges import Challenges
from daypass.ca.checks import Checked, Rules, check
from daypass.ca.clock import ClockGuard
from daypass.ca.directory import Directory
from daypass.ca.ending_ports import Ending, Source
from daypass.ca.endings import Endings
from daypass.ca.force import Following, InForce
from daypass.ca.host_calls import HostCalls
from daypass.ca.hosts import Hosts
from daypass.ca.inbound import Inbound
from daypass.ca.inventory import Inventory
from daypass.ca.keys import CaKeys
from daypass.ca.learning import Learning
from daypass.ca.login_reports import LoginReports
from daypass.ca.machines import used_up
from daypass.ca.my_hosts import MyHosts
from daypass.ca.open_sessions import OpenSessions
from daypass.ca.operators import Operators
from daypass.ca.over import require_not_over, signed_in
from daypass.ca.persons import Persons
from daypass.ca.policy import name_taken
from daypass.ca.ports import (
    HostRecord,
    NameTaken,
    Provisioner,
    Question,
    Recorded,
    Recording,
    Spent,
    Store,
    UsedUp,
    View,
)
from daypass.ca.proofs import Proofs
from daypass.ca.publishing import Configs
from daypass.ca.questions import Questions
from daypass.ca.refusals import Refusals
from daypass.ca.renewals import Renewals
from daypass.ca.revoked_keys import require_unrevoked
from daypass.ca.scim_tokens import ScimTokens
from daypass.ca.streams import Streams
from daypass.ca.trying import Trying
from daypass.errors import Conflict, Denied, Invalid, Unauthenticated, Unavailable
from daypass.model import Credential, Draft, Grant, Issued, Kind, OnceId, Proof, Renewal, Request
from daypass.wire import Certificate, PublicKey

if TYPE_CHECKING:
    from daypass.ca.conversations import Conversations
    from daypass.ca.device import Devices
    from daypass.ca.presence import Presence
    from daypass.ca.rechecks import Rechecks
    from daypass.ca.relay import Relay

__all__ = ["Authority", "Issuance"]

Event = tuple[str, Mapping[str, object]]  # for the ledger: act and details
ATTEMPTS = 3  # a generation or policy that changes three times during one request is an incident, not a race
ONCE_MARGIN = 86400  # seconds a spent id is remembered beyond its credential and certificate


class Issuance(Struct, frozen=True):
    """What was issued. `again`: these were on record already, and an honest retry gets them once more."""

    certificates: tuple[Issued, ...]
    roles: tuple[str, ...]
    host: HostRecord | None = None
    again: bool = False
    login: str = ""  # of a person
    actor: str = ""  # who signed in, as the ledger names them
    narrow: tuple[str, ...] = ()  # roles that they have beside these, each to be asked for alone


class Authority:
    def __init__(
        self,
        force: Following,
        keys: Callable[[], CaKeys],
        store: Store,
        clock: ClockGuard,
        hosts: Hosts,
        configs: Configs,
        *,
        sshpop: Provisioner,
        challenge: Callable[[], bytes],
        ca_id: bytes,
        name: str,
    ) -> None:
        self.ca_id = ca_id
        self.force = force
        self.configs = configs
        self._keys = keys
        self.clock = clock
        self.tokens, self.make_join_token = hosts.tokens, hosts.tokens.make
        self.inventory = Inventory(store, clock, force, hosts.tokens)
        self.bundle = hosts.bundle
        self.text_bundle = hosts.text_bundle
        self.client_bundle = hosts.client_bundle
        self.presence: Presence | None = None  # assemble gives it
        self.rechecks: Rechecks | None = None  # assemble gives it
        self.relay: Relay | None = None  # assemble gives it to a CA that is to tell somebody
        self.conversations: Conversations | None = None  # assemble gives it
        self.devices: Devices | None = None  # assemble gives it to a CA that has pages
        self.trying = Trying(force, sshpop)
        self.renewals = Renewals(self.settle, sshpop, store, clock, ca_id)
        self.renewals.vouching = lambda: self.force.current.provisioners
        self.my_hosts = MyHosts(store, clock, force, hosts.signed, ca_id)
        self.questions = Questions(store, clock, force)
        self.persons = Persons(store, clock, lambda: self.force.current.policy)
        self.calls = Calls(store, clock, ca_id, self.user_keys)
        self.host_calls = HostCalls(hosts, store, clock, ca_id, self.host_keys)
        self.challenges = Challenges(ca_id, challenge, lambda: self.force.current.config)
        self.login_reports = LoginReports(store, clock)
        self.proofs = Proofs(store, clock, lambda: self.force.current.policy)
        self.open_sessions = OpenSessions(store, clock, self.persons.find, self.inventory.named)
        self.acks = Acks(store, clock, lambda: self.force.current.policy, hosts.fleet.session_ends.forget)
        self.streams = Streams(store, force, hosts, clock)
        self.acts = Acts(store, clock, ca_id, self._authenticate, self._ready, self._operators)
        find = self.persons.find, self.inventory.named
        self.endings = Endings(store, clock, *find, lambda: self.force.current.policy)
        self.inbound = Inbound(force, store, clock, self.endings)
        self.ledger = store.ledger
        self.approvals = Approvals(store, self.acts, self._ready, self._operators)
        self._store = store
        self._learning = Learning(store)
        self.directory = Directory(store, clock, force, self.endings, self._learning)
        self.endings.entries = self.directory.entries
        self.scim_tokens = ScimTokens(store, clock, force)
        self._refusals = Refusals(store, clock)
        self._name = name
        self._serials = _Serials(store, clock)
        self._reused: set[OnceId] = set()  # credentials whose reuse this process has put on record

    @property
    def name(self) -> str:
        """What people see this CA called: as published, or as the file says before that."""
        last = self.force.last
        return last.name if last is not None else self._name

    async def issue(self, request: Request, credential: Credential) -> Issuance:
        """Certificates for every key of the request, or none. Raises any of the error tree."""

        proofs: list[Proof] = []

        async def authenticate(force: InForce) -> Proof:
            proofs.append(await _provisioner(force, credential).authenticate(credential))
            return proofs[-1]

        issuance = await self._under(request, authenticate)
        if self.rechecks is not None and credential.refresh_token is not None:
            await self.rechecks.keep(proofs[-1], issuance.certificates[0].serial, credential.refresh_token)
        return issuance

    async def settle(self, request: Request, proof: Proof) -> Issuance:
        """All that comes after a proof, where no version of the configuration has a say in that."""

        async def proven(_: InForce) -> Proof:
            return proof

        return await self._under(request, proven)

    async def _under(self, request: Request, authenticate: Callable[[InForce], Awaitable[Proof]]) -> Issuance:
        """The whole cycle under one version; under the next one, where the store has that by now."""
        for _ in range(ATTEMPTS):
            force = self.force.current
            proof = await authenticate(force)
            try:
                issuance = await self._cycle(force, request, proof)
            except (Denied, Conflict, Unauthenticated) as error:
                await self._refusals.note(force.policy, proof, request, error)
                raise
            if issuance is not None:
                return issuance
            await self.force.look()
        raise _unsettled()

    async def _cycle(self, force: InForce, request: Request, proof: Proof) -> Issuance | None:
        """None where another version is in force by now."""
        _require_subjects(force.rules, request.keys)
        host = proof.enrolment.name if proof.enrolment else None
        despite: frozenset[str] = frozenset()
        for _ in range(ATTEMPTS):
            proof = await self.directory.vouch(force.config, proof)
            question = Question(proof.identity, proof.once, host, signed_in(proof))
            view = await self._store.view(question)
            if view.policy_hash != force.policy.hash:
                return None
            now = self.clock.now(view.last_time)
            if view.spent is not None:
                return await self._again(force, view.spent, proof, request, view, now)
            require_not_over(proof, view)
            if view.changed and await self._learning.ends(force.policy, proof, view.person, now):
                continue
            if proof.enrolment is not None and proof.renews is None:
                await require_unrevoked(self._store, view.host, request.keys, now)
            grant = await self._decide(force, proof, request, view, now)
            checked = [check(await self._draft(force.keys, grant, key), force.rules, now) for key in request.keys]
            certificates = tuple([await _sign(force.keys, each) for each in checked])
            recording = self._recording(force, proof, question.signin, grant, view, certificates, despite, now)
            verdict = await self._store.record(recording)
            match verdict:
                case Recorded():
                    issued = tuple(_issued(cert) for cert in certificates)
                    return _answer(issued, grant, proof, await self._host(question))
                case Spent():
                    continue  # the next look finds what it was spent on
                case UsedUp():
                    raise used_up()
                case NameTaken(name, reason):
                    if reason is None or name in despite or not force.policy.may_take(proof, name, reason, now):
                        raise name_taken(name, proof.identity.kind, reason)
                    despite |= {name}
        raise _unsettled()

    async def _decide(self, force: InForce, proof: Proof, request: Request, view: View, now: int) -> Grant:
        """Who is given nothing is known all the same: what their provider says of them now is kept."""
        try:
            return force.policy.decide(proof, request, view, now)
        except Denied:
            if view.changed:
                await self._learning.keep(proof, view.person, now)
            raise

    # -- for administrative acts, which are rare: the store is asked what is in force before each ------------------

    async def _authenticate(self, credential: Credential) -> Proof:
        await self.force.look()
        proof = await _provisioner(self.force.current, credential).authenticate(credential)
        return await self.directory.vouch(self.force.current.config, proof)

    def _ready(self, view: View) -> int:
        """The time. Raises Unavailable where another version came into force just now."""
        if view.policy_hash != self.force.current.policy.hash:
            raise _unsettled()
        return self.clock.now(view.last_time)

    def _operators(self) -> Operators:
        return self.force.current.policy.operators

    # -- what is announced ----------------------------------------------------------------------------------------

    def user_keys(self) -> tuple[PublicKey, ...]:
        return self._keys().user_keys

    def host_keys(self) -> tuple[PublicKey, ...]:
        return self._keys().host_keys

    async def _draft(self, keys: CaKeys, grant: Grant, key: PublicKey) -> Draft:
        return Draft(
            grant,
            Certificate(
                nonce=os.urandom(32),
                public_key=key,
                serial=await self._serials.next(),
                type=grant.type,
                key_id=grant.key_id,
                principals=grant.principals,
                valid_after=grant.valid_after,
                valid_before=grant.valid_before,
                critical_options=grant.critical_options,
                extensions=grant.extensions,
                signature_key=keys.signer(grant.type).public_key,
            ),
        )

    def _recording(
        self,
        force: InForce,
        proof: Proof,
        signin: str | None,
        grant: Grant,
        view: View,
        certificates: tuple[Certificate, ...],
        despite: frozenset[str],
        now: int,
    ) -> Recording:
        shown = proof.renews
        return Recording(
            identity=proof.identity,
            once=proof.once,
            once_expires=max(proof.expires_at, grant.valid_before) + ONCE_MARGIN,
            policy_hash=force.policy.hash,
            generation=view.person.generation if view.person else 0,
            login=grant.claims[0] if grant.claims else None,
            claims=grant.claims,
            certificates=certificates,
            roles=grant.roles,
            host=proof.enrolment,
            joins=proof.joins,
            time=now,
            remote=proof.remote,
            renews=shown.serial if shown else None,
            whole=shown is not None and shown.whole,
            events=_moved(shown, proof.bound, certificates, view.host) if shown else (),
            facts=view.facts,
            despite=despite,
            signin=signin,
            sign_ins_over=view.sign_ins_over,
            vouched=proof.vouched,
            clock=self.clock.wall,
        )

    async def _again(
        self,
        force: InForce,
        spent: tuple[Issued, ...],
        proof: Proof,
        request: Request,
        view: View,
        now: int,
    ) -> Issuance:
        """A credential seen before: the recorded certificates for an honest retry (trust 3.4), else a refusal."""
        if {each.public_key for each in spent} != {key.blob for key in request.keys}:
            await self._theft(spent, proof, now)
            raise Unauthenticated(
                "this credential was used before, for another key",
                code="token.spent",
                hint=f"{_anew(proof)}; if the first use was not yours, tell your security team",
            )
        require_not_over(proof, view)
        grant = force.policy.decide(proof, _the_same(request, spent, now + force.policy.floor), view, now)
        for each in spent:
            ended = each.revoked or each.valid_before <= now
            if ended or not _within(each, grant) or not await self._is_of(each, view):
                raise Unauthenticated(
                    "the certificate this credential was used for holds no longer",
                    code="token.spent",
                    hint="sign in again: daypass login --force" if proof.joins is None else _anew(proof),
                )
        return _answer(spent, grant, proof, view.host, again=True)

    async def _is_of(self, issued: Issued, view: View) -> bool:
        """Whether it went to the very person who signs in, by whichever identity: a nonce says which key, not who."""
        found = await self._store.on_record(issued.serial)
        owner = found.owner if found is not None else None
        return owner is None or (view.person is not None and owner.id == view.person.id)

    async def _host(self, question: Question) -> HostRecord | None:
        return (await self._store.view(question)).host if question.host else None

    async def _theft(self, spent: tuple[Issued, ...], proof: Proof, now: int) -> None:
        """Two keys for one credential: someone holds a copy (trust 3.2). A host keeps what it has: whoever finds an
        old join token must not be able to take a machine off the air. Told once: whoever shows it again and again
        would fill the ledger, and raise the person's generation faster than they can sign in."""
        if proof.once in self._reused:
            return
        details = {"provider": proof.identity.provider, "serials": [each.serial for each in spent]}
        await self._store.add_event("credential.reused", details, actor=proof.identity.provider, now=now)
        if proof.identity.kind is not Kind.HOST:
            ending = Ending(
                source=Source.LOGIN, actor="daypass", reason="credential reused",
                about="a sign-in shown for two keys", serials=tuple(each.serial for each in spent),
            )  # fmt: skip
            await self._store.end(ending, now=now)
        self._reused.add(proof.once)


def _anew(proof: Proof) -> str:
    return "sign in again" if proof.joins is None else "a token is good once: daypass token host NAME makes another"


def _provisioner(force: InForce, credential: Credential) -> Provisioner:
    token = credential.token.reveal()
    for provisioner in force.provisioners:
        if provisioner.recognises(token):
            return provisioner
    hint = "sign in again: daypass login; operator: what is in force says daypass ca provisioner list"
    if credential.act == b"enrol":
        hint = "operator: [[clouds]] and [[port22]] in daypass.toml say which hosts enrol without a join token"
    raise Unauthenticated("no provider of this CA made this token", code="token.unknown", hint=hint)


async def _sign(keys: CaKeys, checked: Checked) -> Certificate:
    signer = keys.signer(checked.certificate.type)
    cert = checked.certificate.with_signature(await signer.sign(checked.to_be_signed))
    if not signer.local:
        cert.verify_signature()
    return cert


def _require_subjects(rules: Rules, keys: Sequence[PublicKey]) -> None:
    """A CA key is never a subject: said here as the caller's mistake, and held by `check` whoever makes it."""
    if any(rules.is_own(key.blob) for key in keys):
        raise Invalid("a key of the CA is not certified", code="key.ca", hint="make a key of your own")


def _unsettled() -> Unavailable:
    return Unavailable("too much changed while this was decided", hint="try again", retry_after=1)


class _Serials:
    """Serials one by one out of reserved blocks; a gap is legal, a repeat never."""

    def __init__(self, store: Store, clock: ClockGuard) -> None:
        self._store = store
        self._clock = clock
        self._block = iter(range(0))
        self._lock = asyncio.Lock()

    async def next(self) -> int:
        serial = next(self._block, None)
        while serial is None:
            async with self._lock:
                serial = next(self._block, None)
                if serial is None:
                    self._block = iter(await self._store.reserve_serials(self._clock.now()))
                    serial = next(self._block, None)
        return serial


def _the_same(request: Request, spent: Sequence[Issued], least: int) -> Request:
    """As it was answered: up to the very end of what is on record, or `least` where little is left of it. Counted
    from now the end would be another one, and a window or a role's limit could fall in between."""
    end = max([least, *(each.valid_before for each in spent)])
    return replace(request, valid_after=None, valid_before=end, lifetime=None)


def _within(issued: Issued, grant: Grant) -> bool:
    """Whether today's policy would still give all that was given then, for as long, names at Git servers too, and
    would bind it by no more than it was."""
    cert = Certificate.parse(issued.certificate)
    return (
        issued.valid_before <= grant.valid_before
        and set(issued.principals) <= set(grant.principals)
        and set(cert.extensions) <= set(grant.extensions)
        and set(grant.critical_options) <= set(cert.critical_options)
    )


def _moved(
    shown: Renewal, proven: bool, certificates: Sequence[Certificate], host: HostRecord | None
) -> tuple[Event, ...]:
    """A host's name on another key is an event of its own (trust 5.1); `proven`: that key has signed for itself."""
    had = {shown.key.blob, *(host.keys if host is not None else ())}
    return tuple(
        (
            "host.rekey",
            {
                "host": shown.host,
                "from": shown.key.fingerprint,
                "to": cert.public_key.fingerprint,
                "renews": shown.serial,
                "serial": cert.serial,
                "proven": proven,
            },
        )
        for cert in certificates
        if cert.public_key.blob not in had
    )


def _answer(
    issued: tuple[Issued, ...], grant: Grant, proof: Proof, host: HostRecord | None, *, again: bool = False
) -> Issuance:
    who = proof.identity
    login = grant.claims[0] if grant.claims else ""
    return Issuance(issued, grant.roles, host, again, login, f"{who.provider}:{who.subject}", grant.narrow)


def _issued(cert: Certificate) -> Issued:
    return Issued(
        serial=cert.serial,
        certificate=cert.encode(),
        public_key=cert.public_key.blob,
        principals=cert.principals,
        valid_after=cert.valid_after,
        valid_before=cert.valid_before,
    )
