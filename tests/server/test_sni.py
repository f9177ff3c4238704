"""The pages' own certificate: for their name alone, from files that others renew (trust 8.7)."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.server.kit import Root
from tests.server.test_tls import tls_server

from daypass.errors import Misconfigured
from daypass.server.sni import PagesCertificate
from daypass.server.tls import Leaf, LiveContext

HOST = "login.example.com"


class Files:
    """The pair as an ACME client keeps it."""

    def __init__(self, folder: Path, root: Root) -> None:
        self.root, self.certificate, self.key = root, folder / "pages.crt", folder / "pages.key"
        self.renew()

    def renew(self, name: str = HOST) -> int:
        leaf = self.root.leaf((name,))
        self.put(leaf.chain, leaf.key)
        return serial(leaf)

    def put(self, chain: bytes, key: bytes) -> None:
        for path, data in ((self.certificate, chain), (self.key, key)):
            path.with_suffix(".new").write_bytes(data)
            path.with_suffix(".new").replace(path)

    def load(self) -> PagesCertificate:
        return PagesCertificate(HOST, self.certificate, self.key)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, Root("Public root"))


def serial(leaf: Leaf) -> int:
    return x509.load_pem_x509_certificate(leaf.chain).serial_number


def shown(port: int, name: str | None) -> int:
    """The certificate that a client gets who asks for `name`; no certificate is verified here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert connection.version() == "TLSv1.3"
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


@pytest.mark.parametrize(
    ("name", "public"),
    [
        (HOST, True),
        (HOST.upper(), True),
        ("ca.example.com", False),
        ("127.0.0.1", False),
        ("x." + HOST, False),
        ("example.com", False),
        (None, False),
    ],
)
def test_the_pages_name_gets_the_public_certificate_and_every_other_the_pinned_one(
    files: Files, name: str | None, public: bool
) -> None:
    pinned = Root().leaf()
    live = LiveContext(lambda: pinned, other=files.load())
    ours = x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number
    with tls_server(live.context) as port:
        assert shown(port, name) == (ours if public else serial(pinned))


def test_a_browser_that_knows_only_public_roots_is_content(files: Files) -> None:
    live = LiveContext(Root().leaf, other=files.load())
    context = ssl.create_default_context(cadata=files.root.pem)
    with (
        tls_server(live.context) as port,
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        assert connection.getpeercert()


def test_a_renewed_pair_is_used_without_a_restart(files: Files) -> None:
    pages = files.load()
    live = LiveContext(Root().leaf, other=pages)
    with tls_server(live.context) as port:
        assert not pages.refresh()
        renewed = files.renew()
        assert shown(port, HOST) != renewed
        assert pages.refresh()
        assert shown(port, HOST) == renewed
        assert not pages.refresh()


def encrypted(key: bytes) -> bytes:
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


BAD = {
    "half written": lambda files: files.put(files.certificate.read_bytes()[:200], files.key.read_bytes()),
    "a key of another": lambda files: files.put(files.certificate.read_bytes(), files.root.leaf((HOST,)).key),
    "an encrypted key": lambda files: files.put(files.certificate.read_bytes(), encrypted(files.key.read_bytes())),
    "for another name": lambda files: files.renew("other.example.com"),
    "for a wider label": lambda files: files.renew("*.com"),
    "no certificate at all": lambda files: files.put(b"", files.key.read_bytes()),
    "too large": lambda files: files.put(files.certificate.read_bytes() * 200, files.key.read_bytes()),
    "gone": lambda files: files.key.unlink(),
}


@pytest.mark.parametrize("sin", BAD)
def test_a_broken_new_pair_is_logged_once_and_the_old_one_goes_on(
    files: Files, sin: str, caplog: pytest.LogCaptureFixture
) -> None:
    pages = files.load()
    live = LiveContext(Root().leaf, other=pages)
    with tls_server(live.context) as port:
        before = shown(port, HOST)
        BAD[sin](files)
        assert not pages.refresh() and not pages.refresh()
        assert shown(port, HOST) == before
        assert caplog.text.count("the pages go on with the certificate from before") == 1
        assert "PRIVATE KEY" not in caplog.text
        renewed = files.renew()
        assert pages.refresh() and shown(port, HOST) == renewed


@pytest.mark.parametrize("sin", BAD)
def test_at_the_start_a_broken_pair_is_the_operator_s_to_mend(files: Files, sin: str) -> None:
    BAD[sin](files)
    with pytest.raises(Misconfigured) as caught:
        files.load()
    assert caught.value.code == "pages.certificate" and "[pages]" in str(caught.value.hint)


def test_a_wildcard_of_the_label_serves(files: Files) -> None:
    files.renew("*.example.com")
    assert files.load().host == HOST
