"""Forms, queries, cookies: what is not exactly what our pages send is refused, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.api import Decision, TypedCode
from daypass.errors import Denied, Invalid
from daypass.server.forms import COOKIE, SameOrigin, cookie, form_decoder, origin_of, query

PAGES = "https://login.example.com"
read_code, read_decision = form_decoder(TypedCode), form_decoder(Decision)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"code=BCDF-GHJK", "BCDF-GHJK"),
        (b"code=", ""),
        (b"code=a+b%26c%3D%C3%A9", "a b&c=é"),
        (b"code=%00%0a", "\0\n"),
        (b"code=a;code=b", "a;code=b"),  # `;` separates nothing (CVE-2021-23336)
    ],
)
def test_a_form_is_read(body: bytes, code: str) -> None:
    assert read_code(body) == TypedCode(code=code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"code",
        b"CODE=x",
        b"code=a&code=b",
        b"code=a&code=",
        b"code=a&more=b",
        b"code=a&",
        b"&code=a",
        b"code=a&&x",
        b"code=%ff",
        b"code=%ed%a0%80",
        "code=é".encode(),
        b"\xff\xfe",
        b'{"code":"a"}',
        b"&".join(b"f%d=1" % n for n in range(17)),
        b"code=a\r\nX: y&x",
        b"--boundary\r\nContent-Disposition: form-data; name=code\r\n\r\na",
    ],
)
def test_what_is_no_form_of_ours_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_code(body)
    assert caught.value.code == "page.form"


@given(st.binary(max_size=200))
def test_any_bytes_give_a_form_or_invalid(body: bytes) -> None:
    for read in (read_code, read_decision):
        try:
            read(body)
        except Invalid:
            continue


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (b"", {}),
        (b"code=a&state=b&iss=https%3A%2F%2Fid", {"code": "a", "state": "b", "iss": "https://id"}),
        (b"error=access_denied&error_description=", {"error": "access_denied", "error_description": ""}),
        (b"code=a&code=b", None),
        (b"code=a&state=b&state=b", None),
        (b"code=%ff", None),
        (b"code=\xc3\xa9", None),
        (b"code=" + b"a" * 8192, None),
        (b"&".join(b"f%d=1" % n for n in range(17)), None),
        (b"justaword", None),
    ],
)
def test_a_query_is_read_or_refused_whole(text: bytes, fields: dict[str, str] | None) -> None:
    if fields is not None:
        assert query({"query_string": text}) == fields
        return
    with pytest.raises(Invalid):
        query({"query_string": text})


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ([b"__Host-daypass=abc"], "abc"),
        ([b"a=b; __Host-daypass=abc; c=d"], "abc"),
        ([b"a=b", b"__Host-daypass=abc"], "abc"),
        ([], None),
        ([b"__Host-daypass="], None),
        ([b"__host-daypass=abc"], None),
        ([b"daypass=abc"], None),
        ([b"__Host-daypass=abc; __Host-daypass=abc"], None),
        ([b"__Host-daypass=abc", b"__Host-daypass=def"], None),
        ([b'__Host-daypass="abc"'], None),
        ([b"__Host-daypass=a b"], None),
        ([b"__Host-daypass=a,b"], None),
        ([b"__Host-daypass=\xff"], None),
        ([b"__Host-daypass=" + b"a" * 4000], None),
        ([b"x__Host-daypass=abc"], None),
    ],
)
def test_a_cookie_that_stands_there_once_and_could_be_ours_is_read(lines: list[bytes], value: str | None) -> None:
    assert cookie({"headers": [(b"cookie", line) for line in lines]}, COOKIE) == value


FORM = (b"content-type", b"application/x-www-form-urlencoded")
OWN = (b"origin", PAGES.encode())
SITE = (b"sec-fetch-site", b"same-origin")


def scope(*headers: tuple[bytes, bytes], method: str = "POST") -> dict[str, Any]:
    return {"method": method, "headers": list(headers)}


@pytest.mark.parametrize("headers", [(FORM, OWN), (FORM, SITE), (FORM, OWN, SITE)])
def test_a_form_from_our_own_page_passes(headers: Any) -> None:
    SameOrigin(PAGES)(scope(*headers))


@pytest.mark.parametrize(
    "headers",
    [
        (FORM,),
        (FORM, (b"origin", b"null")),
        (FORM, (b"origin", b"")),
        (FORM, (b"origin", b"https://evil.example.com")),
        (FORM, (b"origin", b"http://login.example.com")),
        (FORM, (b"origin", b"https://login.example.com:8443")),
        (FORM, (b"origin", b"https://login.example.com.evil.com")),
        (FORM, OWN, (b"origin", b"https://evil.example.com")),
        (FORM, (b"sec-fetch-site", b"cross-site")),
        (FORM, (b"sec-fetch-site", b"same-site")),
        (FORM, (b"sec-fetch-site", b"none")),
        (FORM, OWN, (b"sec-fetch-site", b"cross-site")),
        (FORM, (b"origin", b"null"), SITE),
        (FORM, (b"referer", b"https://login.example.com/device")),
    ],
)
def test_a_form_from_anywhere_else_is_denied(headers: Any) -> None:
    with pytest.raises(Denied) as caught:
        SameOrigin(PAGES)(scope(*headers))
    assert caught.value.code == "page.origin" and f"{PAGES}/device" in str(caught.value.hint)


@pytest.mark.parametrize("kind", [None, b"text/plain", b"application/json", b"multipart/form-data; boundary=x"])
def test_a_form_in_another_encoding_is_invalid(kind: bytes | None) -> None:
    given = [(b"content-type", kind)] if kind is not None else []
    with pytest.raises(Invalid):
        SameOrigin(PAGES)(scope(OWN, *given))


def test_a_link_may_come_from_anywhere() -> None:
    SameOrigin(PAGES)(scope((b"sec-fetch-site", b"cross-site"), method="GET"))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://login.example.com", "https://login.example.com"),
        ("https://login.example.com:443", "https://login.example.com"),
        ("https://login.example.com:8443/", "https://login.example.com:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_origin_is_spelt_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin
