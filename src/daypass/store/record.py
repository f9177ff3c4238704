"""Recordings that arrive together: one durable transaction, a verdict for each (trust 3.5, 3.6).

lock       the row of `installation`: from here on nobody else changes anything
judge      policy, generation, lock; then the one-time ids are spent; then names, item after item in their order
write      what was won: persons, names, certificates, ledger entries, each kind by one statement

An item that loses leaves nothing behind, and its neighbours do not notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, update

from daypass.ca.ports import NameTaken, Recorded, Spent, Stale, UsedUp, Verdict
from daypass.errors import Unavailable
from daypass.ledger.chain import encode_entry, next_hash
from daypass.model import SIGN_IN, HostFacts
from daypass.store.hosts import Admitted, admit, renew
from daypass.store.krls import is_late
from daypass.store.people import People
from daypass.store.prepare import Prepared
from daypass.store.schema import once_ids
from daypass.store.scim_said import still_vouched
from daypass.store.statements import Statements
from daypass.store.tokens import Uses
from daypass.store.view import spent_on

__all__ = ["record"]

Key = tuple[str, str]


def record(connection: Connection, statements: Statements, items: Sequence[Prepared]) -> list[Verdict]:
    return _Batch(connection, statements, items).run()


class _Batch:
    def __init__(self, connection: Connection, statements: Statements, items: Sequence[Prepared]) -> None:
        self.connection = connection
        self.statements = statements
        self.items = items
        self.head = statements.lock(connection)
        if self.head.recovery_since is not None:  # trust 7.2
            raise Unavailable(
                "the database was restored; until what was lost is revoked, nothing is issued",
                code="store.recovery",
            )
        # Asked once, now that the lock is ours: whoever held it before us knows that this comes later.
        self.late = {id(item) for item in items if item.clock is not None and is_late(item.time, item.clock())}
        self.unvouched = {id(item) for item in items if item.vouched and not still_vouched(connection, item.vouched)}
        self.over = self._ended(items)
        self.people = People(connection, statements, items)
        self.host_keys: dict[str, frozenset[bytes]] = {}  # by host name: certified in this batch
        self.uses = Uses(connection)
        self.winners: list[tuple[Prepared, Admitted | None]] = []  # with the host on record

    def run(self) -> list[Verdict]:
        current = [item for item in self.items if self._is_current(item)]
        if not current:
            return [Stale()] * len(self.items)
        verdicts = iter(self._award(current))
        if self.winners:
            self._write()
        self.people.write_refused()
        return [next(verdicts) if self._is_current(item) else Stale() for item in self.items]

    def _ended(self, items: Sequence[Prepared]) -> frozenset[str]:
        """Sign-ins of these that have been ended since it was decided; nobody is asked where none has."""
        over = self.head.sign_ins_over
        doubtful = {each.signin for each in items if each.signin is not None and each.sign_ins_over != over}
        if not doubtful:
            return frozenset()
        rows = self.statements.find_once(self.connection, [(SIGN_IN, each) for each in sorted(doubtful)])
        return frozenset(number for _, number, _ in rows)

    def _is_current(self, item: Prepared) -> bool:
        """Whether it was decided on what still holds: policy, generation, no lock; and a short time ago."""
        policy = self.head.policy_hash
        return (
            bool(policy)
            and policy == item.policy_hash
            and self.people.is_current(item)
            and item.signin not in self.over
            and id(item) not in self.late
            and id(item) not in self.unvouched
        )

    def _award(self, current: Sequence[Prepared]) -> list[Verdict]:
        """Spend the one-time ids, then see who gets the names; an id whose item lost its name is unspent again."""
        rows = {item.once: item.once_row for item in reversed(current)}  # of equal ids the first item's row
        free = {(row[0], row[1]) for row in self.statements.spend(self.connection, list(rows.values()))}
        lost = [once for once in rows if once not in free]
        before = spent_on(self.connection, self.statements, lost) if lost else {}
        self.people.find_owners(current)
        verdicts: list[Verdict] = []
        for item in current:
            if item.once not in free:
                verdicts.append(Spent(before[item.once]))
                continue
            verdict = self._admit(item)
            if isinstance(verdict, Recorded):
                free.remove(item.once)
                before[item.once] = item.issued
                if item.once_row is not rows[item.once]:
                    self._respend(item)
            verdicts.append(verdict)
        self._unspend(free)
        return verdicts

    def _admit(self, item: Prepared) -> Verdict:
        """The item's names become its own, or someone else has one."""
        if taken := self.people.judge(item):
            return taken
        host = self._admit_host(item.host, item) if item.host is not None else None
        if isinstance(host, NameTaken | Stale | UsedUp):
            return host
        self.people.claim(item)
        self.winners.append((item, host))
        return Recorded()

    def _admit_host(self, facts: HostFacts, item: Prepared) -> Admitted | NameTaken | Stale | UsedUp:
        if item.renews is not None:
            return renew(self.connection, item.renews, item) or Stale()
        joins = item.joins
        if joins is not None and self.uses.left(joins, item.time) <= 0:
            return UsedUp()
        if joins is not None and joins.replaces and self._just_recorded(joins.replaces):
            return Stale()  # what the old host is given in this very transaction can't be revoked before it is there
        keys = frozenset(each.public_key for each in item.issued)
        names = (facts.name, *facts.aliases, *facts.addresses)
        for name in names:
            if self.host_keys.get(name, keys) != keys:
                return NameTaken(name)
        admitted = admit(self.connection, self.statements, facts, item)
        if isinstance(admitted, Admitted):
            self.host_keys.update(dict.fromkeys(names, keys))
            if joins is not None:
                self.uses.count(joins)
        return admitted

    def _just_recorded(self, host_id: str) -> bool:
        return any(host is not None and host.id == host_id for _, host in self.winners)

    def _respend(self, item: Prepared) -> None:
        """The id was spent for an earlier item, which then lost its name: what it was spent on is this one's."""
        this = (once_ids.c.provider == item.once[0]) & (once_ids.c.id == item.once[1])
        values = dict(zip(once_ids.c.keys(), item.once_row, strict=True))
        self.connection.execute(update(once_ids).where(this).values(values))

    def _unspend(self, unused: set[Key]) -> None:
        for provider, once in unused:
            this = (once_ids.c.provider == provider) & (once_ids.c.id == once)
            self.connection.execute(delete(once_ids).where(this))

    def _write(self) -> None:
        ids = self.people.write([item for item, _ in self.winners])
        time = max(self.head.ledger_time, *(item.time for item, _ in self.winners))
        seq, digest, version = self.head.ledger_seq, bytes(self.head.ledger_hash), self.head.policy_version
        rows: list[tuple[Any, ...]] = []
        entries: list[tuple[Any, ...]] = []
        for item, host in self.winners:
            person_id = ids[item.person] if item.person else None
            rows.extend([(*row[:3], person_id, host.id if host else None, *row[3:]) for row in item.rows])
            for act, details in (*item.entries, *(host.events if host else ())):
                seq += 1
                entry = encode_entry(seq, time, act, item.actor, item.policy_hash, details, version=version)
                digest = next_hash(digest, entry)
                entries.append((seq, time, act, entry, digest, None))
        self.statements.add_certificates(self.connection, rows)
        self.statements.add_entries(self.connection, entries, (seq, time, digest))
