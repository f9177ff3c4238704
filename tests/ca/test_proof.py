"""What is called ended: only what every host has applied and looked through, and nothing goes on or stays behind."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.ack_ports import AckRecord, Closed, Hit, Remains, Session, Sessions, Word
from daypass.ca.ending_ports import EndingRecord, Source
from daypass.ca.host_ports import HostAbout, KnownHost
from daypass.ca.proof import LATE, LISTED, Fleet, Progress, progress

NOW, KRL = 1_000_000, 500
CA = "SHA256:ca"
HITS = [Hit(7, NOW + 3600, CA)]
ONE = Session(id="0" * 12, account="alice", address="192.0.2.1", since=NOW - 60, way="certificate", ca=CA, serial=7)
CRON = Remains(account="alice", kind="cron", what="@daily")


def record(**changes: Any) -> EndingRecord:
    made: dict[str, Any] = {
        "id": "e" * 11, "time": NOW - 10, "source": Source.OPERATOR, "actor": "uid:0", "reason": "left",
        "about": "alice", "persons": (1,), "key_ids": (), "serials": (7,), "user_krl": KRL, "host_krl": None,
        "gone": False, "held": False,
    }  # fmt: skip
    return EndingRecord(**(made | changes))


def host(name: str, **changes: Any) -> KnownHost:
    return KnownHost(name, name, (), {}, (), NOW + 86400, synced_at=NOW - 100, **changes)


def fleet(acked: int = KRL, *, sessions: tuple[Session, ...] = (), closes: int = 0, **more: KnownHost) -> Fleet:
    """web, which has acknowledged that version and has these sessions; and others that have said nothing."""
    hosts = {"web": host("web"), **more}
    there = [Sessions("web", "web", NOW, sessions)] if sessions else []
    return Fleet(hosts, {"web": AckRecord(1, acked, NOW - 5)}, there, lambda _: closes)


def looked(found: Fleet | None = None, hits: list[Hit] | None = None, **changes: Any) -> Progress:
    words = changes.pop("words", {})
    return progress(record(**changes), HITS if hits is None else hits, found or fleet(), words, NOW)


STATES: list[tuple[str, dict[str, Any], str, bool]] = [
    ("all have applied it", {}, "ended", True),
    ("one has an older list", {"found": fleet(KRL - 1)}, "waiting", False),
    ("there is no list yet", {"user_krl": None}, "waiting", False),
    ("one has said nothing", {"found": fleet(db=host("db"))}, "waiting", False),
    ("a session goes on", {"found": fleet(sessions=(ONE,))}, "open", False),
    ("another's session goes on", {"found": fleet(sessions=(Session(**{
        **{name: getattr(ONE, name) for name in ONE.__struct_fields__}, "ca": "SHA256:other"}),))}, "ended", True),
    ("something survived", {"words": {"web": Word(closed=(
        Closed(session=ONE, closed_at=NOW, reason="r", survivors=("x",)),))}}, "open", True),
    ("it is held", {"held": True}, "held", False),
    ("it was released", {"held": True, "released_at": NOW}, "ended", True),
    ("they are gone and nobody has looked", {"gone": True}, "waiting", False),
    ("they are gone and all have looked", {"gone": True, "words": {"web": Word(looked=NOW)}}, "ended", True),
    ("something is reported", {"gone": True, "words": {"web": Word(looked=NOW, remains=(CRON,))}}, "remains", True),
    ("more was found than is told", {"gone": True, "words": {"web": Word(looked=NOW, cut=1)}}, "remains", True),
    ("it was put aside", {"gone": True, "words": {"web": Word(looked=NOW, remains=(
        Remains(account="a", kind="cron", what="x", done="quarantined"),
        Remains(account="a", kind="process", what="x", done="ended"),))}}, "ended", True),
    ("it could not be", {"gone": True, "words": {"web": Word(looked=NOW, remains=(
        Remains(account="a", kind="cron", what="x", done="failed"),))}}, "remains", True),
    ("nothing was hit", {"hits": [], "user_krl": None, "found": fleet(0)}, "ended", True),
    ("they are back", {"gone": True, "undone_at": NOW}, "undone", True),
    ("they are back, and what was theirs is not", {"gone": True, "undone_at": NOW, "words": {"web": Word(
        looked=NOW, remains=(Remains(account="a", kind="cron", what="x", done="quarantined"),))}}, "undone", False),
    ("they are back, and so is what was theirs", {"gone": True, "undone_at": NOW, "words": {"web": Word(
        looked=NOW, remains=(Remains(account="a", kind="cron", what="x", done="restored"),))}}, "undone", True),
    ("an agent in shell can't tell", {"found": fleet(sh=host(
        "sh", about=HostAbout(agent="agent.sh 1", krl_version=KRL)))}, "unproven", True),
    ("an agent in shell has not even the list", {"found": fleet(sh=host(
        "sh", about=HostAbout(agent="agent.sh 1")))}, "waiting", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "state", "complete"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
def test_what_is_said_of_it(changes: dict[str, Any], state: str, complete: bool) -> None:
    found = looked(**changes)
    assert (found.state, found.complete) == (state, complete)


def test_a_host_out_of_reach_lets_them_in_until_the_certificate_ends() -> None:
    (away,) = looked(fleet(db=host("db"))).unreached
    assert (away.host, away.until, away.heard) == ("db", NOW + 3600, NOW - 100)


@pytest.mark.parametrize(("after", "until"), [(600, NOW - 10 + LATE + 600), (86400, NOW + 3600)])
def test_one_that_fails_closed_lets_them_in_no_longer_than_that(after: int, until: int) -> None:
    found = looked(fleet(closes=after, db=host("db")))
    assert (found.unreached[0].until, found.until) == (until, until)


def test_one_that_has_applied_it_and_has_not_looked_lets_nobody_in() -> None:
    (away,) = looked(gone=True).unreached
    assert (away.host, away.until) == ("web", 0)


def test_the_newer_of_two_words_counts() -> None:
    told = host("web", about=HostAbout(krl_version=KRL))
    for synced_at, wanted in ((NOW - 100, 0), (NOW, 1)):
        newer = KnownHost(told.id, told.name, (), {}, (), NOW, synced_at=synced_at, about=told.about)
        found = Fleet({"web": newer}, {"web": AckRecord(1, KRL - 1, NOW - 5)}, [], lambda _: 0)
        assert looked(found).applied == wanted


def test_lists_are_cut_and_counts_are_not() -> None:
    many: Any = {f"h{n}": host(f"h{n}") for n in range(LISTED + 50)}
    found = looked(fleet(**many))
    assert (len(found.unreached), found.unreached_count, found.hosts, found.applied) == (
        LISTED, LISTED + 50, LISTED + 51, 1,
    )  # fmt: skip
