"""Back-channel logouts and pushed events over HTTP: what their protocols answer, and that nobody else gets in."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ca.test_inbound import event, goodbye
from tests.parts.transmitter import CAEP
from tests.server.company import Company
from tests.server.kit import Double, Running

from daypass.errors import Unavailable

LOGOUT, SIGNALS = "/v1/inbound/logout/idp", "/v1/inbound/signals/idp"
FORM = {"content-type": "application/x-www-form-urlencoded"}
NUMBERS = iter(range(100))
SET = {"content-type": "application/secevent+jwt"}


@pytest.fixture
def somebody(company: Company) -> str:
    """The `sub` of somebody with a day pass, whom no other test needs."""
    sub = f"somebody-{next(NUMBERS)}"
    company.person(sub)
    return sub


def sources(company: Company) -> Counter[str]:
    return Counter(each.source for each in company.wait(company.heart.store.endings(0, 100)))


def test_a_logout_is_answered_200_and_nothing_is_kept_by_caches(company: Company, somebody: str) -> None:
    token = goodbye(company.op, sub=somebody)
    for _ in range(2):  # a retry
        answer = company.web.post(LOGOUT, data={"logout_token": token, "of": "later versions"})
        assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert sources(company)["logout"] == 1


@pytest.mark.parametrize("body", [
    b"", b"logout_token=", b"logout_token=a.b.c", b"logout_token=x&logout_token=y", b"\xff", b"token=x",
    b"logout_token=" + b"x" * 20_000,
])  # fmt: skip
def test_what_is_no_logout_is_answered_as_section_2_8_says(company: Company, body: bytes) -> None:
    answer = company.web.post(LOGOUT, content=body, headers=FORM)
    assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")
    assert answer.json()["error"] == "invalid_request"


def test_an_event_is_answered_202_without_a_body(company: Company, somebody: str) -> None:
    about = {"format": "iss_sub", "iss": company.op.issuer, "sub": somebody}
    token = event(company.op, f"{CAEP}session-revoked", about)
    for _ in range(2):
        answer = company.web.post(SIGNALS, content=token, headers=SET)
        assert (answer.status_code, answer.content) == (202, b"")
    assert sources(company)["signal"] == 1


@pytest.mark.parametrize(
    ("change", "err"),
    [
        ({"aud": "somebody else"}, "invalid_audience"),
        ({"iss": "https://elsewhere.example"}, "invalid_issuer"),
        ({"header": {"kid": "unheard-of"}}, "invalid_key"),
        ({"header": {"alg": "RS512"}}, "invalid_key"),
        ({"without": ("jti",)}, "invalid_request"),
        ({"header": {"typ": "JWT"}}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "bob-1"}}, "access_denied"),
    ],
)
def test_what_is_wrong_with_an_event_is_told_in_rfc_8935s_words(
    company: Company, change: dict[str, Any], err: str
) -> None:
    token = event(company.op, f"{CAEP}session-revoked", **change)
    answer = company.web.post(SIGNALS, content=token, headers=SET)
    assert answer.status_code == 400
    assert answer.json()["err"] == err
    assert answer.json()["description"]


def test_a_bent_signature_is_not_the_transmitters(company: Company) -> None:
    token = event(company.op, f"{CAEP}session-revoked")
    head, _, signature = token.rpartition(".")
    bent = f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    answer = company.web.post(SIGNALS, content=bent, headers=SET)
    assert (answer.status_code, answer.json()["err"]) == (400, "authentication_failed")


@pytest.mark.parametrize(("path", "kind"), [(LOGOUT, SET), (SIGNALS, FORM), (SIGNALS, {"content-type": "text/css"})])
def test_a_body_of_another_kind_is_refused(company: Company, path: str, kind: dict[str, str]) -> None:
    token = goodbye(company.op) if path == LOGOUT else event(company.op, f"{CAEP}session-revoked")
    body = f"logout_token={token}" if path == LOGOUT else token
    assert company.web.post(path, content=body, headers=kind).status_code == 400


@pytest.mark.parametrize("path", ["/v1/inbound/logout/nobody", "/v1/inbound/signals/nobody", "/v1/inbound/logout/"])
def test_a_provider_that_is_not_there_has_no_such_path(company: Company, path: str) -> None:
    headers, body = (FORM, "logout_token=a.b.c") if "logout" in path else (SET, "a.b.c")
    assert company.web.post(path, content=body, headers=headers).status_code == 404


def test_too_much_is_refused_before_it_is_read(company: Company) -> None:
    assert company.web.post(SIGNALS, content=b"x" * 70_000, headers=SET).status_code == 413


def test_where_the_store_is_down_the_provider_is_to_try_again(server: Running, web: Any) -> None:
    class Down:
        async def logout(self, provider: str, token: str) -> None:  # noqa: ARG002
            raise Unavailable("the database is away", code="store.down")

        events = logout

    double: Double = server.heart
    double.inbound = Down()
    for path, headers, body in ((LOGOUT, FORM, "logout_token=x"), (SIGNALS, SET, "x")):
        answer = web.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), path=st.sampled_from([LOGOUT, SIGNALS]))
def test_whatever_is_sent_is_answered_400(company: Company, body: bytes, path: str) -> None:
    answer = company.web.post(path, content=body, headers=FORM if path == LOGOUT else SET)
    assert answer.status_code == 400
