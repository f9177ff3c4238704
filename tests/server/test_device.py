"""Sign-ins on another device, as HTTP: which answer leaves for which request, with what around it."""

from __future__ import annotations

import ssl
from base64 import b64encode
from typing import Any

import httpx2
import pytest
from tests.server.devices import CODE, ISSUED, PagesServer
from tests.server.kit import CA_ID, key

from daypass.ca.device import DeviceAsk, DevicePolled, Progress
from daypass.errors import Denied, Throttled, Unauthenticated
from daypass.wire import SshSignature, sign_blob, sshsig
from daypass.wire.binding import DEVICE_NAMESPACE, POSSESSION_NAMESPACE, device_message

SALT = bytes(range(32))


def asking(**changes: Any) -> dict[str, Any]:
    """The body of POST /v1/device; `signed` replaces what the key signs."""
    private, public = key()
    machine, namespace = changes.pop("machine", "alice@build-7"), changes.pop("namespace", DEVICE_NAMESPACE)
    message = changes.pop("signed", device_message(CA_ID, SALT, machine))
    signature = sign_blob(private, sshsig.to_be_signed(namespace, message))
    proof = SshSignature(public, namespace, "sha512", signature).encode()
    body = {"public_key": public.blob, "salt": SALT, "proof": proof, "machine": machine} | changes
    return {name: b64encode(value).decode() if isinstance(value, bytes) else value for name, value in body.items()}


def test_a_machine_that_proves_its_key_gets_two_codes_and_the_page(pages: PagesServer, guest: httpx2.Client) -> None:
    answer = guest.post("/v1/device", json=asking(provider="corp", lifetime=3600))
    assert answer.status_code == 201
    assert answer.json() == {
        "device_code": "device-code", "user_code": CODE, "page": f"{pages.url}/device", "interval": 5,
        "expires_in": 600,
    }  # fmt: skip
    ((_, ask, address),) = pages.played.did
    assert isinstance(ask, DeviceAsk) and address == "127.0.0.1"
    assert (ask.salt, ask.machine, ask.provider, ask.lifetime) == (SALT, "alice@build-7", "corp", 3600)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"signed": b"something else"}, 401),
        ({"signed": device_message(bytes(32), SALT, "alice@build-7")}, 401),  # another CA
        ({"signed": device_message(CA_ID, bytes(32), "alice@build-7")}, 401),  # another salt
        ({"signed": device_message(CA_ID, SALT, "root@build-7")}, 401),  # another name than the person sees
        ({"namespace": POSSESSION_NAMESPACE}, 401),
        ({"public_key": key()[1].blob}, 401),
        ({"public_key": b""}, 400),
        ({"public_key": b"ssh-ed25519"}, 400),
        ({"proof": b""}, 401),
        ({"proof": b"SSHSIG"}, 401),
        ({"salt": "*"}, 400),
        ({"lifetime": "1h"}, 400),
    ],
)
def test_a_machine_that_does_not_prove_it_gets_none(
    pages: PagesServer, guest: httpx2.Client, changes: Any, status: int
) -> None:
    answer = guest.post("/v1/device", json=asking(**changes))
    assert answer.status_code == status, answer.text
    assert pages.played.did == []


@pytest.mark.parametrize(
    ("polled", "told"),
    [
        (DevicePolled(Progress.WAITING), {"state": "waiting"}),
        (DevicePolled(Progress.SEEN), {"state": "seen"}),
        (
            DevicePolled(Progress.ISSUED, ISSUED),
            {
                "state": "issued",
                "crt": b64encode(ISSUED.certificate).decode(),
                "bundle": {"document": "{}", "signature": "for laptops"},
            },
        ),
    ],
)
def test_a_poll_tells_how_far_it_is(pages: PagesServer, guest: httpx2.Client, polled: Any, told: Any) -> None:
    pages.play(polled=polled)
    answer = guest.post("/v1/device/poll", json={"device_code": "device-code"})
    assert (answer.status_code, answer.json()) == (200, told)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Denied("the person said no", code="device.denied", hint="ask them"), 403),
        (Unauthenticated("this sign-in has expired", code="device.expired"), 401),
        (Throttled("too fast", code="device.pace", retry_after=5), 429),
    ],
)
def test_a_refusal_is_an_error_with_the_words_for_the_terminal(
    pages: PagesServer, guest: httpx2.Client, error: Any, status: int
) -> None:
    pages.play(fail={"poll": error})
    answer = guest.post("/v1/device/poll", json={"device_code": "x"})
    assert (answer.status_code, answer.json()["message"], answer.json()["code"]) == (
        status,
        error.message,
        error.code,
    )
    assert answer.headers.get("retry-after") == ("5" if status == 429 else None)


def test_a_ca_without_pages_takes_no_such_sign_ins(server: Any) -> None:
    context = ssl.create_default_context(cadata=server.root.pem)
    with httpx2.Client(base_url=server.url, verify=context, trust_env=False) as plain:
        assert plain.post("/v1/device", json=asking()).json()["code"] == "device.off"
        assert plain.post("/v1/device/poll", json={"device_code": "x"}).status_code == 404
        for path in ("/device", "/device/callback", "/device/done"):
            answer = plain.get(path)
            assert answer.status_code in (404, 303) and "set-cookie" not in answer.headers


def test_the_address_it_asks_from_is_what_our_proxy_tells(pages: PagesServer, guest: httpx2.Client) -> None:
    guest.post("/v1/device", json=asking(), headers={"x-forwarded-for": "1.1.1.1, 198.51.100.1"})
    assert pages.played.did[-1][2] == "198.51.100.1"


def test_the_document_tells_forms_from_json() -> None:
    from daypass.server import openapi

    operation = openapi.document()["paths"]["/device"]["post"]
    assert list(operation["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert list(operation["responses"]["303"]["content"]) == ["text/html"]
    assert "DeviceStarted" in str(openapi.document()["paths"]["/v1/device"])
