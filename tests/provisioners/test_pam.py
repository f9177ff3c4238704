"""The token at the end of a conversation, beyond the contract: who it names, and what an operator is told."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
from tests.parts.pam import make_module, make_stack
from tests.provisioners.desk import CA_ID, KEY, SALT, StillClock
from tests.provisioners.kinds.pam import ALICE

from daypass.ca.pam_ports import Account
from daypass.ca.ports import Finding
from daypass.config import PamSection
from daypass.errors import Unauthenticated
from daypass.model import Credential, Proof
from daypass.provisioners.pam import MAX_GROUPS, MAX_TOKEN, PamProvisioner
from daypass.wire.binding import login_nonce

NONCE = login_nonce(CA_ID, KEY.blob, b"login", SALT)


def desk(name: str = "unix", **section: object) -> PamProvisioner:
    table = PamSection(name=name, **section)  # type: ignore[arg-type]
    return PamProvisioner(table, CA_ID, lambda use: sha256(use).digest(), StillClock())


def shown(provisioner: PamProvisioner, account: Account = ALICE, at: PamProvisioner | None = None) -> Proof:
    token = provisioner.token(account, KEY, NONCE)
    credential = Credential(token, (KEY,), salt=SALT, possessed=True)
    return asyncio.run((at or provisioner).authenticate(credential))


def test_a_person_is_account_and_uid() -> None:
    who = shown(desk()).identity
    assert (who.issuer, who.subject, who.login) == ("pam:unix", "alice:1001", "alice")
    assert who.groups == {"engineers"}
    assert shown(desk(), Account("alice", 1002, ())).identity.subject != who.subject


@pytest.mark.parametrize(("section", "email"), [({}, None), ({"email_domain": "example.com"}, "alice@example.com")])
def test_an_address_is_the_operators_word(section: dict[str, str], email: str | None) -> None:
    assert shown(desk(**section)).identity.email == email


def test_groups_count_only_where_the_table_says_so() -> None:
    assert shown(desk(groups=False)).identity.groups == frozenset()


def test_an_account_in_very_many_groups_still_has_a_token_that_can_be_shown() -> None:
    many = Account("alice", 1001, tuple(f"g{at:03}" for at in range(2 * MAX_GROUPS)))
    assert len(desk().token(many, KEY, NONCE).reveal()) <= MAX_TOKEN
    assert len(shown(desk(), many).identity.groups) == MAX_GROUPS


def test_the_token_of_one_table_is_no_good_at_another() -> None:
    token = desk().token(ALICE, KEY, NONCE).reveal()
    assert [desk().recognises(token), desk("ldap").recognises(token)] == [True, False]
    with pytest.raises(Unauthenticated, match="not one of this way in"):
        shown(desk(), at=desk("ldap"))


def findings(home: Path, *lines: str) -> list[Finding]:
    stack = make_stack(home, *lines)
    made = PamProvisioner(
        PamSection(name="unix", folder=str(stack.folder)), CA_ID, lambda use: use, StillClock(), stack.environ
    )
    return list(asyncio.run(made.test()))


PERMIT = ("auth required pam_permit.so", "account required pam_permit.so")
DENY = ("auth required pam_deny.so", "account required pam_deny.so")


@pytest.mark.parametrize(("lines", "ok", "what"), [
    ((), True, "answers, and asks: Password:"),
    (PERMIT, False, "refuses before it asks anything"),
    (DENY, False, "refuses before it asks anything"),
    (("auth required pam_gone.so", "account required pam_gone.so"), False, "the CA's PAM stack does not work"),
])  # fmt: skip
def test_an_operator_sees_what_the_stack_asks(tmp_path: Path, lines: tuple[str, ...], ok: bool, what: str) -> None:
    (only,) = findings(tmp_path, *lines)
    assert (only.ok, what in only.what) == (ok, True), only


def test_an_operator_sees_that_there_is_no_such_service() -> None:
    (only,) = asyncio.run(desk(folder="/nonexistent").test())
    assert (only.ok, only.what) == (False, "there is no file /nonexistent/daypass")


def test_an_operator_sees_that_it_crashes(tmp_path: Path) -> None:
    (only,) = findings(tmp_path, *make_module(tmp_path, "abort();"))
    assert "has stopped" in only.what
