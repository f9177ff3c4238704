"""Bodies a server must survive: too large, cut off, slow, not JSON, hostile."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx2
import pytest
from tests.server.kit import GOOD, Running, key, read_all, wait_for

from daypass.api import MAX_BODY, EnrolRequest, JoinTokenRequest, SshSignRequest
from daypass.errors import Invalid
from daypass.server import bodies

PUBLIC = key()[1]


def head(length: int | str, path: str = "/ssh/sign", extra: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{extra}\r\n".encode()


def refused(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.text.endswith("\n")
    body: dict[str, Any] = response.json()
    assert set(body) == {"status", "message", "code", "hint"}
    assert body["status"] == status
    return body


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "body.empty", "the request body is empty"),
        (b" \n", "body.empty", "the request body is empty"),
        (b"hello", "body.json", "the request body is not JSON"),
        (b'{"ott":"x"', "body.json", "the request body is not JSON"),
        (b'{"ott":"x"} trailing', "body.json", "the request body is not JSON"),
        (b'{"ott":"\xff\xfe"}', "body.json", "the request body is not JSON"),
        (b'{"ott":"\\ud800"}', "body.json", "the request body is not JSON"),
        (b'{"ott":"a\nb"}', "body.json", "the request body is not JSON"),
        (b'{"templateData":' + b"[" * 60000, "body.json", "the request body is not JSON"),
        (b'{"templateData":' + b'{"a":' * 12000, "body.json", "the request body is not JSON"),
        (b'{"nobody":' + b"[" * 30000 + b"]" * 30000 + b"}", "body.json", "the request body is not JSON"),
        (b"[]", "body.field", "the request body: expected an object, got a list"),
        (b"null", "body.field", "the request body: expected an object, got null"),
        (b'{"ott":1}', "body.field", "ott: expected a string, got a whole number"),
        (b'{"ott":null}', "body.field", "ott: expected a string, got null"),
        (b'{"validAfter":3600}', "body.field", "validAfter: expected a string, got a whole number"),
        (b'{"principals":"root"}', "body.field", "principals: expected a list, got a string"),
        (b'{"principals":["a",null]}', "body.field", "principals[1]: expected a string, got null"),
        (b'{"principals":{"0":"a"}}', "body.field", "principals: expected a list, got an object"),
        (b'{"publicKey":"%%%"}', "body.field", "publicKey is not standard base64"),
        (b'{"publicKey":[1]}', "body.field", "publicKey: expected base64 text, got a list"),
        (b'{"salt":true}', "body.field", "salt: expected base64 text or null, got true or false"),
        (b'{"identityCSR":{}}', "body.field", "identityCSR: expected a string or null, got an object"),
        (b'{"templateData":' + b"1" * 20000 + b"}", "body.field", "templateData: integer value out of range"),
    ],
    ids=lambda value: repr(value[:28]) if isinstance(value, bytes) else None,
)
def test_a_body_that_is_not_as_it_should_be_is_refused_in_words(
    web: httpx2.Client, content: bytes, code: str, message: str
) -> None:
    body = refused(web.post("/ssh/sign", content=content), 400)
    assert (body["code"], body["message"]) == (code, message)


@pytest.mark.parametrize(
    ("type_", "content", "message"),
    [
        (EnrolRequest, b"{}", "token is missing"),
        (EnrolRequest, b'{"token":"t"}', "keys is missing"),
        (EnrolRequest, b'{"token":"t","keys":[{"proof":""}]}', "keys[0].public_key is missing"),
        (JoinTokenRequest, b'{"name":"n","labels":{"a":1}}', "labels[...]: expected a string, got a whole number"),
        (JoinTokenRequest, b'{"name":"n","lifetime":1.5}', "lifetime: expected a whole number, got a number"),
        (SshSignRequest, b'{"proof":"A"}', "proof is not standard base64"),
    ],
)
def test_the_field_is_named_by_its_path(type_: type, content: bytes, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        bodies.decoder(type_)(content)
    assert caught.value.message == message


def test_a_refusal_does_not_repeat_what_was_sent(web: httpx2.Client) -> None:
    answer = web.post("/ssh/sign", json={"ott": "eyJsecret", "certType": 1, "keyID": "eyJsecret"})
    assert "eyJsecret" not in answer.text


def test_unknown_fields_are_ignored_and_the_media_type_does_not_matter(web: httpx2.Client) -> None:
    body = json.dumps({"publicKey": b64(PUBLIC.blob), "ott": GOOD, "somethingNew": {"a": [1]}})
    assert web.post("/ssh/sign", content=body, headers={"content-type": "text/plain"}).status_code == 201


@pytest.mark.parametrize("excess", [1, 3 * MAX_BODY])
def test_a_body_over_the_limit_is_refused_though_its_length_is_announced(web: httpx2.Client, excess: int) -> None:
    body = refused(web.post("/ssh/sign", content=b"x" * (MAX_BODY + excess)), 413)
    assert body["code"] == "too-large"
    assert web.get("/health").status_code == 200


def test_a_body_over_the_limit_is_refused_though_it_comes_in_pieces(web: httpx2.Client) -> None:
    refused(web.post("/ssh/sign", content=iter([b"x" * 4096] * 40)), 413)


def test_a_body_of_exactly_the_limit_is_read(web: httpx2.Client) -> None:
    filled = json.dumps({"ott": "", "keyID": ""}).encode()
    filled = filled.replace(b'"keyID": ""', b'"keyID": "' + b"x" * (MAX_BODY - len(filled)) + b'"')
    assert len(filled) == MAX_BODY
    assert refused(web.post("/ssh/sign", content=filled), 400)["message"] == "missing or empty publicKey"


def test_a_length_over_the_limit_is_refused_before_the_body_is_sent(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(head(MAX_BODY + 1, extra="Expect: 100-continue\r\n"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "99999999999999999999999", "5\r\nContent-Length: 6"])
def test_a_length_that_is_none_ends_the_connection(server: Running, length: str) -> None:
    answer = server.exchange(head(length) + b"{}")
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), answer
    assert b'"code":"http"' in answer


def test_a_body_that_comes_too_slowly_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    started = time.monotonic()
    answer = server.exchange(head(100) + b'{"ott"')
    assert time.monotonic() - started < 5
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer
    assert not server.heart.asked


def test_a_request_cut_off_harms_nobody(
    server: Running, web: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="daypass.access")
    for sent in (head(100) + b'{"ott"', head(100), b"POST /ssh/sign HT", b""):
        with server.connect() as connection:
            connection.sendall(sent)
    wait_for(lambda: sum("status=499" in record.getMessage() for record in caplog.records) == 2)
    assert web.get("/health").status_code == 200
    assert not server.heart.asked
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_client_that_leaves_while_it_is_decided_harms_nobody(server: Running, web: httpx2.Client) -> None:
    async def slow(request: Any, credential: Any) -> Any:
        await asyncio.sleep(0.2)
        return server.heart.granted(request)

    server.heart.answer = slow
    body = json.dumps({"publicKey": b64(PUBLIC.blob), "ott": GOOD}).encode()
    with server.connect() as connection:
        connection.sendall(head(len(body)) + body)
        wait_for(lambda: bool(server.heart.asked))
    assert web.get("/health").status_code == 200


def test_requests_in_one_packet_are_answered_in_order(server: Running) -> None:
    get = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    answer = server.exchange(get % (b"/health", b"") + get % (b"/version", b"Connection: close\r\n"))
    assert answer.index(b'"ok"') < answer.index(b'"0.1.0"')


def b64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_reading_stops_at_the_end(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert b'"ok"' in read_all(connection)
