"""The provider's own sign-in on another device (RFC 8628), at a certified provider and at one that lies."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import httpx2
import msgspec
import pytest

from daypass import api
from daypass.client import trust
from daypass.client.settings import Settings
from daypass.client.signin import polling
from daypass.client.signin.login import Login
from daypass.client.signin.typed import Code
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from tests.client.mini_ca import MiniCa
from tests.parts.certified_op import CertifiedOp
from tests.parts.op import DOWN, Answer, Op

SignIn = Callable[..., Login]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls come a hundred times faster than a provider would have it."""
    monkeypatch.setattr(polling, "SHORTEST", 0.01)
    monkeypatch.setattr(polling, "SLOWER", 0.02)


@pytest.fixture
def granted(company: MiniCa) -> MiniCa:
    """The CA uses the provider's device grant."""
    company.providers = [msgspec.structs.replace(company.providers[0], device_client_id="tv")]
    return company


@pytest.fixture
def shown() -> list[Code]:
    return []


@pytest.fixture
def by_grant(sign_in: SignIn, granted: MiniCa, shown: list[Code]) -> SignIn:
    def make(**options: object) -> Login:
        given = {"grant": True, "show_code": shown.append, "open_browser": lambda _: pytest.fail("opened"), **options}
        return sign_in(**given)

    return make


def test_the_token_comes_from_the_other_device_and_is_bound_to_the_key(
    by_grant: SignIn, granted: MiniCa, op: Op, shown: list[Code]
) -> None:
    """`MiniCa` takes no token whose nonce does not answer key, CA and act."""
    held = by_grant().run()
    assert [each.blob for each in held.agent.identities()] == [held.certificate.encode()]
    assert (shown[0].page, shown[0].code) == (f"{op.issuer}/type-it-here", "WDJB-MJHT")
    assert op.device_form["client_id"] == "tv" and op.device_form["nonce"].startswith("dp1.")
    assert "openid" in op.device_form["scope"].split() and "offline_access" not in op.device_form["scope"]


def test_google_s_name_for_the_page_is_known(by_grant: SignIn, op: Op, shown: list[Code]) -> None:
    op.device["verification_url"] = op.device.pop("verification_uri")
    by_grant().run()
    assert shown[0].page == f"{op.issuer}/type-it-here"


def test_the_address_that_holds_the_code_already_is_never_shown(by_grant: SignIn, op: Op, shown: list[Code]) -> None:
    """Who types the code has read it (RFC 8628 section 5.4)."""
    op.device["verification_uri_complete"] = f"{op.issuer}/type-it-here?user_code=WDJB-MJHT"
    by_grant().run()
    assert "user_code" not in shown[0].page


def test_waiting_and_slowing_down_are_obeyed(by_grant: SignIn, op: Op) -> None:
    op.device_says = ["authorization_pending", "slow_down", "authorization_pending", "slow_down"]
    by_grant().run()
    assert op.hits["/token"] == 5 and not op.device_says


ENDS: list[tuple[str, type[DaypassError], str, str]] = [
    ("access_denied", Denied, "provider.access_denied", "declined"),
    ("expired_token", Unauthenticated, "device.expired", "ran out"),
    ("invalid_grant", Denied, "provider.invalid_grant", "took the sign-in back"),
    ("invalid_client", Misconfigured, "provider.refused", "refused"),
    ("unauthorized_client", Misconfigured, "provider.refused", "refused"),
]


@pytest.mark.parametrize(("said_there", "kind", "code", "text"), ENDS, ids=[row[0] for row in ENDS])
def test_every_no_is_told_for_what_it_is(
    said_there: str, kind: type[DaypassError], code: str, text: str, by_grant: SignIn, op: Op, granted: MiniCa
) -> None:
    op.device_says = ["authorization_pending", said_there]
    with pytest.raises(kind, match=text) as caught:
        by_grant().run()
    assert caught.value.code == code and caught.value.hint
    assert not granted.hits["/v1/ssh/sign"]


def test_nobody_signing_in_ends_with_a_hint(by_grant: SignIn, op: Op) -> None:
    op.device_says = ["authorization_pending"] * 1000
    with pytest.raises(Unavailable) as caught:
        by_grant(sign_in_seconds=0.1).run()
    assert caught.value.code == "sign-in-timeout"


def test_a_provider_that_is_gone_for_a_moment_costs_no_second_sign_in(
    by_grant: SignIn, op: Op, said: list[str]
) -> None:
    op.answers["/token"] = DOWN

    def come_back(_: Code) -> None:
        threading.Timer(0.3, lambda: op.answers.pop("/token")).start()

    assert by_grant(show_code=come_back).run().certificate
    assert len([line for line in said if "still trying" in line]) == 1


def device(**changes: object) -> Callable[[Op], None]:
    return lambda op: op.device.update(changes)


def claims(**changes: object) -> Callable[[Op], None]:
    mint_with = changes

    def change(op: Op) -> None:
        mint = op.mint
        op.mint = lambda **given: mint(**{**given, **mint_with})  # type: ignore

    return change


LIES: list[tuple[str, Callable[[Op], object], type[DaypassError]]] = [
    ("a page without TLS", device(verification_uri="http://evil.example/type"), Misconfigured),
    ("a page that is a script", device(verification_uri="javascript:alert(1)"), Misconfigured),
    ("a page that drives the terminal", device(verification_uri="https://x.example/\x1b[2J"), Misconfigured),
    ("no page", device(verification_uri=""), Misconfigured),
    ("a code that drives the terminal", device(user_code="\x1b]0;x\x07"), Misconfigured),
    ("a code of two lines", device(user_code="AAAA\nopen http://evil"), Misconfigured),
    ("a code without end", device(user_code="A" * 5000), Misconfigured),
    ("no code", device(user_code=""), Misconfigured),
    ("an interval that is none", device(interval="soon"), Misconfigured),
    ("no device endpoint", lambda op: op.metadata.pop("device_authorization_endpoint"), Misconfigured),
    ("an endpoint without TLS", lambda op: op.metadata.update(device_authorization_endpoint="http://x.example"),
     Misconfigured),
    ("no ID token", lambda op: op.answers.update({"/token": Answer(200, b"{}")}), Unauthenticated),
    ("another's nonce", claims(nonce="dp1.other"), Unauthenticated),
    ("another's token", claims(iss="https://x.example"), Unauthenticated),
    ("html", lambda op: op.answers.update({"/device": Answer(200, b"<html>")}), Misconfigured),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "kind"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_provider_that_lies_gets_nothing_signed(
    lie: Callable[[Op], None], kind: type[DaypassError], by_grant: SignIn, op: Op, granted: MiniCa, joined: Membership
) -> None:
    lie(op)
    with pytest.raises(kind):
        by_grant().run()
    assert not granted.hits["/v1/ssh/sign"] and not joined.context.certificate.exists()


HOSTED: dict[str, object] = {"hosted": True}
GRANTED: dict[str, object] = {"device_client_id": "tv"}
CHOICES: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("the CA's page is the better one", HOSTED | GRANTED, {"device": True}, "/v1/device"),
    ("the provider's, asked for by name", HOSTED | GRANTED, {"grant": True}, "/device"),
    ("the provider's, where it is the only one", GRANTED, {"device": True}, "/device"),
    ("unasked, without a browser", GRANTED, {"browser": False}, "/device"),
    ("a browser there, nobody asked", HOSTED | GRANTED, {}, "/authorize"),
]


@pytest.mark.parametrize(("has", "asks", "used"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES])
def test_which_way_is_taken(
    has: dict[str, object], asks: dict[str, object], used: str, sign_in: SignIn, company: MiniCa, op: Op
) -> None:
    company.providers = [msgspec.structs.replace(company.providers[0], **has)]
    sign_in(**asks).run()
    ways = {path for path in ("/device", "/authorize") if op.hits[path]}
    ways |= {"/v1/device"} if company.hits["/v1/device"] else set()
    assert ways == {used}


def test_a_grant_that_the_ca_does_not_use_is_refused(sign_in: SignIn, company: MiniCa, op: Op) -> None:
    with pytest.raises(Misconfigured) as caught:
        sign_in(grant=True).run()
    assert caught.value.code == "device.off" and not op.hits["/device"]


def test_a_certified_provider_is_understood(
    certified_op: CertifiedOp, ca: MiniCa, settings: Settings, said: list[str]
) -> None:
    """This one returns no nonce with the grant, so the CA has to allow that."""
    ca.allow_unbound = True
    ca.providers = [
        api.OidcLogin(name="op", issuer=certified_op.issuer, client_id="daypass", device_client_id="daypass-device")
    ]
    trust.bootstrap(settings, ca.url, ca.fingerprint)

    def type_it(code: Code) -> None:
        threading.Thread(target=_sign_in_elsewhere, args=(code,)).start()

    held = Login(settings, said.append, lambda _: None, grant=True, show_code=type_it).run()
    assert held.agent.holds(held.certificate.encode())


def _sign_in_elsewhere(code: Code) -> None:
    """What alice does at the provider's page: types the code, confirms it, signs in."""
    with httpx2.Client(follow_redirects=True, trust_env=False) as browser:
        page = browser.get(code.page)
        for step in ({"user_code": code.code}, {"user_code": code.code, "confirm": "yes"}):
            found = re.search(r'name="xsrf" value="(\w+)"', page.text)
            assert found is not None
            page = browser.post(code.page, data={"xsrf": found[1], **step})
        browser.post(page.url, data={"username": "alice", "password": "alice"})
