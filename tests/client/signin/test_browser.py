"""The loopback listener: one answer, ours, once; everything else is turned away and nothing is left behind."""

from __future__ import annotations

import errno
import socket
import threading
import time
import webbrowser
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2
import pytest

from daypass.client.signin import browser, loopback, pages
from daypass.client.signin.browser import Answer, Listener
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from tests.parts.processes import free_port

ISSUER = "https://idp.example.com"
HONEST = {"code": "the-code", "state": "the-state", "iss": ISSUER}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(state="the-state", issuer=ISSUER, require_issuer=True) as running:
        yield running


def ask(listener: Listener, path: str = "/callback", **query: str) -> httpx2.Response:
    url = f"http://{listener.authority}{path}" + (f"?{urlencode(query)}" if query else "")
    return httpx2.get(url, trust_env=False)


def test_the_answer_is_taken_and_leaves_no_trace_in_the_address(listener: Listener) -> None:
    answer = ask(listener, **HONEST)
    assert (answer.status_code, answer.headers["location"]) == (303, "/done")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert listener.wait(30) == Answer("the-code")


def test_the_code_is_never_shown() -> None:
    assert "the-code" not in repr(Answer("the-code"))


def test_a_second_answer_is_refused_and_changes_nothing(listener: Listener) -> None:
    ask(listener, **HONEST)
    again = ask(listener, **{**HONEST, "code": "another"})
    assert again.status_code == 410
    assert listener.wait(30) == Answer("the-code")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"code": "x"},
        {"code": "x", "state": ""},
        {"code": "x", "state": "wrong"},
        {"code": "x", "state": "the-state "},
        {"code": "x", "state": "thé-state"},
        {"error": "access_denied", "state": "wrong"},
    ],
)
def test_without_the_right_state_nothing_counts(query: dict[str, str], listener: Listener) -> None:
    assert ask(listener, **query).status_code == 400
    ask(listener, **HONEST)
    assert listener.wait(30) == Answer("the-code")


@pytest.mark.parametrize(
    "query", ["code=a&code=b&state=the-state", "state=the-state&state=the-state&code=a", "&" * 99]
)
def test_a_field_that_stands_twice_makes_no_answer(query: str, listener: Listener) -> None:
    """RFC 6749 section 3.1: parameters must not be included more than once."""
    assert httpx2.get(f"http://{listener.authority}/callback?{query}", trust_env=False).status_code == 400


@pytest.mark.parametrize("path", ["/", "/callback/", "/Callback", "/done", "/favicon.ico"])
def test_another_path_is_not_found(path: str, listener: Listener) -> None:
    assert ask(listener, path, **HONEST).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_only_get_is_answered(method: str, listener: Listener) -> None:
    url = f"http://{listener.authority}/callback?{urlencode(HONEST)}"
    assert httpx2.request(method, url, trust_env=False).status_code == 405
    ask(listener, **HONEST)
    assert listener.wait(30) == Answer("the-code")


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1", "localhost:1", "[::1]:80", ""])
def test_a_foreign_host_name_that_points_to_loopback_is_refused(host: str, listener: Listener) -> None:
    """DNS rebinding: a page of anyone's could otherwise talk to us under its own origin."""
    answer = httpx2.get(
        f"http://{listener.authority}/callback?{urlencode(HONEST)}", headers={"Host": host}, trust_env=False
    )
    assert answer.status_code in (400, 404)
    assert not listener._arrived.is_set()


@pytest.mark.parametrize("iss", [None, "", "https://idp.example.com/", "https://evil.example.com"])
def test_an_answer_by_another_issuer_is_a_mix_up(iss: str | None, listener: Listener) -> None:
    """RFC 9207 section 2.4."""
    query = {name: value for name, value in {**HONEST, "iss": iss}.items() if value is not None}
    ask(listener, **query)
    with pytest.raises(Unauthenticated) as caught:
        listener.wait(1)
    assert caught.value.code == "wrong-issuer"


def test_a_provider_that_never_sends_iss_may_leave_it_out() -> None:
    with Listener(state="s", issuer=ISSUER, require_issuer=False) as listener:
        ask(listener, code="c", state="s")
        assert listener.wait(30) == Answer("c")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ("access_denied", Denied, "provider.access_denied"),
        ("temporarily_unavailable", Unavailable, "provider.temporarily_unavailable"),
        ("invalid_scope", Misconfigured, "provider.invalid_scope"),
        ("<script>", Misconfigured, "provider.script"),
    ],
)
def test_what_the_provider_says_instead_is_an_error_of_the_right_kind(
    error: str, kind: type[DaypassError], code: str, listener: Listener
) -> None:
    ask(listener, error=error, error_description="no entry", state="the-state", iss=ISSUER)
    with pytest.raises(kind, match="no entry") as caught:
        listener.wait(1)
    assert caught.value.code == code


def test_hostile_error_text_is_inert_on_the_page(listener: Listener) -> None:
    """CVE-2026-33758: script in error_description ran in the login page."""
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\x00\x1b[2J" + "A" * 5000
    ask(listener, error="access_denied", error_description=hostile, state="the-state", iss=ISSUER)
    with pytest.raises(Denied) as caught:
        listener.wait(1)
    listener.finish(pages.failed(caught.value.message, caught.value.hint, "<b>Corp</b>"), seconds=0)
    page = ask(listener, "/done")
    assert page.status_code == 403
    assert not any(each in page.text for each in ("<script", "<img", "<b>", "\x00", "\x1b"))
    assert "&lt;script&gt;" in page.text
    assert len(page.text) < 6000


def test_every_page_has_the_headers_that_keep_it_alone(listener: Listener) -> None:
    for path in ("/callback", "/nowhere", "/done"):
        headers = ask(listener, path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; base-uri 'none'; form-action 'none'"
        )
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_the_browser_waits_for_how_it_ended(listener: Listener) -> None:
    ask(listener, **HONEST)
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(ask(listener, "/done").text))
    waiting.start()
    time.sleep(0.05)
    assert not found
    listener.finish(pages.signed_in("alice", "Mon 21:04 CET", "Example Corp"))
    waiting.join(5)
    assert "Signed in as alice" in found[0]


def test_spare_connections_and_a_spamming_process_do_not_keep_the_person_out(listener: Listener) -> None:
    """Chromium opens connections it never uses; another process can open as many as it likes."""
    address = ("127.0.0.1", int(listener.authority.rpartition(":")[2]))
    spare = [socket.create_connection(address) for _ in range(40)]
    try:
        for _ in range(50):
            assert ask(listener, code="guess", state="guess").status_code == 400
        ask(listener, **HONEST)
        assert listener.wait(30) == Answer("the-code")
    finally:
        for connection in spare:
            connection.close()


def test_connections_that_say_nothing_do_not_take_every_place(listener: Listener) -> None:
    """Another user of the machine may open as many as the listener serves, and leave them open."""
    address = ("127.0.0.1", int(listener.authority.rpartition(":")[2]))
    idle = [socket.create_connection(address) for _ in range(200)]
    try:
        ask(listener, **HONEST)
        assert listener.wait(30) == Answer("the-code")
    finally:
        for connection in idle:
            connection.close()


def test_the_oldest_idle_connection_makes_room(listener: Listener) -> None:
    """So that another local user can't have us keep a thread and a descriptor for each of thousands."""
    host, _, port = listener.authority.partition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(loopback._MAX_CONNECTIONS + 1)]
    try:
        idle[0].settimeout(5)
        assert idle[0].recv(1) == b""
        idle[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            idle[-1].recv(1)
    finally:
        for connection in idle:
            connection.close()


def test_nobody_shares_the_port(listener: Listener) -> None:
    """SO_REUSEADDR lets a second program listen at the same address on Windows, and take the answer; not on Linux."""
    for server in listener._servers._servers:
        with socket.socket(server.address_family) as second, pytest.raises(OSError, match="in use"):
            second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            second.bind(server.server_address)
            second.listen()


@pytest.mark.parametrize(
    "said", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /" + b"a" * 70000, b"GET / HTTP/9\r\n\r\n"]
)
def test_noise_on_the_socket_harms_nothing(
    said: bytes, listener: Listener, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", int(listener.authority.rpartition(":")[2]))) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:
            answer = b""
        assert b"aaaa" not in answer
    ask(listener, **HONEST)
    assert listener.wait(30) == Answer("the-code")
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_loopback_only_and_closes_in_the_end() -> None:
    with Listener(state="s", issuer=ISSUER, require_issuer=False) as listener:
        assert listener._servers.addresses == ("127.0.0.1",)
        port = int(listener.authority.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_localhost_is_listened_to_on_both_of_its_addresses() -> None:
    """A browser may try either first."""
    with Listener(state="s", issuer=ISSUER, require_issuer=False, host="localhost") as listener:
        port = listener.authority.rpartition(":")[2]
        for address in ("127.0.0.1", "[::1]"):
            answer = httpx2.get(
                f"http://{address}:{port}/callback", headers={"Host": listener.authority}, trust_env=False
            )
            assert answer.status_code == 400
        httpx2.get(
            f"http://[::1]:{port}/callback?code=c&state=s", headers={"Host": listener.authority}, trust_env=False
        )
        assert listener.wait(30) == Answer("c")


def test_a_port_that_somebody_else_has_on_one_of_the_addresses_is_not_taken() -> None:
    """A browser that tries that address first would hand the answer to them."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        ports = (taken.getsockname()[1], free_port())
        with Listener(state="s", issuer=ISSUER, require_issuer=False, host="localhost", ports=ports) as listener:
            assert listener.redirect_uri == f"http://localhost:{ports[1]}/callback"


def test_a_machine_without_one_of_the_two_uses_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Only6(loopback.Server):
        def __init__(self, responder: loopback.Responder, address: str, port: int) -> None:
            if address == "127.0.0.1":
                raise OSError(errno.EADDRNOTAVAIL, "no such address")
            super().__init__(responder, address, port)

    monkeypatch.setattr(loopback, "Server", Only6)
    with Listener(state="s", issuer=ISSUER, require_issuer=False, host="localhost") as listener:
        assert listener._servers.addresses == ("::1",)


LOADED = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", LOADED)
def test_an_answer_that_another_site_s_page_loads_does_not_count(headers: dict[str, str], listener: Listener) -> None:
    """Even with the right state: the answer comes by the browser going there (W3C Fetch Metadata)."""
    url = f"http://{listener.authority}/callback?{urlencode(HONEST)}"
    assert httpx2.get(url, headers=headers, trust_env=False).status_code == 400
    assert not listener._arrived.is_set()


def test_an_answer_that_the_browser_brings_from_the_provider_counts(listener: Listener) -> None:
    headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
    httpx2.get(f"http://{listener.authority}/callback?{urlencode(HONEST)}", headers=headers, trust_env=False)
    assert listener.wait(30) == Answer("the-code")


def test_a_provider_that_insists_on_ports_gets_the_first_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = (taken.getsockname()[1], free_port())
        with Listener(state="s", issuer=ISSUER, require_issuer=False, host="localhost", ports=ports) as listener:
            assert listener.redirect_uri == f"http://localhost:{ports[1]}/callback"
        with pytest.raises(Misconfigured, match="no port is free"):
            Listener(state="s", issuer=ISSUER, require_issuer=False, ports=ports[:1])


def test_a_sign_in_right_after_another_has_the_same_port() -> None:
    """The server closes its connections first, so TCP keeps them for a minute."""
    ports = (free_port(),)
    for _ in range(2):
        with Listener(state=HONEST["state"], issuer=ISSUER, require_issuer=False, ports=ports) as listener:
            url = f"http://{listener.authority}/callback?{urlencode(HONEST)}"
            httpx2.get(url, headers={"Connection": "keep-alive"}, trust_env=False)
            listener.wait(1)


def test_nobody_signing_in_ends_with_a_hint(listener: Listener) -> None:
    with pytest.raises(Unavailable) as caught:
        listener.wait(0.01)
    assert caught.value.code == "sign-in-timeout"


@pytest.mark.parametrize("error", [RuntimeError("no display"), Denied("wrong password")])
def test_a_browser_that_fails_ends_the_wait_at_once(error: Exception, listener: Listener) -> None:
    def broken(url: str) -> None:
        raise error

    listener.open(broken, "http://x")
    with pytest.raises(DaypassError) as caught:
        listener.wait(5)
    assert caught.value is error or isinstance(caught.value, Unavailable)


def test_without_a_browser_the_address_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    said: list[str] = []
    browser.open_in_browser("https://idp.example.com/authorize?x=1", said.append)
    assert "https://idp.example.com/authorize?x=1" in said[0]
