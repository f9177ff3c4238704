"""What has become of a revocation, as people and scripts read it: inert, and never called ended before it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.test_person import Desk, firm

from daypass.api import (
    ClosedSession,
    ClosedThere,
    EndingLine,
    EndingProgress,
    HostSession,
    OpenThere,
    Remain,
    RemainsThere,
    SessionLine,
    Unreached,
)
from daypass.cli.exits import Exit
from daypass.cli.output import counted
from daypass.cli.proof import SENTENCE, line_of, plain, show, summary
from daypass.cli.sessions import table
from daypass.times import moment

__all__ = ["firm"]

EVIL = "\x1b[2J\nx"
ONE = HostSession(id="0" * 12, account="alice", address="192.0.2.1", since=1000, way="certificate", key_id="a@b.c")
LINE = EndingLine(
    id="ek7q2m4tsxb", time=1000, source="operator", actor="uid:0", reason="left", about="person alice (#1)",
    persons=1, certificates=2, gone=True, held=False, released_at=None, released_by=None, undone_at=None,
    reported_at=None,
)  # fmt: skip


def found(**changes: Any) -> EndingProgress:
    made: dict[str, Any] = {
        "ending": "ek7q2m4tsxb", "time": 2000, "state": "ended", "complete": True, "hosts": 12, "applied": 12,
        "looked": 12, "unreached_count": 0, "unreached": [], "until": 0, "closed_count": 0, "closed": [],
        "survivors": 0, "open_count": 0, "open": [], "remains_count": 0, "remains": [],
    }  # fmt: skip
    return EndingProgress(**(made | changes))


LEFT = Remain(account="alice", kind="authorized_keys", what="ssh-ed25519 AAAA")
BACK = Remain(account="alice", kind="cron", what="@daily", done="restored")
SHOWN: list[tuple[dict[str, Any], list[str]]] = [
    ({"looked": 0}, ["nobody looked for what stays behind"]),
    ({"state": "undone", "remains_count": 1, "remains": [RemainsThere(host="web", remains=BACK)]},
     ["put back     web  alice  cron: @daily"]),
    ({}, ["ended: no host", "nothing was found to stay behind", "applied      on 12 of 12 hosts"]),
    ({"state": "waiting", "unreached_count": 1, "unreached": [Unreached(host="db", until=5000, heard=900)]},
     ["NOT ENDED", "NOT REACHED  db  last heard", "lets them in until"]),
    ({"state": "waiting", "unreached_count": 1, "unreached": [Unreached(host="db", until=1500, heard=0)]},
     ["never heard", "lets nobody in by it any more; sessions may go on"]),
    ({"state": "waiting", "unreached_count": 1, "unreached": [Unreached(host="db", until=0, heard=1)]},
     ["has not looked for what stays behind"]),
    ({"closed_count": 1, "closed": [ClosedThere(host="web", closed=ClosedSession(
        session=ONE, closed_at=1060.0, reason="revoked", survivors=["sleep (77)"]))]},
     ["closed       web  alice  a@b.c from 192.0.2.1, after 1 min", "SURVIVED     web  sleep (77)"]),
    ({"state": "open", "open_count": 1, "open": [OpenThere(host="web", session=ONE)]},
     ["NOT ENDED: a session", "OPEN         web  alice"]),
    ({"state": "remains", "remains_count": 30, "remains": [RemainsThere(host="web", remains=LEFT)] * 30},
     ["NOT ENDED: what stays", "stays        web  alice  authorized_keys: ssh-ed25519 AAAA  (REPORTED)",
      "and 10 more: --json"]),
    ({"state": "unproven", "blind": ["old-1"]}, ["NOT PROVEN", "can't tell   1 with agent.sh: old-1"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "wanted"), SHOWN)
def test_all_of_it_is_shown_with_what_it_is_worth(
    changes: dict[str, Any], wanted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    show(found(**changes))
    out, err = capsys.readouterr()
    assert all(each in out for each in wanted), out
    assert err.strip() == SENTENCE


AWAY = [Unreached(host=f"db-{number}", until=4000 + number, heard=900) for number in range(5)]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"applied": 3, "closed_count": 1, "open_count": 2}, "3 of 12 hosts, 1 session closed, 2 open"),
        ({"unreached": AWAY[:1], "unreached_count": 1},
         "12 of 12 hosts; not reached, open until {4000}: db-0"),
        ({"unreached": AWAY, "unreached_count": 7},
         "12 of 12 hosts; not reached, open until {4004}: db-0, db-1, db-2 and 4 more"),
        ({"unreached": AWAY[:1], "unreached_count": 1, "time": 9000}, "12 of 12 hosts; not reached: db-0"),
        ({"unreached": [Unreached(host="db", until=0, heard=9)], "unreached_count": 1}, "12 of 12 hosts"),
    ],
)  # fmt: skip
def test_whoever_waits_reads_which_hosts_are_away_and_until_when_they_are_open(
    changes: dict[str, Any], line: str
) -> None:
    wanted = line.replace("{4000}", moment(4000)).replace("{4004}", moment(4004))
    assert summary(found(**changes)) == wanted


def test_sessions_stand_in_columns_whatever_their_names_are() -> None:
    other = HostSession(id="1" * 12, account="deploy", address="192.0.2.77", since=1000, way="password")
    lines = list(table([
        SessionLine(host="web-1", session=ONE, reported_at=1, login="alice", roles=["dev"], end=0),
        SessionLine(host="db-with-a-name", session=other, reported_at=1, login="", roles=[], end=5000),
    ]))  # fmt: skip
    assert len({line.index("since ") for line in lines}) == 1
    assert not [line for line in lines if line != line.rstrip()]
    assert list(table([])) == []


def test_what_hosts_wrote_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    evil = HostSession(id="0", account=EVIL, address=EVIL, since=1, way=EVIL, key_id=EVIL)
    left = Remain(account=EVIL, kind=EVIL, what=EVIL, done="failed", error=EVIL)
    closed = ClosedSession(session=evil, closed_at=1, reason=EVIL, survivors=[EVIL])
    show(
        found(
            closed=[ClosedThere(host=EVIL, closed=closed)], open=[OpenThere(host=EVIL, session=evil)],
            remains=[RemainsThere(host=EVIL, remains=left)], unreached=[Unreached(host=EVIL, until=1, heard=1)],
        )
    )  # fmt: skip
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.count("\n") == 7


def test_scripts_get_times_in_utc_and_null_for_never() -> None:
    told = json.loads(json.dumps(plain(found(unreached=[Unreached(host="db", until=0, heard=5)]))))
    assert (told["time"], told["until"], told["hosts"]) == ("1970-01-01T00:33:20Z", None, 12)
    assert told["unreached"] == [{"host": "db", "until": None, "heard": "1970-01-01T00:00:05Z"}]


@pytest.mark.parametrize(
    ("changes", "word"),
    [({}, "under way"), ({"state": "ended"}, "ended"), ({"held": True}, "HELD"),
     ({"held": True, "released_at": 5, "state": "open"}, "open"), ({"undone_at": 5, "state": "ended"}, "undone")],
)  # fmt: skip
def test_a_list_says_how_it_stands(changes: dict[str, Any], word: str) -> None:
    line = line_of(EndingLine(**({name: getattr(LINE, name) for name in LINE.__struct_fields__} | changes)))
    assert f"  {word} " in line
    assert line.endswith("person alice (#1): left  (2 certificates, by uid:0)")


def test_a_lock_is_waited_for_and_its_report_is_there_later_both_ways(firm: Desk) -> None:
    """On a CA without hosts: there is none that has to answer."""
    firm.administer("alice", "login", "--force")
    locked = json.loads(firm.here("lock", "alice", "--reason", "left", "--wait", "--json"))
    assert (locked["progress"]["state"], locked["progress"]["hosts"]) == ("ended", 0)
    out = firm.here("revocations", "show", locked["ending"])
    assert "person alice" in out
    assert f"{locked['ending']}  ended:" in out
    kept = json.loads(firm.here("revocations", "show", locked["ending"], "--json"))
    assert kept["revocation"]["state"] == "ended"
    assert "ending.report" in firm.here("ledger", "show")
    listed = json.loads(firm.administer("bob", "revocations", "list", "--json")[1])
    assert locked["ending"] in [each["id"] for each in listed["revocations"]]
    firm.here("unlock", "alice", "--reason", "back")
    code, out, err = firm.administer("alice", "lock", "alice", "--reason", "again", "--wait", "--remote")
    assert code == 0, err
    assert "ended: no host" in out
    assert err.count("in your browser") == 1, "one sign-in is enough"
    begun = next(line for line in err.splitlines() if "waiting for hosts" in line)
    assert begun.split(":")[0] in out, "whoever breaks the wait off knows its ID"


def test_what_there_is_not_is_said(firm: Desk) -> None:
    assert "no open session is known" in firm.daypass("sessions", "--root", str(firm.ca_root)).stderr
    for arguments, code in (
        (("revocations", "show", "eaaaaaaaaaa"), Exit.NOT_FOUND), (("sessions", "end", "0" * 12), Exit.NOT_FOUND),
        (("revocations", "release", "--all"), Exit.CONFLICT), (("revocations", "release"), Exit.USAGE),
        (("sessions", "--host", "no.example.com"), Exit.NOT_FOUND),
    ):  # fmt: skip
        done = firm.daypass(*arguments, "--root", str(firm.ca_root), check=False)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize(("number", "text"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")])
def test_things_are_counted_as_people_do(number: int, text: str) -> None:
    assert counted(number, "entry", "entries") == text
