"""TLS on the public port, and the leaf that replaces itself while the server runs."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace

import pytest
from cryptography import x509
from tests.server.kit import Root, Running, read_all, read_answer

from daypass.server.tls import Leaf, LiveContext


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(("version", "works"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_begins_at_1_2(server: Running, version: str, works: bool) -> None:
    context = ssl.create_default_context(cadata=server.root.pem)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", server.port), 5) as plain:
        if works:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                assert connection.selected_alpn_protocol() == "http/1.1"
                assert connection.compression() is None
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                assert b'"ok"' in read_answer(connection)
                assert connection.session is None or not connection.session.has_ticket
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_plain_http_on_the_tls_port_gets_nothing(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 200" not in read_all(connection)


def shown_serial(port: int, root: Root) -> int:
    context = ssl.create_default_context(cadata=root.pem)
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


def test_the_leaf_is_replaced_while_the_server_runs() -> None:
    root, clock = Root(), [0.0]
    leaves = [replace(root.leaf(), not_before=0.0, not_after=900.0) for _ in range(2)]
    serials = [x509.load_pem_x509_certificate(leaf.chain).serial_number for leaf in leaves]
    source = iter([leaves[0], leaves[1]])
    live = LiveContext(lambda: next(source), now=lambda: clock[0])
    with tls_server(live.context) as port:
        assert shown_serial(port, root) == serials[0]
        clock[0] = 599.0
        assert not live.refresh()
        assert shown_serial(port, root) == serials[0]
        clock[0] = 600.0
        assert live.refresh()
        assert shown_serial(port, root) == serials[1]


def test_a_leaf_that_can_not_be_renewed_leaves_the_old_one_in_use(caplog: pytest.LogCaptureFixture) -> None:
    root = Root()
    good = replace(root.leaf(), not_before=0.0, not_after=900.0)
    mixed = replace(root.leaf(), key=root.leaf().key)  # a key that does not fit its certificate
    source = iter([good, mixed, good])
    live = LiveContext(lambda: next(source), now=lambda: 800.0)
    serial = x509.load_pem_x509_certificate(good.chain).serial_number
    with tls_server(live.context) as port:
        assert not live.refresh()
        assert shown_serial(port, root) == serial
    assert "could not be renewed" in caplog.text
    assert "PRIVATE KEY" not in caplog.text
    assert "PRIVATE KEY" not in repr(good)


def test_a_leaf_that_can_not_be_made_is_tried_again_after_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    root, clock, asked = Root(), [700.0], list[float]()

    def source() -> Leaf:
        asked.append(clock[0])
        if len(asked) == 2:
            raise OSError
        return replace(root.leaf(), not_before=0.0, not_after=900.0)

    live = LiveContext(source, now=lambda: clock[0])
    for now, renewed in ((700.0, False), (759.0, False), (760.0, True)):
        clock[0] = now
        assert live.refresh() is renewed
    assert asked == [700.0, 700.0, 760.0] and caplog.text.count("could not be renewed") == 1


def test_a_leaf_is_made_anew_when_its_root_is_another() -> None:
    roots, at = [Root(), Root()], [0]
    live = LiveContext(lambda: roots[at[0]].leaf(), mark=lambda: at[0])
    with tls_server(live.context) as port:
        assert not live.refresh() and shown_serial(port, roots[0])
        at[0] = 1
        assert live.refresh() and shown_serial(port, roots[1])
        with pytest.raises(ssl.SSLCertVerificationError):
            shown_serial(port, roots[0])
        assert not live.refresh()


class tls_server:  # noqa: N801
    """Accepts, shakes hands, closes; enough to see which leaf is shown."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> int:
        import threading

        opened = asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=self._context)
        self._server = self._loop.run_until_complete(opened)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return int(self._server.sockets[0].getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._server.close()
        self._loop.close()
