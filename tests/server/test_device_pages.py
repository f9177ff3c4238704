"""The pages of a sign-in on another device, as HTTP: what each shows, and what it refuses to do."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from typing import Any

import httpx2
import pytest
from tests.server.devices import CODE, OTHER, PagesServer, asked, shown, submit

from daypass.ca.device import DeviceDone
from daypass.errors import Conflict, Denied, Misconfigured, NotFound, Throttled, Unauthenticated, Unavailable

HOSTILE = "<script>alert(1)</script>\"'&\u202e\x00"


def test_the_whole_way_to_the_provider_and_back(pages: PagesServer, guest: httpx2.Client) -> None:
    request = shown(pages, guest)
    going = submit(pages, guest, "/device/confirm", request=request, answer="yes")
    assert going.status_code == 200
    assert 'content="0;url=https://id.example.com/authorize?state=s"' in going.text
    back = guest.get("/device/callback?code=the-code&state=the-state&iss=x", headers={"sec-fetch-site": "cross-site"})
    assert (back.status_code, back.headers["location"], back.content) == (303, "/device/done", b"")
    done = guest.get("/device/done")
    assert done.status_code == 200 and "Signed in as alice" in done.text and "alice@build-7" in done.text
    browser = pages.played.did[0][2]
    assert [each[0] for each in pages.played.did] == ["typed", "typed", "answer", "callback"]
    assert pages.played.did[2:] == [
        ("answer", browser, True),
        ("callback", browser, {"code": "the-code", "state": "the-state", "iss": "x"}, "/device/callback"),
    ]
    for page in (going, done):
        assert "the-code" not in page.text and browser not in page.text


def test_a_no_ends_it(pages: PagesServer, guest: httpx2.Client) -> None:
    answer = submit(pages, guest, "/device/confirm", request=shown(pages, guest), answer="no")
    assert (answer.status_code, answer.headers["location"]) == (303, "/device/done")
    assert pages.played.did[-1][0::2] == ("answer", False)
    assert "You said no" in guest.get("/device/done").text


def test_the_page_says_which_role_is_asked_for(pages: PagesServer, guest: httpx2.Client) -> None:
    pages.played.what = asked(role="db-admin")
    shown(pages, guest)
    page = guest.get("/device/ask").text
    assert "the role <strong>db-admin</strong> alone" in page and "of ssh as you" not in page


@pytest.mark.parametrize("path", ["/device", "/device?code=BCDF-GHJK", "/device?user_code=BCDF-GHJK&code=x&code=y"])
def test_no_code_comes_by_a_link(pages: PagesServer, guest: httpx2.Client, path: str) -> None:
    """RFC 8628 section 5.4, CVE-2026-33757: whoever sends the link must not have typed it for the person."""
    answer = guest.get(path)
    assert answer.status_code == 200 and pages.played.did == []
    assert "BCDF" not in answer.text and "value=" not in answer.text


def test_the_cookie_is_a_browser_s_secret_and_made_once(guest: httpx2.Client) -> None:
    first = guest.get("/device").headers["set-cookie"]
    assert re.fullmatch(
        r"__Host-daypass=[A-Za-z0-9_-]{43}; Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Lax", first
    )
    assert "set-cookie" not in guest.get("/device").headers
    guest.cookies.clear()
    assert guest.get("/device").headers["set-cookie"] != first


def test_a_browser_that_is_busy_gets_a_new_secret_for_the_next_code(pages: PagesServer, guest: httpx2.Client) -> None:
    first = shown(pages, guest)
    second = shown(pages, guest, OTHER)
    assert first != second
    secrets = {each[2] for each in pages.played.did}
    assert len(secrets) == 2
    stale = submit(pages, guest, "/device/confirm", request=first, answer="yes")  # the other tab
    assert stale.status_code == 409 and "typed last" in stale.text
    assert submit(pages, guest, "/device/confirm", request=second, answer="yes").status_code == 200


def test_the_page_that_asks_can_be_loaded_again_until_the_request_is_gone(
    pages: PagesServer, guest: httpx2.Client
) -> None:
    request = shown(pages, guest)
    assert request in guest.get("/device/ask").text
    pages.played.fail["typed"] = NotFound("this code is not known, or was used or has expired", code="device.code")
    gone = guest.get("/device/ask")
    assert gone.status_code == 404 and 'name="code"' in gone.text and CODE not in gone.text


@pytest.mark.parametrize("value", ["", "*", "_w", "QkNERi1YWFhY"])
def test_a_page_that_asks_without_a_code_typed_here_is_the_form(
    pages: PagesServer, guest: httpx2.Client, value: str
) -> None:
    cookies = f"{guest.get('/device').headers['set-cookie'].partition(';')[0]}; __Host-daypass-code={value}"
    answer = guest.get("/device/ask", headers={"cookie": cookies})
    assert answer.status_code == 404 and 'name="code"' in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, 404),
        (Throttled("too many wrong codes", code="device.pace", retry_after=30), 429),
        (NotFound(HOSTILE, code="device.code"), 404),
    ],
)
def test_a_wrong_code_is_told_on_the_form(pages: PagesServer, guest: httpx2.Client, error: Any, status: int) -> None:
    pages.play(fail={"typed": error} if error else {})
    guest.get("/device")
    answer = submit(pages, guest, "/device", code="XXXX-XXXX")
    assert answer.status_code == status and 'role="alert"' in answer.text and 'name="code"' in answer.text
    assert "<script" not in answer.text and "XXXX" not in answer.text


def test_everything_that_others_wrote_is_inert(pages: PagesServer, guest: httpx2.Client) -> None:
    """CVE-2026-33758."""
    what = asked(machine=HOSTILE, address=HOSTILE, fingerprint=HOSTILE, provider=HOSTILE)
    done = DeviceDone(HOSTILE, int(time.time()) + 60, HOSTILE)
    pages.play(what=what, done=done, url="https://id.example.com/?x=<script>\"'")
    guest.get("/device")
    submit(pages, guest, "/device", code=CODE)
    answers = [guest.get("/device/ask")]
    request = re.search(r'name="request" value="(.*?)"', answers[0].text)
    assert request
    answers.append(submit(pages, guest, "/device/confirm", request=request[1], answer="yes"))
    guest.get("/device/callback?code=x")
    answers.append(guest.get("/device/done"))
    pages.play(fail={"callback": Denied(HOSTILE * 40, code="x", hint=HOSTILE * 40)})
    guest.get("/device/callback?code=x")
    answers.append(guest.get("/device/done"))
    for answer in answers:
        assert "<script" not in answer.text and "\x00" not in answer.text and "\u202e" not in answer.text
        assert "&lt;script&gt;" in answer.text or "%3Cscript" in answer.text


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (Denied("no role is for alice@example.com", code="policy.no-role", hint="groups: none"), True),
        (Unavailable("the identity provider did not answer", code="oidc.down"), True),
        (Unauthenticated("this answer does not belong to this browser", code="device.state"), False),
        (NotFound("no sign-in is waiting here", code="device.gone"), False),
    ],
)
def test_a_refusal_is_told_in_the_terminal_s_words_and_leaves_no_code_in_the_address(
    pages: PagesServer, guest: httpx2.Client, error: Any, heard: bool
) -> None:
    pages.play(fail={"callback": error})
    guest.get("/device")
    back = guest.get("/device/callback?code=the-code&state=s")
    assert (back.status_code, back.headers["location"]) == (303, "/device/done")
    page = guest.get("/device/done")
    assert page.status_code == 403
    assert error.message[1:] in page.text and (error.hint or "")[1:] in page.text
    assert ("The terminal is told too" in page.text) is heard


def test_what_is_the_ca_s_own_fault_is_in_its_log_and_not_on_the_page(
    pages: PagesServer, guest: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    pages.play(fail={"callback": Misconfigured("the pages are wrong")})
    guest.get("/device")
    guest.get("/device/callback?code=the-code&state=s")
    assert "the pages are wrong" in caplog.text and "the-code" not in caplog.text
    pages.play(fail={"typed": RuntimeError("secret inside")})
    answer = submit(pages, guest, "/device", code=CODE)
    assert answer.status_code == 500 and "secret inside" not in answer.text and "request id" in answer.text


def test_a_request_that_expired_under_the_question_leads_back_to_the_form(
    pages: PagesServer, guest: httpx2.Client
) -> None:
    request = shown(pages, guest)
    gone = NotFound(
        "no sign-in is waiting here: it has expired, or was answered", code="device.gone", hint="start anew"
    )
    pages.played.fail["answer"] = gone
    for answer in ("yes", "no"):
        page = submit(pages, guest, "/device/confirm", request=request, answer=answer)
        assert page.status_code == 404 and "it has expired" in page.text and 'href="/device"' in page.text


def test_a_callback_without_the_cookie_is_nobody_s(pages: PagesServer, guest: httpx2.Client) -> None:
    """An answer that somebody else's sign-in yielded, sent as a link (login CSRF)."""
    back = guest.get("/device/callback?code=stolen&state=s")
    assert back.headers["location"] == "/device/done" and pages.played.did == []
    assert "another browser" in guest.get("/device/done").text


def test_a_page_loaded_again_while_its_answer_is_dealt_with_waits_for_that(
    pages: PagesServer, guest: httpx2.Client
) -> None:
    guest.get("/device")
    played = pages.play()
    callback, busy = played.callback, [Conflict("just being dealt with", code="device.busy")] * 2

    async def later(browser: str, fields: Any, path: str) -> DeviceDone:
        if busy:
            raise busy.pop()
        return await callback(browser, fields, path)

    played.callback = later  # type: ignore[method-assign]
    try:
        guest.get("/device/callback?code=x&state=s")
    finally:
        del played.callback
    assert "Signed in as alice" in guest.get("/device/done").text


TOLD = [
    "garbage", "e30", "bnVsbA", "W10", "eyJsb2dpbiI6N30", urlsafe_b64encode(b"\xff\xfe").decode().rstrip("="),
]  # fmt: skip


@pytest.mark.parametrize("value", TOLD)
def test_a_last_page_that_nobody_is_told_goes_back_to_the_start(guest: httpx2.Client, value: str) -> None:
    answer = guest.get("/device/done", headers={"cookie": f"__Host-daypass-told={value}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/device")
