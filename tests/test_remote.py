"""A CA from the outside: the whole API against a real server, and every way the way to it can fail."""

from __future__ import annotations

import http.server
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from daypass import api, remote
from daypass.errors import (
    Conflict,
    DaypassError,
    Denied,
    Internal,
    Invalid,
    Misconfigured,
    NotFound,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from daypass.remote import AdminRemote, Remote
from tests.parts.needs import need
from tests.parts.processes import wait_until
from tests.parts.x509 import make_leaf, make_root, pem
from tests.server.kit import GOOD, Double, Root, Running, key, possession, running

PRIVATE, PUBLIC = key()


@pytest.fixture(scope="module")
def of_module() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with running(Path(directory) / "admin.sock") as server:
            yield server


@pytest.fixture
def server(of_module: Running) -> Running:
    vars(of_module.heart).update(vars(Double()))
    return of_module


@pytest.fixture
def ca(server: Running) -> Iterator[Remote]:
    with Remote(server.url, server.root.pem) as found:
        yield found


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_every_answer_comes_back_in_its_type(server: Running, ca: Remote) -> None:
    server.heart.user = (PUBLIC,)
    assert ca.health() == api.Health("ok")
    assert ca.version() == api.Version("0.1.0")
    assert ca.ca().ca_id == server.heart.ca_id.hex()
    assert ca.trust() == api.Signed('{"type":"daypass-trust-v1"}', "signature")
    assert ca.ssh_roots() == api.SshRoots(userKey=[PUBLIC.blob])


def test_signing_uses_our_route_with_a_proof_and_step_s_without(
    server: Running, ca: Remote, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="daypass.access")
    plain = api.SshSignRequest(publicKey=PUBLIC.blob, ott=GOOD)
    proven = api.SshSignRequest(publicKey=PUBLIC.blob, ott=GOOD, salt=bytes(32), proof=possession(PRIVATE, GOOD))
    assert ca.sign(plain).crt == ca.sign(proven).crt == b"crt" + PUBLIC.blob

    def paths() -> list[str]:
        return [record.getMessage().split()[1] for record in caplog.records if record.name == "daypass.access"]

    wait_until(lambda: len(paths()) == 2, "the line that follows the answer")
    assert paths() == ["path=/ssh/sign", "path=/v1/ssh/sign"]
    assert server.heart.asked[1][1].possessed


def test_a_host_enrols(ca: Remote) -> None:
    entry = api.EnrolKey(public_key=PUBLIC.blob, proof=possession(PRIVATE, GOOD))
    answer = ca.enrol(api.EnrolRequest(token=GOOD, keys=[entry]))
    assert (answer.name, answer.certificates) == ("web-1.example.com", [b"crt" + PUBLIC.blob])


def test_an_answer_larger_than_a_page_of_it_arrives_whole(server: Running, ca: Remote) -> None:
    server.heart.document = "x" * 3_000_000
    entry = api.EnrolKey(public_key=PUBLIC.blob, proof=possession(PRIVATE, GOOD))
    assert len(ca.enrol(api.EnrolRequest(token=GOOD, keys=[entry])).bundle.document) == 3_000_000


@pytest.mark.parametrize(
    "kind",
    [Invalid, Unauthenticated, Denied, NotFound, Conflict, Throttled, Unavailable, Misconfigured, Internal],
)
def test_an_error_comes_out_as_it_went_in(server: Running, ca: Remote, kind: type[DaypassError]) -> None:
    def fail(_request: Any, _credential: Any) -> Any:
        raise kind("what happened", hint="what to do", retry_after=7)

    server.heart.answer = fail
    with pytest.raises(DaypassError) as caught:
        ca.sign(api.SshSignRequest(publicKey=PUBLIC.blob, ott=GOOD))
    found = caught.value
    assert type(found) is kind
    assert (found.message, found.code, found.hint) == ("what happened", kind.default_code, "what to do")
    assert found.retry_after == (7 if kind in (Throttled, Unavailable) else None)


# -- the root -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spell", [str, str.upper, lambda h: ":".join(h[at : at + 2] for at in range(0, 64, 2))])
def test_the_root_is_fetched_by_its_fingerprint(server: Running, spell: Callable[[str], str]) -> None:
    assert Remote(server.url, None).root_unverified(spell(server.root.fingerprint)) == server.root.pem


@pytest.mark.parametrize("fingerprint", ["", "ab", "g" * 64, "0" * 63, "0" * 65, "../" + "0" * 61])
def test_what_is_no_fingerprint_is_never_asked_for(server: Running, fingerprint: str) -> None:
    with pytest.raises(Invalid, match="not a root's fingerprint"):
        Remote(server.url, None).root_unverified(fingerprint)


def test_a_root_the_ca_does_not_know_is_not_found(server: Running) -> None:
    with pytest.raises(NotFound):
        Remote(server.url, None).root_unverified("0" * 64)


def test_another_root_in_its_place_is_refused() -> None:
    wanted, other = Root(), Root()
    for sent in (other.pem, "", "hello", wanted.pem + other.pem, wanted.pem[:-40], f"\n{wanted.pem}\nx", "{}"):
        with liar(json_of({"ca": sent})) as (url, _), pytest.raises(Unauthenticated, match="not the root with that"):
            Remote(url, None).root_unverified(wanted.fingerprint)


def test_a_pinned_root_is_needed_for_every_other_call(server: Running) -> None:
    unpinned = Remote(server.url, None)
    for call in (unpinned.health, unpinned.version, unpinned.ca, unpinned.trust, unpinned.ssh_roots):
        with pytest.raises(Misconfigured, match="no root of this CA is pinned"):
            call()
    with pytest.raises(Misconfigured, match="can't be read"):
        Remote(server.url, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n").health()


def test_only_the_pinned_root_is_believed_and_the_other_one_is_named(server: Running) -> None:
    with pytest.raises(Unavailable, match=r"not vouched for by the pinned root, but by CN=Test root") as caught:
        Remote(server.url, Root("Another root").pem).health()
    assert caught.value.code == "connection.untrusted"


def test_a_wrong_clock_is_told_from_a_stranger(tmp_path: Path) -> None:
    """A machine that has just booted often believes it is years ago, and then every certificate is wrong."""
    root, root_key = make_root()
    leaf, leaf_key = make_leaf(root, root_key, days=-0.001)
    (tmp_path / "leaf.pem").write_bytes(pem(leaf_key) + leaf.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.recv(1)

        threading.Thread(target=shake_hands, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable, match="by this machine's clock") as caught:
            Remote(url, root.public_bytes(Encoding.PEM).decode()).health()
    assert "timedatectl" in (caught.value.hint or "")


def test_the_system_s_roots_are_not_believed(
    server: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "roots.pem").write_text(server.root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    with pytest.raises(Unavailable, match="not vouched for"):
        Remote(server.url, Root().pem).health()


def test_the_name_in_the_url_must_be_the_certificate_s(server: Running) -> None:
    with tls_echo(server.root.leaf(("ca.example.com",), "127.0.0.9")) as port:
        with pytest.raises(Unavailable, match="the CA's certificate is not for https://127") as caught:
            Remote(f"https://127.0.0.1:{port}", server.root.pem).health()
        assert caught.value.code == "connection.name"


@pytest.mark.parametrize(
    "url",
    [
        "http://ca.example.com", "ca.example.com", "https://", "https://ca.example.com/path", "https://ca/?q", "",
        "https://user@ca.example.com", "https://ca.example.com:99999", "https://ca.example.com:x", "https://a b",
        "https://ca\\@evil", "file:///etc/passwd", "https://[::1", "https://ca#x", "https://ca.example.com\n",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_ca_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="not the URL of a CA"):
        Remote(url, None)


# -- the way there --------------------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="nothing answers at https://127") as caught:
        Remote(f"https://127.0.0.1:{closed_port()}", Root().pem).health()
    assert caught.value.code == "connection.refused"


def test_a_name_nobody_knows() -> None:
    with pytest.raises(Unavailable, match=r"the name in https://ca\.invalid is not known here") as caught:
        Remote("https://ca.invalid", Root().pem).health()
    assert caught.value.code == "connection.dns"


def test_nobody_answers_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, started = listener.getsockname()[1], time.monotonic()
        with pytest.raises(Unavailable, match="did not answer within") as caught:
            Remote(f"https://127.0.0.1:{port}", Root().pem, timeout=0.2).health()
        assert time.monotonic() - started < 5
    assert caught.value.code == "connection.timeout"


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(100):
            request.wfile.write(b" ")
            time.sleep(0.02)

    monkeypatch.setattr(remote, "_CALL_LIMIT", 0.2)
    with liar(drip) as (url, root), pytest.raises(Unavailable, match="took too long to answer"):
        Remote(url, root.pem).health()


def test_a_server_that_speaks_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: speak_ssh(listener), daemon=True).start()
        with pytest.raises(Unavailable, match="does not speak TLS as a CA does"):
            Remote(f"https://127.0.0.1:{listener.getsockname()[1]}", Root().pem).health()


def speak_ssh(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")


def test_a_proxy_that_will_not_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_response(403, "Blocked by policy")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        with pytest.raises(Unavailable, match=r"the proxy http://127.* refuses to connect to .*: 403") as caught:
            Remote("https://ca.example.com", Root().pem).health()
    assert caught.value.code == "connection.proxy"
    assert "HTTPS_PROXY" in str(caught.value.hint)


def test_a_proxy_is_used_and_sees_nothing_but_bytes(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()
            with socket.create_connection(("127.0.0.1", server.port), 5) as onward:
                back = threading.Thread(target=pump, args=(onward, self.connection), daemon=True)
                back.start()
                pump(self.connection, onward)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        with Remote(f"https://localhost:{server.port}", server.root.pem) as ca:
            assert ca.health().status == "ok"
    assert seen == [f"localhost:{server.port}"]


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass


# -- what comes back ------------------------------------------------------------------------------------------

Says = Callable[[http.server.BaseHTTPRequestHandler], None]


def json_of(value: object, status: int = 200) -> Says:
    import json

    return text_of(json.dumps(value).encode(), status)


def text_of(body: bytes, status: int = 200, **headers: str) -> Says:
    def say(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return say


@contextmanager
def liar(says: Says) -> Iterator[tuple[str, Root]]:
    """A TLS server whose root is known, which then answers whatever it likes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                says(self)

        def log_message(self, *_: Any) -> None:
            pass

    root = Root()
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.socket = server_context(root.leaf()).wrap_socket(web.socket, server_side=True)
    with serving(web) as port:
        yield f"https://127.0.0.1:{port}", root


def server_context(leaf: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(leaf.key + leaf.chain)
        file.flush()
        context.load_cert_chain(file.name)
    return context


@contextmanager
def tls_echo(leaf: Any) -> Iterator[int]:
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    web.handle_error = lambda *_: None  # type: ignore[method-assign]
    web.socket = server_context(leaf).wrap_socket(web.socket, server_side=True)
    with serving(web) as port:
        yield port


@contextmanager
def serving(web: http.server.ThreadingHTTPServer) -> Iterator[int]:
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield int(web.server_address[1])
    finally:
        web.shutdown()
        web.server_close()
        thread.join(5)


@pytest.mark.parametrize(
    "says",
    [
        text_of(b""),
        text_of(b"<html>Sign in to Hotel Wi-Fi</html>"),
        text_of(b"[" * 100_000),
        text_of(b'{"status":1}'),
        text_of(b'{"status":"ok"'),
        text_of(b'{"status":"\xff"}'),
        text_of(b"\x1f\x8b\x08\x00garbage", content_encoding="gzip"),
    ],
    ids=["empty", "portal", "deep", "type", "cut", "encoding", "gzip"],
)
def test_an_answer_that_is_not_the_api_s_is_no_ca(says: Says) -> None:
    with liar(says) as (url, root), pytest.raises(Unavailable, match="answered, but not as a CA does") as caught:
        Remote(url, root.pem).health()
    assert caught.value.code == "answer"


def test_an_answer_without_end_is_cut_off() -> None:
    with liar(text_of(b" " * (1 << 21))) as (url, root), pytest.raises(Unavailable, match="more than 1048576 bytes"):
        Remote(url, root.pem).health()


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (302, b"", Unavailable, "answered 302"),
        (400, b'{"status":400,"message":"bad csr"}', Invalid, "bad csr"),
        (401, b'{"status":401,"message":"no"}', Unauthenticated, "no"),
        (403, b"<html>", Denied, "answered 403"),
        (404, b'{"status":404,"message":"x","new":{}}', NotFound, "x"),
        (405, b"", NotFound, "answered 405"),
        (413, b'{"message":"large"}', Invalid, "large"),
        (418, b"", Invalid, "answered 418"),
        (429, b"{}", Throttled, "answered 429"),
        (500, b'{"message":"x","code":"internal"}', Internal, "x"),
        (500, b'{"message":"x","code":"misconfigured"}', Misconfigured, "x"),
        (501, b'{"message":"ssh is not enabled"}', Misconfigured, "ssh is not enabled"),
        (502, b"Bad Gateway", Unavailable, "answered 502"),
        (503, b'{"message":5}', Unavailable, "answered 503"),
        (599, b"", Unavailable, "answered 599"),
    ],
)
def test_an_error_of_another_server_is_still_an_error_of_ours(
    status: int, body: bytes, kind: type[DaypassError], message: str
) -> None:
    with liar(text_of(body, status)) as (url, root), pytest.raises(DaypassError, match=message) as caught:
        Remote(url, root.pem).health()
    assert type(caught.value) is kind


def test_a_redirect_is_not_followed(server: Running) -> None:
    with liar(text_of(b"", 307, Location=f"{server.url}/health")) as (url, root), pytest.raises(Unavailable):
        Remote(url, root.pem).health()


def test_a_message_can_not_speak_to_the_terminal() -> None:
    body = {"message": "\x1b[2J\x1b]0;owned\x07no\r\nway " + "x" * 5000, "code": "a\nb", "hint": "\x9b31mhint\u202e"}
    with liar(json_of(body, 403)) as (url, root), pytest.raises(Denied) as caught:
        Remote(url, root.pem).health()
    for text in (caught.value.message, caught.value.code, caught.value.hint or ""):
        assert text.isprintable()
        assert len(text) <= 1000


# -- the administration socket --------------------------------------------------------------------------------


def join_token(admin: AdminRemote, **asked: Any) -> api.JoinTokenResponse | api.Pending:
    body = msgspec.json.encode(api.JoinTokenRequest(**asked))
    return admin.administer("/v1/admin/join_token", body, api.JoinTokenResponse)


def test_a_join_token_is_made_over_the_socket(server: Running) -> None:
    with AdminRemote(server.admin_socket) as admin:
        made = join_token(admin, name="web-1.example.com", labels={"env": "prod"}, lifetime=60)
    assert isinstance(made, api.JoinTokenResponse)
    assert (made.name, made.expires_at) == ("web-1.example.com", 1_800_000_060)
    ((facts, lifetime, actor),) = server.heart.joined
    assert (facts.labels, lifetime, actor) == ({"env": "prod"}, 60, f"uid:{os.geteuid()}")


def test_no_ca_runs_here(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nothing answers at"):
        join_token(AdminRemote(tmp_path / "admin.sock"), name="x")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "admin.sock"))
    with pytest.raises(Unavailable, match="nothing answers at"):
        join_token(AdminRemote(tmp_path / "admin.sock"), name="x")


def test_a_person_who_may_not_is_told_who_may(server: Running) -> None:
    need("root")
    program = (
        "import os, sys, pathlib; from daypass import api, remote, errors; import httpcore2, httpx2, msgspec\n"
        "os.setgroups([]); os.setresuid(65534, 65534, 65534)\n"
        "try: remote.AdminRemote(pathlib.Path(sys.argv[1])).administer('/v1/admin/join_token', b'{}', object)\n"
        "except errors.Denied as error: print(error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(server.admin_socket)], capture_output=True, text=True, timeout=20
    )
    assert done.stdout == "run it as root, or as the CA's own account\n", done.stderr


def test_the_module_loads_no_http_library() -> None:
    program = "import sys, daypass.remote; print([m for m in ('httpx2', 'asyncio', 'ssl') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert done.stdout == "[]\n", done.stderr
