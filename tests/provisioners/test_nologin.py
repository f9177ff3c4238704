"""Names that can't be a login name: what is said of them, and the setting that helps."""

from __future__ import annotations

import pytest
from tests.parts.op import Op
from tests.provisioners.desk import open_desk

from daypass.model import NoLogin

OTHER = 'login_name = "claim:NAME" for provider "corp"'
FORTY = "a" * 40


def told(op: Op, section: dict[str, object], claims: dict[str, object]) -> NoLogin:
    """A claim of None is left out."""
    left_out = tuple(name for name, value in claims.items() if value is None)
    with open_desk(op, **section) as desk:
        person = desk.show(desk.token(without=left_out, **claims)).identity
    assert person.login is None and person.no_login is not None
    return person.no_login


@pytest.mark.parametrize(
    ("section", "claims", "message", "hint"),
    [
        ({}, {"email": "Müller@example.com"}, '"Müller@example.com", and "M", "ü" can\'t stand', OTHER),
        ({}, {"email": "user.name+tag@example.com"}, '"+" can\'t stand in a login name', OTHER),
        ({}, {"email": "ünïcode@example.com"}, '"ü", "ï" can\'t stand', OTHER),
        ({}, {"email": "Alice@example.com"}, '"A" can\'t stand', OTHER),
        ({}, {"email": f"{FORTY}@example.com"}, "has 40 characters; it may have 32", OTHER),
        ({}, {"email": "1st@example.com"}, 'can\'t begin with "1"', OTHER),
        ({}, {"email": "@example.com"}, "nothing before the @", OTHER),
        ({}, {"email": "a\u202eb\n@example.com"}, '"a\ufffdb\ufffd@example.com"', OTHER),
        ({}, {"email": "x" * 500 + "@e"}, '"' + "x" * 60 + '…"', OTHER),
        ({}, {"email": "alice@exämple.com"}, "which is not well formed", OTHER),
        ({}, {"email": ""}, "sends no e-mail address", '"email" in the scopes of provider "corp"'),
        ({}, {"email": None}, "sends no e-mail address", '"email" in the scopes of provider "corp"'),
        ({}, {"email_verified": False}, '"alice@example.com" is verified', "verify your address at corp"),
        ({}, {"email_verified": "true"}, '"alice@example.com" is verified', "verify your address at corp"),
        ({}, {"email_verified": None}, '"alice@example.com" is verified', 'email_domains = ["example.com"]'),
        ({"login_name": "step"}, {"email": "1st@example.com"}, 'can\'t begin with "1"', OTHER),
        ({"login_name": "claim:uid"}, {}, 'sends no "uid"', 'login_name = "email" for provider "corp"'),
        ({"login_name": "claim:uid"}, {"uid": ""}, 'sends no "uid"', 'login_name = "email"'),
        ({"login_name": "claim:uid"}, {"uid": 1000}, 'the "uid" that corp sends is not text', 'login_name = "email"'),
        ({"login_name": "claim:uid"}, {"uid": "DOMAIN\\bob"}, 'the uid "DOMAIN\\bob", and "D", "O"', "login_name"),
    ],
)
def test_what_was_sent_what_does_not_fit_and_what_helps_are_said(
    op: Op, section: dict[str, object], claims: dict[str, object], message: str, hint: str
) -> None:
    found = told(op, section, claims)
    assert message in found.message and hint in found.hint, found
    assert found.message.isprintable() and found.hint.isprintable()


def test_who_has_a_login_name_needs_no_reason(op: Op) -> None:
    with open_desk(op) as desk:
        assert desk.show(desk.token()).identity.no_login is None
