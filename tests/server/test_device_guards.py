"""What surrounds the pages: headers, and whose forms, methods, addresses and sizes count."""

from __future__ import annotations

import httpx2
import pytest
from tests.server.devices import CODE, PagesServer, asked, shown, submit


@pytest.mark.parametrize("path", ["/device", "/device/done", "/device/callback?code=x&code=y"])
def test_every_page_keeps_to_itself(guest: httpx2.Client, path: str) -> None:
    guest.get("/device/callback?state=x")
    headers = guest.get(path).headers
    policy = headers["content-security-policy"]
    for rule in ("default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "script" not in policy and "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "same-origin"
    assert headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/device", "/device/confirm"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "null"}, {"origin": "https://evil.example.com"}, {"sec-fetch-site": "same-site"}],
    ids=str,
)
def test_a_form_of_another_site_does_nothing(
    pages: PagesServer, guest: httpx2.Client, path: str, headers: dict[str, str]
) -> None:
    request = shown(pages, guest)
    before = list(pages.played.did)
    fields = {"code": CODE} if path == "/device" else {"request": request, "answer": "yes"}
    answer = guest.post(path, data=fields, headers=headers)
    assert answer.status_code == 403 and pages.played.did == before


@pytest.mark.parametrize("path", ["/device", "/device/confirm"])
def test_a_form_without_the_cookie_does_nothing(pages: PagesServer, guest: httpx2.Client, path: str) -> None:
    fields = {"code": CODE} if path == "/device" else {"request": "0" * 64, "answer": "yes"}
    answer = submit(pages, guest, path, **fields)
    assert answer.status_code == 400 and "cookie" in answer.text and pages.played.did == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"answer": "yes"}, 400),
        ({"request": ""}, 400),
        ({"request": "0" * 64, "answer": "yes"}, 409),
        ({"request": "é", "answer": "yes"}, 409),
        ({"request": "REQUEST", "answer": "maybe"}, 400),
        ({"request": "REQUEST", "answer": ""}, 400),
        ({"request": "REQUEST", "answer": "yes", "code": "x"}, 400),
    ],
)
def test_an_answer_that_our_page_did_not_send_does_nothing(
    pages: PagesServer, guest: httpx2.Client, fields: dict[str, str], status: int
) -> None:
    request = shown(pages, guest)
    filled = {name: request if value == "REQUEST" else value for name, value in fields.items()}
    assert submit(pages, guest, "/device/confirm", **filled).status_code == status
    assert [each[0] for each in pages.played.did] == ["typed", "typed"]


@pytest.mark.parametrize("path", ["/device", "/device/ask", "/device/confirm", "/device/callback", "/device/done"])
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "POST"])
def test_another_method_is_not_allowed(pages: PagesServer, guest: httpx2.Client, path: str, method: str) -> None:
    """HEAD among them: what only looks at a link must not spend the code in it."""
    if method == "POST" and path in ("/device", "/device/confirm"):
        return
    guest.get("/device")
    answer = guest.request(method, path + "?code=x&state=s")
    assert answer.status_code == 405 and pages.played.did == []


def test_a_body_over_the_limit_is_a_page_that_says_so(pages: PagesServer, guest: httpx2.Client) -> None:
    guest.get("/device")
    answer = submit(pages, guest, "/device", code="x" * 70_000)
    assert answer.status_code == 413 and "<h1>" in answer.text


def test_the_addresses_shown_are_those_that_our_proxy_tells(pages: PagesServer, guest: httpx2.Client) -> None:
    pages.play(what=asked(address="198.51.100.1"))
    guest.get("/device")
    headers = {"origin": pages.url, "x-forwarded-for": "1.1.1.1, 198.51.100.1"}
    guest.post("/device", data={"code": CODE}, headers=headers)
    answer = guest.get("/device/ask", headers=headers)
    assert "198.51.100.1" in answer.text and "1.1.1.1" not in answer.text and "another network" not in answer.text
    assert pages.played.did[0][3] == "198.51.100.1"


def test_another_network_is_warned_of(pages: PagesServer, guest: httpx2.Client) -> None:
    guest.get("/device")
    submit(pages, guest, "/device", code=CODE)
    answer = guest.get("/device/ask")
    assert "203.0.113.9" in answer.text and "127.0.0.1" in answer.text and "another network" in answer.text


def test_nothing_secret_is_in_a_log(
    pages: PagesServer, guest: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    request = shown(pages, guest)
    submit(pages, guest, "/device/confirm", request=request, answer="yes")
    guest.get("/device/callback?code=the-code&state=the-state")
    guest.post("/v1/device/poll", json={"device_code": "device-code"})
    browser = pages.played.did[0][2]
    told = "\n".join(each for each in caplog.text.splitlines() if "httpx" not in each and "httpcore" not in each)
    for secret in (CODE, browser, "the-code", "the-state", "device-code"):
        assert secret not in told
    assert "path=/device/callback status=303" in told
