"""`daypass host remains`, and what `host leave` leaves of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.host.remains.homes import ALICE, Homes, key_line

from daypass.cli.main import main
from daypass.host.image import prepare_image
from daypass.host.leave import leave

KEYS = ".ssh/authorized_keys"


def remains(homes: Homes, *words: str) -> int:
    return main(["host", "remains", "--root", str(homes.box.root), *words])


def test_it_shows_what_was_found_and_what_became_of_it(homes: Homes, capsys: pytest.CaptureFixture[str]) -> None:
    homes.put("alice", KEYS, key_line("laptop")[0])
    homes.put("deploy", KEYS, key_line("ci")[0])
    homes.came("deploy", by=ALICE)
    assert remains(homes) == 0
    assert "nobody's access has ended" in capsys.readouterr().err
    homes.ended()
    homes.looked()
    assert remains(homes) == 1
    shown = capsys.readouterr()
    assert f"e-{ALICE}  looked at " in shown.out
    assert "alice  authorized_keys  quarantined  SHA256:" in shown.out
    assert "deploy  authorized_keys  reported  perhaps somebody else's  SHA256:" in shown.out
    assert "look yourself whose it is" in shown.err
    homes.put("deploy", KEYS, "")
    homes.looked(later=3600)
    assert remains(homes) == 0


def test_it_says_the_same_to_scripts(homes: Homes, capsys: pytest.CaptureFixture[str]) -> None:
    line, print_ = key_line("laptop")
    homes.put("alice", KEYS, f"\n{line}")
    homes.ended(remains="report")
    homes.looked()
    assert remains(homes, "--json") == 1
    (ending,) = json.loads(capsys.readouterr().out)["endings"]
    assert (ending["ending"], ending["policy"], ending["undone"]) == (f"e-{ALICE}", "report", False)
    assert [(each["kind"], each["done"], each["theirs"]) for each in ending["remains"]] == [
        ("authorized_keys", "reported", True)
    ]
    assert remains(homes, "alice", "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)["found"]
    assert (found["fingerprint"], found["line"], found["file"]) == (print_, 2, str(homes.home("alice") / KEYS))


def test_an_account_is_looked_at_now_and_nothing_is_changed(homes: Homes, capsys: pytest.CaptureFixture[str]) -> None:
    keys = homes.put("bob", KEYS, key_line("\x1b[2J")[0])
    assert remains(homes, "bob") == 1
    assert "\x1b" not in capsys.readouterr().out
    keys.unlink()
    assert remains(homes, "bob") == 0
    assert "nothing lets anybody into bob but certificates" in capsys.readouterr().out
    assert remains(homes, "nobody-here") == 6
    assert "there is no account nobody-here" in capsys.readouterr().err


def test_what_is_in_quarantine_outlives_the_enrolment_but_is_in_no_image(homes: Homes) -> None:
    homes.put("alice", KEYS, key_line()[0])
    homes.ended()
    homes.looked()
    leave(homes.box.paths, homes.box.sshd, with_reload=False)
    assert [each.name for each in homes.box.paths.memory.iterdir()] == ["quarantine"]
    prepare_image(homes.box.paths, homes.box.sshd)
    assert not Path(homes.box.paths.memory).exists()
