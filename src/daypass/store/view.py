"""What requests need to know before they are decided: many questions, one read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from daypass.ca.ports import HostRecord, Question, View
from daypass.model import SIGN_IN, Identity, Issued
from daypass.store.facts import keep
from daypass.store.rows import check_text, host_record, issued, people, unjson
from daypass.store.statements import Statements

__all__ = ["answer", "check_question", "spent_on"]

T = TypeVar("T")
Spent = dict[tuple[str, str], tuple[Issued, ...]]


def check_question(question: Question) -> None:
    """Raises Invalid for what no database could be asked."""
    who, once = question.identity, question.once
    check_text(who.issuer, who.subject, once.provider, once.id, question.host, question.signin)


def answer(connection: Connection, statements: Statements, questions: Sequence[Question]) -> list[View]:
    """One answer for each question, in order.

    Statements see what is committed when they run, the certificates last: recording checks everything again.
    """
    policy_hash, last_time, sign_ins_over = statements.head(connection)
    asked = unique((each.identity.issuer, each.identity.subject) for each in questions)
    rows = statements.find_persons(connection, asked)
    persons, hashes = people(rows), {(row[1], row[2]): row[7] for row in rows}
    hosts = _hosts(connection, statements, [each.host for each in questions if each.host is not None])
    signins = [(SIGN_IN, each.signin) for each in questions if each.signin is not None]
    once = unique([*((each.once.provider, each.once.id) for each in questions), *signins])
    spent = spent_on(connection, statements, once)
    return [
        View(
            person=persons.get((each.identity.issuer, each.identity.subject)),
            host=hosts.get(each.host) if each.host is not None else None,
            spent=spent.get((each.once.provider, each.once.id)),
            policy_hash=bytes(policy_hash),
            last_time=last_time,
            over=(SIGN_IN, each.signin) in spent,
            sign_ins_over=sign_ins_over,
            **_facts(each.identity, hashes),
        )
        for each in questions
    ]


def _facts(identity: Identity, hashes: Mapping[tuple[str, str], bytes | None]) -> dict[str, Any]:
    """Of an identity on record."""
    key = (identity.issuer, identity.subject)
    if key not in hashes:
        return {}
    kept = keep(identity)
    return {"facts": kept, "changed": kept.hash != hashes[key]}


def spent_on(connection: Connection, statements: Statements, once: Sequence[tuple[str, str]]) -> Spent:
    """The certificates each of these one-time ids was spent on; the unspent are left out.

    A certificate that is on record no more is left out, too: its id stays spent, and the others are answered.
    """
    rows = [
        (provider, number, unjson(serials)) for provider, number, serials in statements.find_once(connection, once)
    ]
    wanted = unique(serial for _, _, serials in rows for serial in serials)
    if not wanted:
        return {(provider, number): () for provider, number, _ in rows}
    found = {row[0]: issued(row) for row in statements.find_certificates(connection, wanted)}
    return {
        (provider, number): tuple(found[each] for each in serials if each in found)
        for provider, number, serials in rows
    }


def _hosts(connection: Connection, statements: Statements, names: Sequence[str]) -> dict[str, HostRecord]:
    if not names:
        return {}
    return {row[0]: host_record(row) for row in statements.find_hosts(connection, unique(names))}


def unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
