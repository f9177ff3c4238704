"""[[events]]: what is told to whom, and every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.config.sample import GOOD, GOOD_HASH

from daypass.config import load, policy_hash, problems, rebased

HOOK = {
    "name": '"alerts"',
    "type": '"webhook"',
    "acts": '["person.*", "*"]',
    "url": '"https://alerts.example.com/x?y=z"',
    "secret_file": '"/etc/daypass/alerts.secret"',
}
LOG = {"name": '"log"', "type": '"syslog"', "acts": '["*"]', "address": '"tls:log.example.com:6514"'}
FILE = {"name": '"lines"', "type": '"json"', "acts": '["*"]', "file": '"/var/log/daypass.json"'}


def events(*sections: dict[str, str]) -> str:
    tables = ["[[events]]\n" + "".join(f"{k} = {v}\n" for k, v in each.items() if v) for each in sections]
    return GOOD + "\n" + "\n".join(tables)


def told(*sections: dict[str, str]) -> list[str]:
    return [str(each) for each in problems(events(*sections)) if each.path.startswith("events")]


GOOD_ONES = [
    HOOK,
    HOOK | {"url": '"http://127.0.0.1:9000/x"', "severity": '"alert"'},
    LOG,
    LOG | {"address": '"unix:/dev/log"'},
    LOG | {"address": '"udp:127.0.0.1:514"'},
    LOG | {"address": '"tls:[2001:db8::1]:6514"', "roots": '"/etc/ssl/log.pem"'},
    FILE,
    FILE | {"file": '"-"'},
]


@pytest.mark.parametrize("section", GOOD_ONES)
def test_a_good_one_is_good(section: dict[str, str]) -> None:
    assert told(section) == []


MISTAKES = [
    (HOOK | {"name": '"Alerts!"'}, "name", "is not a name"),
    (HOOK | {"type": '"webook"'}, "type", 'did you mean "webhook"?'),
    (HOOK | {"acts": "[]"}, "acts", "nothing would be told"),
    (HOOK | {"acts": '["Person lock"]'}, "acts[0]", "fits no act"),
    (HOOK | {"severity": '"alarm"'}, "severity", "is not a severity"),
    (HOOK | {"url": ""}, "url", "is missing"),
    (HOOK | {"secret_file": ""}, "secret_file", "is missing"),
    (HOOK | {"secret_file": '"alerts.secret"'}, "secret_file", "absolute"),
    (HOOK | {"url": '"http://alerts.example.com/"'}, "url", "must be https://"),
    (HOOK | {"url": '"https://me:pw@alerts.example.com/"'}, "url", "must be https://"),
    (HOOK | {"url": '"file:///etc/passwd"'}, "url", "must be https://"),
    (HOOK | {"url": '"https://a.example.com/#x"'}, "url", "can be asked"),
    (HOOK | {"file": '"/var/log/x"'}, "file", "says nothing of a webhook"),
    (LOG | {"address": '"log.example.com"'}, "address", "is not an address"),
    (LOG | {"address": '"tcp:log.example.com:0"'}, "address", "is not an address"),
    (LOG | {"address": '"tcp:log.example.com:514"'}, "address", "plain text"),
    (LOG | {"url": '"https://x.example.com"'}, "url", "says nothing of a syslog"),
    (FILE | {"file": '"events.json"'}, "file", "absolute"),
    (FILE | {"file": ""}, "file", "is missing"),
]


@pytest.mark.parametrize(("section", "key", "said"), MISTAKES)
def test_a_mistake_is_told_at_its_key(section: dict[str, str], key: str, said: str) -> None:
    found = told(section)
    assert [each.startswith(f"events[0].{key}: ") and said in each for each in found] == [True], found


def test_two_of_one_name_would_share_a_place() -> None:
    assert told(HOOK, FILE | {"name": '"alerts"'}) == ['events[1].name: "alerts" is taken by another one']


def test_an_address_that_may_be_a_secret_is_in_no_message() -> None:
    assert "hunter2" not in "".join(told(HOOK | {"url": '"http://h.example.com/hunter2?k=hunter2"'}))


def test_they_are_one_machine_s_and_no_policy(tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text(events(HOOK, FILE))
    config = load(file)
    assert policy_hash(config).hex() == GOOD_HASH
    moved = rebased(config, Path("/image"))
    assert moved.events[0].secret_file == Path("/image/etc/daypass/alerts.secret")
    assert moved.events[1].file == Path("/image/var/log/daypass.json")
