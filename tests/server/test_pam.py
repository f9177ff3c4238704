"""A sign-in by password over real HTTP: libpam behind a whole CA, and the client's half in front of it."""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.parts.pam import Stack, make_module, make_stack
from tests.server.company import Company, b64, run_company, signing
from tests.server.kit import CA_ID, key

from daypass.api import ActProof, PamLogin
from daypass.ca import conversations
from daypass.ca.severities import severity
from daypass.client.settings import Context
from daypass.client.signin.pam import TRIES, PamSignIn
from daypass.client.signin.subject import signer
from daypass.config import PamSection
from daypass.config.schema import OperatorSection, RoleSection
from daypass.errors import DaypassError, NotFound, Throttled, Unauthenticated, Unavailable
from daypass.model import Secret
from daypass.remote import Remote
from daypass.wire import Certificate
from daypass.wire.binding import (
    PAM_NAMESPACE,
    POSSESSION_NAMESPACE,
    admin_act,
    login_act,
    login_nonce,
    pam_message,
    possession_message,
)

WORD = "correct horse"
STAFF = RoleSection(name="staff", provider="unix", hosts=["*"], groups=["engineers"], accounts=["{login}"])
DBA = RoleSection(
    name="dba", provider="unix", hosts=["*"], groups=["engineers"], accounts=["postgres"], day_pass=False
)
AUDIT = OperatorSection(name="audit", provider="unix", groups=["engineers"], can=["audit"])


@dataclass
class Yard:
    company: Company
    stack: Stack

    @property
    def web(self) -> httpx2.Client:
        return self.company.web


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Alice and Bob have passwords; service `hang` never answers, `two` asks for a code, too."""
    home = tmp_path_factory.mktemp("pam")
    stack = make_stack(home)
    tables = [PamSection(name="unix", folder=str(stack.folder))]
    for name, does in {
        "hang": "for (;;) pause();",
        "down": "return PAM_AUTHINFO_UNAVAIL;",
        "deaf": 'ask(h, 1, SECRET, "Password: ", a); return PAM_AUTHINFO_UNAVAIL;',
        "again": 'for (int i = 0; i < 19; i++) ask(h, 1, SECRET, "Password: ", a); return PAM_AUTH_ERR;',
        "shown": 'for (int i = 0; i < 19; i++) ask(h, 1, TEXT, "Code: ", a); return PAM_AUTH_ERR;',
        "other": 'ask(h, 1, SECRET, "1", a); ask(h, 1, SECRET, "2", a); ask(h, 1, SECRET, "3", a);'
        'ask(h, 1, SECRET, "4", a); ask(h, 1, SECRET, "5", a); ask(h, 1, SECRET, "6", a); return PAM_AUTH_ERR;',
        "late": 'ask(h, 1, SECRET, "Password: ", a); ask(h, 1, SECRET, "Code: ", a); return PAM_AUTHINFO_UNAVAIL;',
        "coded": 'ask(h, 1, SECRET, "Password: ", a); ask(h, 1, SECRET, "Code: ", a); return PAM_AUTH_ERR;',
    }.items():
        (home / name).mkdir()
        Stack(stack.folder, name).write(*make_module(home / name, does))
        tables.append(PamSection(name=name, service=name, folder=str(stack.folder), timeout="10s"))
    given = {"pam": tables, "roles": [STAFF, DBA], "operators": [AUDIT], "pam_environ": stack.environ}
    with pytest.MonkeyPatch.context() as patch, run_company(given) as company:
        patch.setattr(conversations, "STARTS", 900)  # all of them come from one address, and within a minute
        yield Yard(company, stack)


@dataclass
class Person:
    """At a machine: a key, and what they sign in for."""

    yard: Yard
    account: str = "alice"
    way: str = "unix"
    act: bytes = b"login"
    salt: bytes = field(default_factory=lambda: os.urandom(32))

    def __post_init__(self) -> None:
        self.private, self.public = key()
        self.prove = signer(self.private)
        self.nonce = login_nonce(CA_ID, self.public.blob, self.act, self.salt)

    def start(self, **change: Any) -> httpx2.Response:
        message = pam_message(CA_ID, self.way, self.account, self.nonce)
        proof = self.prove(PAM_NAMESPACE, message).encode()
        body = {"account": self.account, "nonce": self.nonce, "public_key": b64(self.public.blob),
                "proof": b64(proof), "provider": self.way}  # fmt: skip
        return self.yard.web.post("/v1/pam/start", json=body | change)

    def answer(self, started: httpx2.Response, *answers: str) -> httpx2.Response:
        body = {"conversation": started.json()["conversation"], "answers": list(answers)}
        return self.yard.web.post("/v1/pam/answer", json=body)

    def token(self, word: str = WORD) -> str:
        answer = self.answer(self.start(), word)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def sign(self, token: str, **change: Any) -> httpx2.Response:
        body = signing(self.private, self.public, token, self.salt, "sign") | change
        return self.yard.web.post("/v1/ssh/sign", json=body)


def code(answer: httpx2.Response) -> str:
    return str(answer.json().get("code", answer.status_code))


def test_a_password_gives_a_certificate_with_the_roles_of_the_accounts_groups(yard: Yard) -> None:
    alice = Person(yard)
    answer = alice.sign(alice.token())
    assert answer.status_code == 201, answer.text
    certificate = Certificate.parse(b64decode(answer.json()["crt"]))
    assert certificate.principals == ("role:staff:alice",)
    assert answer.json()["narrow"] == ["dba"]


def test_the_same_token_gives_the_same_certificate_again_and_none_for_another_key(yard: Yard) -> None:
    alice, mallory = Person(yard), Person(yard)
    token = alice.token()
    assert alice.sign(token).json()["crt"] == alice.sign(token).json()["crt"]
    assert code(mallory.sign(token)) == "pam.key"


def test_a_token_for_a_login_is_none_for_a_role_and_the_other_way_round(yard: Yard) -> None:
    day, role = Person(yard), Person(yard, act=login_act("dba"))
    assert code(day.sign(day.token(), role="dba")) == "pam.act"
    token = role.token()
    assert code(role.sign(token)) == "pam.act"
    answer = role.sign(token, role="dba")
    assert Certificate.parse(b64decode(answer.json()["crt"])).principals == ("role:dba",)


@pytest.mark.parametrize("path", ["/v1/admin/ledger", "/v1/admin/person_find"])
def test_an_administrative_act_takes_a_sign_in_for_that_very_act(yard: Yard, path: str) -> None:
    alice = Person(yard, act=admin_act("/v1/admin/ledger", b"{}"))
    token = alice.token()
    proof = alice.prove(POSSESSION_NAMESPACE, possession_message(CA_ID, token)).encode()
    shown = ActProof(token=token, key=alice.public.blob, salt=alice.salt, proof=proof)
    answer = yard.web.post(path, content=b"{}", headers={"Authorization": shown.header()})
    assert answer.status_code == (200 if path == "/v1/admin/ledger" else answer.status_code)
    assert (path == "/v1/admin/ledger") == answer.is_success


def test_who_has_not_the_key_begins_nothing(yard: Yard) -> None:
    mallory, alice = Person(yard), Person(yard)
    assert code(mallory.start(public_key=b64(alice.public.blob))) == "possession"
    assert code(alice.start(account="bob")) == "possession"
    assert code(alice.start(nonce=mallory.nonce)) == "possession"


BAD = [
    ({"nonce": "dp1.x"}, "pam.nonce"),
    ({"account": ""}, "body.field"),
    ({"account": "a" * 65}, "body.field"),
    ({"public_key": ""}, "body.field"),
    ({"public_key": "AAAA"}, "sign.key"),
]


@pytest.mark.parametrize(("change", "told"), BAD)
def test_what_can_be_no_beginning_is_refused(yard: Yard, change: dict[str, str], told: str) -> None:
    assert code(Person(yard).start(**change)) == told


@pytest.mark.parametrize("account", ["Alice", "../x", "alice\x00", "-rf", "a b"])
def test_what_can_be_no_account_reaches_no_stack(yard: Yard, account: str) -> None:
    assert code(Person(yard, account).start()) == "pam.account"


def test_a_way_that_is_not_there_is_said(yard: Yard) -> None:
    assert code(Person(yard, way="ldap").start()) == "pam.off"


def test_a_conversation_is_answered_once_and_as_it_asks(yard: Yard) -> None:
    alice = Person(yard)
    started = alice.start()
    assert [each["style"] for each in started.json()["prompts"]] == ["secret"]
    assert code(alice.answer(started)) == "pam.answers"
    assert code(alice.answer(started, WORD)) == "pam.gone"


def test_what_is_down_is_said_so_and_counts_as_no_wrong_password(yard: Yard) -> None:
    down = Person(yard, "bob", way="down")
    assert (code(down.start()), down.start().status_code) == ("pam.backend", 503)
    deaf = Person(yard, "bob", way="deaf")
    for _ in range(6):
        assert code(deaf.answer(deaf.start(), "x")) == "pam.backend"


def test_wrong_passwords_pause_that_account_for_that_network_and_no_other_account(yard: Yard) -> None:
    bob = Person(yard, "bob")
    told = [code(bob.answer(bob.start(), "wrong")) for _ in range(3)]
    assert told == ["pam.refused"] * 3
    paused = bob.start()
    assert (code(paused), paused.status_code) == ("pam.paused", 429)
    assert 1 <= int(paused.headers["retry-after"]) <= 5
    assert Person(yard, "alice").token()
    yard.company.heart.clock.later += 6
    assert bob.token("battery")
    assert code(bob.answer(bob.start(), "wrong")) == "pam.refused"  # the count began anew


def test_many_at_once_are_no_more_guesses_than_one_by_one(yard: Yard) -> None:
    those = [Person(yard, "carol") for _ in range(8)]
    begun = [each.start() for each in those]
    told = [code(each.answer(started, "wrong")) for each, started in zip(those, begun, strict=True)]
    assert told.count("pam.refused") == 3 and told.count("pam.paused") == 5


def test_hanging_conversations_hold_up_nobody(yard: Yard) -> None:
    """A dozen here; `make bench` has fifty, with times."""
    ca = yard.company.heart.authority.conversations
    assert ca is not None

    async def hang() -> list[asyncio.Task[Any]]:
        begin = [conversations.Begin("hang", "alice", key()[1], "dp1.x") for _ in range(12)]
        return [asyncio.ensure_future(ca.start(each, f"192.0.2.{at}")) for at, each in enumerate(begin)]

    hanging = yard.company.wait(hang())
    assert Person(yard).token()

    async def ended() -> list[Any]:
        await asyncio.sleep(0)
        for each in hanging:
            each.cancel()
        return await asyncio.gather(*hanging, return_exceptions=True)

    assert all(isinstance(each, asyncio.CancelledError) for each in yard.company.wait(ended()))
    assert not ca._busy


def test_no_password_and_no_token_is_in_a_log(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    alice = Person(yard)
    token = alice.token()
    assert alice.sign(token).status_code == 201
    assert WORD not in caplog.text and token not in caplog.text


def test_what_fails_after_an_answer_was_judged_gives_no_guess_back(yard: Yard) -> None:
    """Else who has learned that it was wrong would let the time run out, and have it back."""
    told = []
    for _ in range(4):
        frank = Person(yard, "frank", way="late")
        first = frank.start()
        told.append(code(first) if not first.is_success else code(frank.answer(frank.answer(first, "x"), "1")))
    assert told == ["pam.backend"] * 3 + ["pam.paused"]


def test_who_waits_for_a_no_takes_nobodys_place(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    ca = yard.company.heart.authority.conversations
    assert ca is not None
    monkeypatch.setattr(ca, "_floor", 3600.0)

    async def wait() -> None:
        said = await ca.start(conversations.Begin("unix", "grace", key()[1], "dp1.x"), "192.0.2.1")
        talk, ended = ca._open[said.conversation].talk, asyncio.Event()
        end = talk.end
        monkeypatch.setattr(talk, "end", lambda: [each() for each in (end, ended.set)])
        waiting = asyncio.ensure_future(ca.answer(said.conversation, [Secret("wrong")]))
        await ended.wait()
        await asyncio.sleep(0)
        assert not waiting.done() and talk not in ca._busy
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    yard.company.wait(wait())


# -- the client's half -----------------------------------------------------------------------------------------


@dataclass
class Joined:
    """As far as a sign-in needs a membership."""

    yard: Yard
    context: Context
    ca_id: bytes = CA_ID

    def remote(self, seconds: float) -> Remote:
        return Remote(self.yard.company.url, self.yard.company.root.pem, timeout=seconds)


def signed_in(
    yard: Yard, folder: Path, *typed: str, account: str = "alice", way: str = "unix"
) -> tuple[str, list[str]]:
    """The token, and what the person was told; each prompt takes the next of `typed`."""
    told, rest, person = list[str](), iter(typed), Person(yard)

    def ask(prompt: str, shown: bool) -> str:
        told.append(f"{prompt}{'+' if shown else '*'}")
        return next(rest)

    joined: Any = Joined(yard, Context("x", folder))
    login = PamSignIn(joined, PamLogin(way, 20), told.append, ask if typed else None, account)
    token = login.token(person.public, person.prove, person.nonce)
    assert person.sign(token).status_code == 201
    return token, told


def test_the_person_is_asked_with_echo_as_the_prompt_says_and_again_after_a_wrong_word(
    yard: Yard, tmp_path: Path
) -> None:
    token, told = signed_in(yard, tmp_path, "wrong", WORD)
    assert token.startswith("dpp1.unix.")
    assert told == ["signing in as alice", "Password: *", "that was not right; try again", "Password: *"]


def test_a_device_keeps_what_it_was_given_and_shows_it_the_next_time(yard: Yard, tmp_path: Path) -> None:
    yard.company.heart.clock.later += 4000
    signed_in(yard, tmp_path, WORD)
    (kept,) = tmp_path.iterdir()
    assert kept == Context("x", tmp_path).devices and kept.stat().st_mode & 0o777 == 0o600
    assert wrong(yard, "alice", times=4)[-1] == "pam.paused"
    assert signed_in(yard, tmp_path, WORD)
    kept.write_text("{")
    with pytest.raises(Throttled):
        signed_in(yard, tmp_path, WORD)
    yard.company.heart.clock.later += 4000


@pytest.mark.parametrize(("typed", "way", "kind"), [
    ((), "unix", Unavailable),
    (("x",) * TRIES, "unix", (Unauthenticated, Throttled)),
    (("x",), "ldap", NotFound),
    (("x",), "deaf", Unavailable),
])  # fmt: skip
def test_what_went_wrong_is_told_by_who_must_act(
    yard: Yard, tmp_path: Path, typed: tuple[str, ...], way: str, kind: Any
) -> None:
    with pytest.raises(DaypassError) as caught:
        signed_in(yard, tmp_path, *typed, account="dave", way=way)
    assert isinstance(caught.value, kind)


# -- who looks after it ----------------------------------------------------------------------------------------


def test_pauses_are_in_the_ledger_and_an_account_under_attack_is_an_alarm(yard: Yard) -> None:
    ca = yard.company.heart
    for at in range(10):
        erin = Person(yard, "erin")
        assert code(erin.answer(erin.start(), "wrong")) == "pam.refused"
        ca.clock.later += 901 if at >= 8 else (320 if at >= 2 else 0)
    rows = [row for row in yard.company.wait(ca.store.ledger(0, 10_000)) if '"erin"' in str(row.entry)]
    assert [row.act for row in rows] == ["pam.paused", "pam.attacked"]
    assert severity("pam.paused", {}) > severity("pam.attacked", {})


def test_a_stack_that_hangs_leaves_places_for_others(yard: Yard) -> None:
    ca = yard.company.heart.authority.conversations
    assert ca is not None
    (way,) = [each for each in ca._force.current.provisioners if each.name == "hang"]
    for at in range(conversations.MOST_FROM_ONE):
        begin = conversations.Begin("hang", "alice", key()[1], "dp1.x")
        ca._busy[object()] = conversations._Open(begin, way, object(), f"192.0.2.{at}")  # type: ignore[index, arg-type]
    try:
        assert code(Person(yard, way="hang").start()) == "pam.full"
        assert Person(yard).token()
    finally:
        ca._busy.clear()


def test_the_operator_sees_how_the_stack_stands(yard: Yard) -> None:
    tried = yard.company.wait(yard.company.heart.authority.trying.test("unix"))
    assert tried.ok and tried.way.type == "pam" and "Password:" in tried.findings[0].what


# -- who shares an address -------------------------------------------------------------------------------------


def signed_in_at(yard: Yard, account: str, word: str = WORD) -> str:
    """What the device was given."""
    person = Person(yard, account)
    return str(person.answer(person.start(), word).json()["device"])


def wrong(yard: Yard, account: str, device: str = "", times: int = 1) -> list[str]:
    """What is told of wrong passwords, as `code`; of what is paused, at the start."""
    told = []
    for _ in range(times):
        person = Person(yard, account)
        started = person.start(device=device)
        told.append(code(started) if not started.is_success else code(person.answer(started, "wrong")))
    return told


def test_a_neighbour_behind_the_same_address_pauses_no_device_that_has_signed_in(yard: Yard) -> None:
    yard.company.heart.clock.later += 4000
    device = signed_in_at(yard, "alice")
    assert wrong(yard, "alice", times=4) == ["pam.refused"] * 3 + ["pam.paused"]
    again = Person(yard, "alice")
    answer = again.answer(again.start(device=device), WORD)
    assert answer.status_code == 200, answer.text
    assert wrong(yard, "alice") == ["pam.paused"], "whoever signs in elsewhere ends no pause of theirs"
    yard.company.heart.clock.later += 4000


@pytest.mark.parametrize(("bound", "told"), [("STARTS", "pam.many"), ("MOST_FROM_ONE", "pam.full")])
def test_a_neighbour_who_begins_without_end_keeps_no_known_device_from_signing_in(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, bound: str, told: str
) -> None:
    device, again = signed_in_at(yard, "alice"), Person(yard)
    assert Person(yard, "mallory").start().is_success  # and is left waiting
    monkeypatch.setattr(conversations, bound, 1)
    assert code(Person(yard).start()) == told
    assert again.answer(again.start(device=device), WORD).is_success


def test_where_all_is_taken_the_neighbour_gives_way_and_not_the_device(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = yard.company.heart.authority.conversations
    assert ca is not None
    device, again = signed_in_at(yard, "alice"), Person(yard)
    yard.company.wait(ca.close())
    begun = again.start(device=device)
    monkeypatch.setattr(conversations, "MOST", 2)
    first, second = (Person(yard, "mallory").start() for _ in range(2))
    assert [code(again.answer(each, "x")) for each in (first, second)] == ["pam.gone", "pam.refused"]
    others = [Person(yard).start(device=device) for _ in range(2)]
    assert code(Person(yard).start()) == "pam.full", "a stranger ends none of those"
    assert [code(again.answer(each, WORD)) for each in (begun, *others)] == ["pam.gone", "200", "200"]


def test_a_stolen_device_token_is_worth_one_count_more_and_no_other_account(yard: Yard) -> None:
    yard.company.heart.clock.later += 4000
    device, bobs = signed_in_at(yard, "alice"), signed_in_at(yard, "bob", "battery")
    assert wrong(yard, "alice", device, times=4) == ["pam.refused"] * 3 + ["pam.paused"]
    assert wrong(yard, "alice", bobs, times=4) == ["pam.refused"] * 3 + ["pam.paused"], "as one without any"
    assert wrong(yard, "alice", "dpp1.unix.AAAA") == ["pam.paused"]
    yard.company.heart.clock.later += 4000


def test_a_device_that_was_forgotten_is_counted_with_its_network(yard: Yard) -> None:
    yard.company.heart.clock.later += 4000
    device = signed_in_at(yard, "alice")
    yard.company.heart.clock.later += 91 * 86400
    assert wrong(yard, "alice", times=4)[-1] == "pam.paused"
    assert wrong(yard, "alice", device) == ["pam.paused"]
    yard.company.heart.clock.later += 4000


def test_a_device_token_is_no_sign_in(yard: Yard) -> None:
    alice = Person(yard)
    for spelt in ("{}", "dpp1.unix.{}"):
        assert alice.sign(spelt.format(signed_in_at(yard, "alice"))).status_code in (401, 403)


@pytest.mark.parametrize(("way", "heard"), [("again", 3), ("shown", 3), ("other", 5)])
def test_what_is_asked_again_costs_as_much_as_a_new_sign_in(yard: Yard, way: str, heard: int) -> None:
    """`other` asks something else each time: three of those cost one."""
    asker = Person(yard, "frank", way=way)
    said, guesses = asker.start(), 0
    while said.is_success and guesses < 20:
        said, guesses = asker.answer(said, "wrong"), guesses + 1
    assert (code(said), guesses - 1) == ("pam.paused", heard)


def test_a_password_and_then_a_code_cost_one(yard: Yard) -> None:
    asker = Person(yard, "frank", way="coded")
    for _ in range(3):
        said = asker.start()
        for _ in range(2):
            said = asker.answer(said, "x")
        assert code(said) == "pam.refused"
    assert code(asker.start()) == "pam.paused"
