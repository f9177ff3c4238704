"""What gone persons leave in accounts that they used: found, taken out where it is theirs, put back as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.host.remains.homes import ALICE, BOB, Homes, key_line
from tests.parts.kill import killed_at

from daypass.host.remains.memory import Locked, Memory, heard, waiting
from daypass.host.remains.work import due, look
from daypass.model import HostRole

KEYS = ".ssh/authorized_keys"
UNIT = ".config/systemd/user/back.service"


def all_of_it(homes: Homes, account: str, uid: int) -> None:
    """Everything that somebody may leave."""
    homes.put(account, KEYS, f"# mine\n{key_line('laptop')[0]}\n")
    homes.put(account, f"{KEYS}2", key_line("old", 'cert-authority,from="10.0.0.0/8"')[0])
    homes.put(account, UNIT, "[Service]\nExecStart=/bin/nc\n", 0o644)
    wants = homes.put(account, ".config/systemd/user/default.target.wants/x", "").parent
    (wants / "x").unlink()
    (wants / "back.service").symlink_to("../back.service")
    os.chown(wants / "back.service", uid, uid, follow_symlinks=False)
    homes.spool(f"spool/cron/crontabs/{account}", "MAILTO=a\n# one\n* * * * * nc -e sh --password=secret\n", uid)
    homes.spool("spool/cron/atjobs/a0000101c9f3a2", "#!/bin/sh\n", uid, 0o700)
    homes.spool(f"lib/systemd/linger/{account}", "")


EVERY_KIND = [
    ("alice", "authorized_keys"), ("alice", "authorized_keys"), ("alice", "cron"), ("alice", "linger"),
    ("alice", "at"), ("alice", "unit"), ("alice", "unit"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "done"), [("report", "reported"), ("quarantine", "quarantined"), ("x", "reported")]
)
def test_all_that_was_left_in_an_own_account_is_found(homes: Homes, policy: str, done: str) -> None:
    all_of_it(homes, "alice", 5001)
    homes.came("alice", by=ALICE)
    before = homes.tree()
    homes.ended(remains=policy)
    assert sorted(homes.told()) == sorted((*each, done) for each in EVERY_KIND)
    assert (homes.tree() == before) == (done == "reported")
    assert homes.told(later=100) == homes.told(later=100)
    assert len(homes.told(later=5000)) == len(EVERY_KIND)
    assert "secret" not in str(Memory.load(homes.box.paths))


def test_what_was_taken_lies_where_root_alone_reads_it(homes: Homes) -> None:
    all_of_it(homes, "alice", 5001)
    before = homes.tree()
    homes.ended()
    homes.looked()
    assert homes.tree() == {}
    kept = list(homes.box.paths.quarantine.iterdir())
    assert {(each.stat().st_mode & 0o777, each.stat().st_uid) for each in kept} == {(0o600, 0)}
    assert {each.read_bytes() for each in kept} >= {content for _, _, content in before.values()}


def test_everything_is_put_back_as_it_was_when_the_ending_is_undone(homes: Homes) -> None:
    all_of_it(homes, "alice", 5001)
    before = homes.tree()
    homes.ended()
    homes.looked()
    homes.ended(undone=True)
    assert {done for _, _, done in homes.told()} == {"restored"}
    assert homes.tree() == before
    assert list(homes.box.paths.quarantine.iterdir()) == []
    assert not due(homes.box.paths, homes.now + 86400)


def test_nothing_is_looked_for_in_accounts_that_they_have_not_used(homes: Homes) -> None:
    homes.put("bob", KEYS, key_line(ALICE)[0])
    homes.came("bob", by=BOB)
    homes.ended()
    assert homes.told() == []


def test_of_a_shared_account_only_what_is_surely_theirs_is_taken(homes: Homes) -> None:
    """A key that is called as they are, and one by which they came into their own account."""
    (named, _), (used, print_), (others, _) = key_line(ALICE), key_line("laptop"), key_line("bob's")
    before = f"# ours\n{named}\n{others}\n\n{used}"
    keys = homes.put("deploy", KEYS, before, 0o640)
    homes.spool("spool/cron/crontabs/deploy", "* * * * * true\n", 5003)
    for each in ("alice", "deploy"):
        homes.came(each, by=ALICE)
    homes.came("alice", key=print_)
    homes.ended()
    report = homes.looked()
    assert keys.read_text() == f"# ours\n{others}\n"
    assert keys.stat().st_mode & 0o777 == 0o640
    assert sorted((each.kind, each.done, each.theirs) for each in report.remains) == [
        ("authorized_keys", "quarantined", True), ("authorized_keys", "quarantined", True),
        ("authorized_keys", "reported", False), ("cron", "reported", False),
    ]  # fmt: skip
    homes.ended(undone=True)
    homes.looked()
    assert keys.read_text() == before


def test_a_key_that_goes_everywhere_is_nobodys_own(homes: Homes) -> None:
    """An administrator's, say, that comes into all accounts."""
    line, print_ = key_line("ansible")
    keys = homes.put("deploy", KEYS, line)
    for each in ("alice", "deploy"):
        homes.came(each, by=ALICE)
        homes.came(each, key=print_)
    homes.came("bob", key=print_)
    homes.ended()
    assert homes.told() == [("deploy", "authorized_keys", "reported")]
    assert keys.read_text() == line


NOT_OWN = [
    ("a role gives it to several", {"roles": [HostRole("x", "restrict,pty", accounts=("alice",), own_account=True)]}),
    ("no role admits people to their own", {"roles": [HostRole("x", "restrict,pty", accounts=("deploy",))]}),
]


@pytest.mark.parametrize("changes", [row[1] for row in NOT_OWN], ids=[row[0] for row in NOT_OWN])
def test_an_account_is_no_ones_own_where(homes: Homes, changes: dict[str, list[HostRole]]) -> None:
    homes.box.change(**changes)
    check_left_alone(homes)


def test_an_account_into_which_others_came_is_no_ones_own(homes: Homes) -> None:
    homes.came("alice", by=BOB)
    check_left_alone(homes)


def test_an_account_with_two_names_is_no_ones_own(homes: Homes) -> None:
    with homes.box.paths.passwd.open("a") as file:
        file.write("second:x:5001:5001::/home/alice:/bin/sh\n")
    check_left_alone(homes)


def test_an_account_that_nobody_may_enter_by_certificate_is_the_owners(homes: Homes) -> None:
    homes.box.paths.settings.parent.mkdir(parents=True)
    homes.box.paths.settings.write_text('never = ["alice"]\n')
    check_left_alone(homes)


def test_an_account_without_a_shell_is_never_changed(homes: Homes) -> None:
    passwd = homes.box.paths.passwd
    passwd.write_text(passwd.read_text().replace("/home/alice:/bin/sh", "/home/alice:/usr/sbin/nologin"))
    keys = homes.put("alice", KEYS, key_line(ALICE)[0])
    homes.came("alice", by=ALICE)
    homes.ended()
    assert homes.told() == [("alice", "account", "reported"), ("alice", "authorized_keys", "reported")]
    assert keys.exists()


def check_left_alone(homes: Homes) -> None:
    keys = homes.put("alice", KEYS, key_line("laptop")[0])
    homes.came("alice", by=ALICE)
    homes.ended()
    report = homes.looked()
    assert [(each.done, each.theirs) for each in report.remains] == [("reported", False)]
    assert keys.exists()


def test_the_owner_of_the_host_has_the_last_word(homes: Homes) -> None:
    homes.box.paths.settings.parent.mkdir(parents=True)
    homes.box.paths.settings.write_text('remains = "report"\n')
    keys = homes.put("alice", KEYS, key_line("laptop")[0])
    homes.ended(remains="lock")
    assert homes.told() == [("alice", "authorized_keys", "reported")]
    homes.box.paths.settings.unlink()
    assert homes.told() == [("alice", "authorized_keys", "quarantined")]
    assert not keys.exists()


def test_what_two_endings_took_stays_until_both_are_undone(homes: Homes) -> None:
    line, _ = key_line(ALICE)
    homes.put("alice", KEYS, line)
    homes.ended()
    homes.looked()
    homes.put("alice", KEYS, line)  # somebody puts it back
    homes.ended(id="e-again")
    homes.looked(who="again")
    homes.ended(undone=True)
    assert homes.told() == [("alice", "authorized_keys", "quarantined")]
    homes.ended(id="e-again", undone=True)
    assert homes.told("again") == [("alice", "authorized_keys", "restored")]


def test_keys_that_came_since_stay_beside_what_is_put_back(homes: Homes) -> None:
    old, new = key_line("old")[0], key_line("new")[0]
    keys = homes.put("alice", KEYS, f"{old}\n")
    homes.ended()
    homes.looked()
    homes.put("alice", KEYS, new)
    homes.ended(undone=True)
    homes.looked()
    assert keys.read_text() == f"{new}\n{old}\n"


def test_what_stands_in_the_way_is_not_written_over(homes: Homes) -> None:
    homes.put("alice", UNIT, "[Service]\n")
    homes.ended()
    homes.looked()
    other = homes.put("alice", UNIT, "[Unit]\n")
    homes.ended(undone=True)
    (failed,) = homes.looked().remains
    assert (failed.done, failed.error) == ("failed", "something else stands there now")
    assert other.read_text() == "[Unit]\n"
    other.unlink()
    assert homes.told(later=3600) == [("alice", "unit", "restored")]
    assert other.read_text() == "[Service]\n"


def test_a_kill_at_any_write_loses_nothing_and_the_next_look_does_the_rest(homes: Homes) -> None:
    all_of_it(homes, "alice", 5001)
    before = homes.tree()
    homes.ended()
    for number in (1, 2, 3, 4, 5, 7, 10, 14, 30, 60):
        if not killed_at(number, lambda: look(homes.box.paths, homes.now)):
            break
    assert {done for _, _, done in homes.told(later=86400)} == {"quarantined"}
    assert homes.tree() == {}
    homes.ended(undone=True)
    for number in (1, 3, 5, 7, 11, 17):
        killed_at(number, lambda: look(homes.box.paths, homes.now + 90000))
    homes.looked(later=200_000)
    assert homes.tree() == before


def test_it_is_looked_at_again_ever_less_often(homes: Homes) -> None:
    homes.put("alice", KEYS, key_line()[0])
    homes.ended(remains="report")
    paths = homes.box.paths
    looks, now = list[int](), homes.now
    for second in range(0, 7200, 5):
        if due(paths, now + second):
            look(paths, now + second)
            looks.append(second)
    assert looks[:3] == [0, 15, 30]
    assert 10 < len(looks) < 35


def test_the_ca_hears_what_is_new_and_only_that(homes: Homes) -> None:
    keys = homes.put("alice", KEYS, key_line()[0])
    homes.ended(remains="report")
    homes.looked()
    (first,) = waiting(homes.box.paths)
    assert [each.kind for each in first.remains] == ["authorized_keys"]
    heard(homes.box.paths, [first])
    homes.looked(later=100)
    assert waiting(homes.box.paths) == []
    keys.unlink()
    homes.looked(later=4000)
    assert [each.remains for each in waiting(homes.box.paths)] == [[]]


def test_who_came_in_is_not_known_where_nothing_was_logged_and_it_is_said(homes: Homes) -> None:
    homes.log.unlink()
    homes.ended()
    assert homes.told() == [("?", "account", "failed")]


def test_a_sync_looks_too(homes: Homes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from daypass.cli import host_sync
    from daypass.host.sync import Synced

    homes.put("alice", KEYS, key_line()[0])
    homes.ended()
    synced = Synced(state=homes.box.sync().state)
    host_sync._look_for_remains(homes.box.paths, synced)
    assert list(Memory.load(homes.box.paths).endings) == [f"e-{ALICE}"]
    homes.box.paths.remains.write_text("{")
    host_sync._look_for_remains(homes.box.paths, synced)
    assert "can't be understood" in synced.said[0]


def test_files_of_roots_are_taken_by_root(homes: Homes, box_keys: Path) -> None:
    line, _ = key_line("laptop")
    box_keys.mkdir()
    keys = box_keys / "alice"
    keys.write_text(line)
    keys.chmod(0o644)
    homes.ended()
    assert homes.told() == [("alice", "authorized_keys", "quarantined")]
    homes.ended(undone=True)
    homes.looked()
    assert (keys.read_text(), keys.stat().st_uid, keys.stat().st_mode & 0o777) == (line, 0, 0o644)


@pytest.fixture
def box_keys(homes: Homes) -> Path:
    """Where sshd is told to find everybody's keys."""
    folder = homes.box.root / "etc/ssh/keys"
    homes.box.config.write_text(f"AuthorizedKeysFile {folder}/%u\n{homes.box.config.read_text()}")
    assert os.geteuid() == 0
    return folder


def test_no_sync_admits_to_an_account_that_was_locked(homes: Homes) -> None:
    paths = homes.box.paths
    assert (paths.principals / "alice").exists()
    memory = Memory(locked={"alice": Locked(uid=5001, before="", endings=["e1"])})
    memory.save(paths)
    homes.box.sync()
    assert {each.name for each in paths.principals.iterdir()} == {"bob", "deploy"}
    Memory().save(paths)
    homes.box.sync()
    assert (paths.principals / "alice").exists()
