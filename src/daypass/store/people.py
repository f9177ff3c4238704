"""The persons of one batch: who they are by their identities, which names they get, what is written of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, update

from daypass.ca.ports import NameTaken
from daypass.model import Person
from daypass.store import conflicts
from daypass.store.prepare import Prepared
from daypass.store.rows import people
from daypass.store.schema import persons
from daypass.store.statements import Statements
from daypass.store.view import unique

__all__ = ["FIRST_GENERATION", "People"]

FIRST_GENERATION = 1
Key = tuple[str, str]  # (issuer, subject)
Who = int | Key  # a person by id; one who is not on record yet by the identity that will make them


class People:
    def __init__(self, connection: Connection, statements: Statements, items: Sequence[Prepared]) -> None:
        self.connection = connection
        self.statements = statements
        keys = unique(item.person for item in items if item.person)
        rows = statements.lock_persons(connection, keys) if keys else ()
        self.known: dict[Key, Person] = people(rows)
        self.hashes: dict[Key, bytes] = {(row[1], row[2]): row[7] for row in rows}  # of the facts on record
        self.owners: dict[str, Who] = {}
        self.reserved: dict[str, str] = {}  # names nobody has, and why
        self.claimed: dict[str, Key] = {}  # names this batch adds
        self.refused: list[tuple[Prepared, str]] = []  # with the name that was another's

    def is_current(self, item: Prepared) -> bool:
        """Whether the person is as they were when it was decided: generation, no lock."""
        if item.person is None:
            return True
        person = self.known.get(item.person)
        if person is None:
            return item.generation == FIRST_GENERATION
        return person.generation == item.generation and not person.locked

    def find_owners(self, items: Sequence[Prepared]) -> None:
        for person in self.known.values():
            self.owners.update(dict.fromkeys(person.names, person.id))
        unknown = unique(name for item in items for name in item.claims if name not in self.owners)
        if not unknown:
            return
        for name, person_id, reason in self.statements.find_names(self.connection, unknown):
            if person_id is None:
                self.reserved[name] = reason or ""
            else:
                self.owners[name] = person_id

    def judge(self, item: Prepared) -> NameTaken | None:
        """Whether someone else has one of the names, or nobody may have it. Tombstones count as owned."""
        who = self._who(item)
        for name in item.claims:
            reason = self.reserved.get(name) if name not in item.despite else None
            if reason is not None or self.owners.get(name, who) != who:
                self.refused.append((item, name))
                return NameTaken(name, reason)
        return None

    def claim(self, item: Prepared) -> None:
        key, who = item.person, self._who(item)
        if key is None or who is None:
            return
        known = self.known.get(key)
        for name in item.claims:
            self.owners[name] = who
            self.reserved.pop(name, None)
            if known is None or name not in known.names:
                self.claimed[name] = key

    def write(self, winners: Sequence[Prepared]) -> dict[Key, int]:
        """Ids of all persons of the batch, the new ones among them; their names and logins as they are now."""
        ids = {key: person.id for key, person in self.known.items()}
        new = {item.person: item for item in reversed(winners) if item.person and item.person not in ids}
        if new:
            rows = [(*key, item.login, FIRST_GENERATION, item.time) for key, item in new.items()]
            ids |= {(row[1], row[2]): row[0] for row in self.statements.add_persons(self.connection, rows)}
        if self.claimed:
            now = max(item.time for item in winners)
            self.statements.claim(self.connection, [(name, ids[key], now) for name, key in self.claimed.items()])
        for item in winners:
            known = self.known.get(item.person) if item.person else None
            if known and item.login and item.login != known.login:
                self.connection.execute(update(persons).where(persons.c.id == known.id).values(login=item.login))
        self._write_facts(winners, ids)
        return ids

    def write_refused(self) -> None:
        conflicts.note(self.connection, self.refused)

    def _who(self, item: Prepared) -> Who | None:
        known = self.known.get(item.person) if item.person else None
        return known.id if known else item.person

    def _write_facts(self, winners: Sequence[Prepared], ids: dict[Key, int]) -> None:
        """What is new of identities, the last word of each; for most there is nothing to write."""
        changed = {
            item.person: item
            for item in winners
            if item.person and item.facts and self.hashes.get(item.person) != item.facts.hash
        }
        if changed:
            rows = [
                (*key, ids[key], item.provider, item.email, *(item.facts or ("", b"")), item.time)
                for key, item in changed.items()
            ]
            self.statements.put_identities(self.connection, rows)
