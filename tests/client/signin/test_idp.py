"""An identity provider that drips, and addresses of its that no terminal and no browser should see."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from daypass.client.signin import idp
from daypass.client.signin.idp import Idp, check_secure
from daypass.errors import Misconfigured, Unavailable


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of one that sends a byte now and then, for four seconds."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            with contextlib.suppress(OSError):  # it hangs up, as it should
                for _ in range(200):
                    over.wait(0.02)
                    connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()


def test_one_that_drips_is_given_up(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step of the call takes long."""
    monkeypatch.setattr(idp, "_CALL_SECONDS", 0.3)
    monkeypatch.setenv("NO_PROXY", "*")
    start = time.monotonic()
    with Idp(dripping, 5.0) as provider, pytest.raises(Unavailable, match="took too long to answer"):
        provider.exchange("GET", dripping)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "url",
    [
        "https://idp.example.com/authorize",
        "https://idp.example.com:8443/a/b-c_d~e?x=y&z=%20",
        "https://[2001:db8::1]/a",
        "http://127.0.0.1:8080/a",
        "http://localhost/a",
        "http://[::1]:80/",
    ],
)
def test_an_address_with_tls_or_on_this_machine_will_do(url: str) -> None:
    check_secure(url, "https://idp.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://idp.example.com/\x1b]0;x\x07",
        "https://idp.example.com/a b",
        'https://idp.example.com/"',
        "https://idp.example.com/`id`",
        "https://idp.example.com/<",
        "https://idp.example.com/\n",
        "https://idp.example.com/\\",
        "https://idp.example.com/#f",
        "https://idp.exаmple.com/",  # noqa: RUF001 - a Cyrillic letter
        "http://idp.example.com/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
        "http://localhost:80@example.com/",
        "HTTPS://idp.example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "-oProxyCommand=id",
    ],
)
def test_any_other_is_refused(url: str) -> None:
    """It goes to a terminal and to a browser's command line."""
    with pytest.raises(Misconfigured) as caught:
        check_secure(url, "https://idp.example.com")
    assert url == "" or url not in caught.value.message
