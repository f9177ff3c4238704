"""Every route of a sign-in on another device in every state, on a whole CA (the other routes: test_access.py)."""

from __future__ import annotations

import os
import re
import ssl
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.ca.elsewhere import at_provider
from tests.server.company import PAGES, Company, b64, bound
from tests.server.kit import CA_ID, key

from daypass.api import ROUTES, Route
from daypass.wire import Certificate, SshSignature, sign_blob, sshsig
from daypass.wire.binding import DEVICE_NAMESPACE, device_message

# A machine without a browser shows a proof by its key, or its secret code; no token of anybody's.
DEVICE_ROUTES = {
    "device_start": {"nothing": 400, "a token": 400, "no proof": 401, "another's key": 401, "a proof": 201},
    "device_poll": {"nothing": 400, "a token": 401, "no proof": 401, "another's key": 401, "a proof": 200},
}
# A browser: without its cookie, with one that no code was typed in, with one that has a request; then as another
# site would do it, and on the bare port as a script would.
PAGE_ROUTES = {
    "device_page": {"no cookie": 200, "a new cookie": 200, "typed": 200, "from elsewhere": 200, "a script": 200},
    "device_code": {"no cookie": 400, "a new cookie": 404, "typed": 303, "from elsewhere": 403, "a script": 403},
    "device_ask": {"no cookie": 400, "a new cookie": 404, "typed": 200, "from elsewhere": 200, "a script": 200},
    "device_confirm": {"no cookie": 400, "a new cookie": 409, "typed": 303, "from elsewhere": 403, "a script": 403},
    "device_callback": {"no cookie": 303, "a new cookie": 303, "typed": 303, "from elsewhere": 303, "a script": 303},
    "device_callback_of": {
        "no cookie": 303,
        "a new cookie": 303,
        "typed": 303,
        "from elsewhere": 303,
        "a script": 303,
    },
    "device_done": {"no cookie": 303, "a new cookie": 303, "typed": 303, "from elsewhere": 303, "a script": 303},
}


@pytest.fixture
def browser(company: Company) -> Iterator[httpx2.Client]:
    """A browser of one person, cookies and all, at the pages' name."""
    context = ssl.create_default_context(cadata=company.root.pem)
    with httpx2.Client(base_url=company.url, verify=context, trust_env=False) as client:
        yield client


def named(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)


def asking(signer: Any = None, **changes: Any) -> tuple[Any, dict[str, Any]]:
    """A key, and the body that asks for a sign-in for it; `signer` signs in its place."""
    private, public = key()
    signer, salt, machine = signer or private, os.urandom(32), "alice@build-7"
    message = sshsig.to_be_signed(DEVICE_NAMESPACE, device_message(CA_ID, salt, machine))
    proof = SshSignature(public, DEVICE_NAMESPACE, "sha512", sign_blob(signer, message)).encode()
    body = {"public_key": b64(public.blob), "salt": b64(salt), "proof": b64(proof), "machine": machine}
    return public, body | changes


def begun(company: Company) -> tuple[Any, dict[str, Any]]:
    public, body = asking()
    answer = company.web.post("/v1/device", json=body)
    assert answer.status_code == 201, answer.text
    return public, answer.json()


@pytest.mark.parametrize("state", DEVICE_ROUTES["device_start"])
@pytest.mark.parametrize("name", DEVICE_ROUTES)
def test_a_machine_is_heard_by_its_proof_or_its_secret_alone(company: Company, name: str, state: str) -> None:
    public, honest = asking()
    token = bound(company, public, b64decode(honest["salt"]))
    shown: dict[str, dict[str, Any]] = {
        "nothing": {},
        "a token": {"publicKey": honest["public_key"], "ott": token, "device_code": token},
        "no proof": honest | {"proof": "", "device_code": ""},
        "another's key": asking(signer=key()[0])[1] | {"device_code": "x" * 43},
        "a proof": honest | {"device_code": begun(company)[1]["device_code"]},
    }
    answer = company.web.post(named(name).path, json=shown[state])
    assert answer.status_code == DEVICE_ROUTES[name][state], answer.text
    assert token not in answer.text


def in_state(company: Company, browser: httpx2.Client, state: str) -> dict[str, str]:
    """Brings the browser there; gives the fields of an honest form."""
    _, told = begun(company)
    fields = {"code": told["user_code"], "request": "0" * 64, "answer": "no"}
    if state in ("a new cookie", "typed", "from elsewhere", "a script"):
        browser.get("/device")
    if state in ("typed", "from elsewhere", "a script"):
        submit(browser, "/device", code=told["user_code"])
        page = browser.get("/device/ask")
        found = re.search('name="request" value="([0-9a-f]{64})"', page.text)
        assert found, page.text
        fields["request"] = found[1]
    if state == "a new cookie":
        fields["code"] = "ZZZZ-ZZZZ"
    return fields


def submit(browser: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    return browser.post(path, data=fields, headers={"origin": PAGES, "sec-fetch-site": "same-origin"})


HEADERS = {
    "from elsewhere": {"origin": "https://evil.example.com", "sec-fetch-site": "cross-site"},
    "a script": {},
}


@pytest.mark.parametrize("state", PAGE_ROUTES["device_page"])
@pytest.mark.parametrize("name", PAGE_ROUTES)
def test_a_page_does_only_what_its_own_form_asks(
    company: Company, browser: httpx2.Client, name: str, state: str
) -> None:
    route, fields = named(name), in_state(company, browser, state)
    if route.body is not None:
        wanted = {field.name: fields[field.name] for field in msgspec.structs.fields(route.body)}
        headers = HEADERS.get(state, {"origin": PAGES})
        answer = browser.post(route.path, data=wanted, headers=headers)
    else:
        answer = browser.get(route.path)
    assert answer.status_code == PAGE_ROUTES[name][state], answer.text


def test_a_person_elsewhere_signs_in_and_the_machine_gets_the_certificate_of_its_own_key(
    company: Company, browser: httpx2.Client
) -> None:
    """Real heart, real provider; only the browser is played, as Chromium is in e2e/test_device.py."""
    public, told = begun(company)
    browser.get("/device")
    submit(browser, "/device", code=told["user_code"].lower())
    page = browser.get("/device/ask")
    request = re.search('name="request" value="([0-9a-f]{64})"', page.text)
    assert request and public.fingerprint in page.text and "alice@build-7" in page.text
    going = submit(browser, "/device/confirm", request=request[1], answer="yes")
    url = re.search('content="0;url=([^"]+)"', going.text)
    assert url
    fields = company.wait(at_provider(url[1].replace("&amp;", "&"), "alice"))
    back = browser.get("/device/callback", params=fields)
    assert (back.status_code, back.headers["location"]) == (303, "/device/done")
    assert "Signed in as alice" in browser.get("/device/done").text
    company.heart.clock.later += told["interval"]
    answer = company.web.post("/v1/device/poll", json={"device_code": told["device_code"]})
    assert answer.status_code == 200 and answer.json()["state"] == "issued"
    certificate = Certificate.parse(b64decode(answer.json()["crt"]))
    certificate.verify_signature()
    assert certificate.public_key == public
