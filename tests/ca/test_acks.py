"""What hosts are told of endings, and what they answer: cut to size, and good for their own sessions alone."""

from __future__ import annotations

import os
from typing import Any

import msgspec
import pytest

from daypass.ca.ack_ports import BrokenIn, Closed, Looked, Remains, Said, Session, Sessions
from daypass.ca.acks import MOST_BROKEN, MOST_REMAINS, MOST_SESSIONS, judged
from daypass.ca.ending_ports import Ending, Source
from daypass.ca.fleet import AGE
from daypass.config import RoleSection
from daypass.model import Credential, Issued
from daypass.wire import Certificate
from tests.ca.heart import ENGINEERS, Heart, new_key
from tests.ca.test_host_calls import Play, admitted, bundle, enrolled, play

__all__ = ["play"]

ONCALL = RoleSection(
    name="oncall", groups=["engineers"], accounts=["root"], hosts=["*"], day_pass=False, lifetime="1h"
)
SESSION = Session(id="0" * 12, account="alice", address="192.0.2.1", since=1, way="certificate")
GONE: dict[str, Any] = {"source": Source.OPERATOR, "actor": "uid:0", "reason": "left", "about": "alice"}


def said(host: str = "h", **told: Any) -> Said:
    return Said(**({"host": host, "bundle_version": 1, "krl_version": 1} | told))  # type: ignore[arg-type]


def session(issued: Issued, **changes: Any) -> Session:
    certificate = Certificate.parse(issued.certificate)
    by = {"serial": certificate.serial, "ca": certificate.signature_key.fingerprint}
    return msgspec.structs.replace(SESSION, **(by | changes))


async def person_of(ca: Heart, serial: int) -> int:
    found = await ca.store.on_record(serial)
    assert found is not None
    assert found.owner is not None
    return found.owner.id


def test_the_bundle_tells_whose_remains_to_look_for_and_whose_sessions_to_spare(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host = await enrolled(ca)
        before = await bundle(ca, host)
        issued = (await ca.sign_in())[0].certificates[0]
        person = await person_of(ca, issued.serial)
        ending = Ending(**GONE, persons=(person,), gone=True, held=True)
        made = await ca.store.end(ending, now=int(ca.clock.now()))
        ca.clock.later += AGE
        told = await bundle(ca, host)
        (one,) = told.endings
        assert (one.id, one.key_ids, one.remains, one.undone) == (made.id, ["alice@example.com"], "report", False)
        assert one.logins == ["alice"]
        assert told.spared == [[issued.serial, issued.serial]]
        assert (before.endings, before.spared, before.digest == told.digest) == ([], [], False)
        await ca.store.release(made.id, actor="uid:0", now=int(ca.clock.now()))
        ca.clock.later += AGE
        assert (await bundle(ca, host)).spared == []

    play(scenario, roles=[ENGINEERS])


def test_a_session_by_a_certificate_of_one_role_ends_with_it_and_one_by_a_day_pass_goes_on(play: Play) -> None:
    async def scenario(ca: Heart) -> None:
        host, (day, _) = await enrolled(ca), await ca.sign_in()
        key, salt = new_key(), os.urandom(32)
        narrow = await ca.issue(Credential(ca.token(key, salt), (key,), salt=salt), role="oncall")
        one, other = day.certificates[0], narrow.certificates[0]
        sessions = session(one), session(other, id="1" * 12, account="root"), session(other, id="2" * 12, ca="")
        found = await admitted(ca, host)
        await ca.authority.acks.take(found, said(found.id, sessions=sessions))
        (told,) = (await bundle(ca, host)).session_ends
        assert (told.session, told.at) == ("1" * 12, other.valid_before)
        (kept,) = await ca.store.open_sessions()
        assert kept == Sessions(found.id, found.name, kept.reported_at, sessions)

    play(scenario, roles=[ENGINEERS, ONCALL])


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True), ({"id": "0" * 11}, False), ({"id": "../../etc/pas"}, False), ({"account": "a b"}, False),
        ({"account": "\x1b[2J"}, False), ({"way": "By\n"}, False), ({"ca": "SHA256:x"}, False), ({"ca": "\0"}, False),
    ],
)  # fmt: skip
def test_a_session_that_can_t_be_one_is_left_out(changes: dict[str, Any], kept: bool) -> None:
    wrong = msgspec.structs.replace(SESSION, **changes)
    found = judged(said(sessions=(wrong,), closed=(Closed(session=wrong, closed_at=1, reason="x"),)))
    assert (found.sessions, len(found.closed)) == (((wrong,), 1) if kept else ((), 0))


def test_what_a_host_says_is_cut_to_what_a_list_can_show() -> None:
    long = msgspec.structs.replace(SESSION, address="a\n" * 500, serial=2**64, since=-1, end=2**70, key_id="\ud800")
    found = judged(said(sessions=(long,), krl_version=-5, bundle_version=2**80))
    assert found.sessions is not None
    (one,) = found.sessions
    assert (len(one.address), one.address[:2], one.since, one.key_id) == (200, "a?", 0, "?")
    assert (one.serial, found.krl_version, found.bundle_version) == (2**63 - 1, 0, 2**63 - 1)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_moment_that_is_none_breaks_nothing(at: float) -> None:
    (one,) = judged(said(closed=(Closed(session=SESSION, closed_at=at, reason="x"),))).closed
    assert 0 <= one.closed_at <= 253402300799


def test_there_are_no_more_of_anything_than_are_kept() -> None:
    many = tuple(msgspec.structs.replace(SESSION, id=f"{n:012x}") for n in range(MOST_SESSIONS + 9))
    left = tuple(Remains(account="a", kind="cron", what=str(n)) for n in range(MOST_REMAINS + 9))
    looked = tuple(Looked(ending=each, time=1, remains=left) for each in ("e" * 11, "../x", "e" + "b" * 10))
    found = judged(said(sessions=many, looked=looked))
    assert len(found.sessions or ()) == MOST_SESSIONS
    assert [(each.ending, len(each.remains), each.cut) for each in found.looked] == [
        ("e" * 11, MOST_REMAINS, 9), ("e" + "b" * 10, MOST_REMAINS, 9),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "kept"), [({}, True), ({"id": "x"}, False), ({"account": "a\n"}, False), ({"ca": "x"}, False)]
)
def test_a_login_by_break_glass_is_judged_and_cut(changes: dict[str, Any], kept: bool) -> None:
    one = BrokenIn(id="0" * 12, account="root", address="\x1b[2J" * 99, time=-1, serial=2**70, key_id="\n")
    found = judged(said(break_glass=(msgspec.structs.replace(one, **changes),) * 99)).break_glass
    assert len(found) == (MOST_BROKEN if kept else 0)
    for each in found[:1]:
        assert (len(each.address), each.time, each.serial, each.key_id) == (200, 0, 2**63 - 1, "?")
