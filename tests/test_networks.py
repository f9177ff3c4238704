"""How daypass meets others: providers by the system's trust store and proxies, the CA by its pinned root alone."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daypass.api import OidcLogin
from daypass.ca.clock import SystemClock
from daypass.client.signin.idp import Idp
from daypass.client.signin.oidc import discover
from daypass.errors import Unavailable
from daypass.provisioners.discovery import ProviderKeys, provider_client
from daypass.remote import Remote
from tests.parts.op import Op, run_op
from tests.parts.proxy import run_proxy
from tests.server.kit import Root, running


@pytest.fixture(scope="module")
def root() -> Root:
    """A root that only this machine's administrator believes in."""
    return Root("Company root")


@pytest.fixture
def op(root: Root) -> Iterator[Op]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as pem:
        leaf = root.leaf()
        pem.write(leaf.key + leaf.chain)
        pem.flush()
        context.load_cert_chain(pem.name)
    with run_op(context) as running_op:
        yield running_op


@pytest.fixture
def believed(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root is in the system's trust store, as OpenSSL finds it."""
    (tmp_path / "roots.pem").write_text(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))


def find_key(op: Op) -> bool:
    """Whether a CA that starts now gets at the provider's keys."""

    async def main() -> bool:
        async with provider_client() as http:
            keys = ProviderKeys("idp", op.issuer, ["RS256"], SystemClock(), http)
            return await keys.find(op.key.kid, "RS256") is not None

    return asyncio.run(main())


def login(op: Op) -> OidcLogin:
    return OidcLogin(name="idp", issuer=op.issuer, client_id=op.client_id)


def test_a_provider_is_believed_by_the_systems_trust_store(op: Op, believed: None) -> None:
    assert find_key(op)
    assert discover(login(op), Idp(op.issuer)).token_endpoint == f"{op.issuer}/token"


def test_a_provider_that_the_system_does_not_believe_is_not_asked(op: Op) -> None:
    with pytest.raises(Unavailable):
        find_key(op)
    assert not op.hits
    with pytest.raises(Unavailable, match="trust store, but by CN=Company root") as caught:
        discover(login(op), Idp(op.issuer))
    assert caught.value.code == "provider.untrusted"


def test_a_provider_is_reached_through_the_proxy_that_the_environment_names(
    op: Op, believed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert find_key(op)
        discover(login(op), Idp(op.issuer))
    assert set(proxy.asked) == {op.issuer.removeprefix("https://")} and len(proxy.asked) >= 2


def test_no_proxy_is_honoured(op: Op, believed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "localhost")
        assert find_key(op)
        discover(login(op), Idp(op.issuer))
    assert not proxy.asked


def test_the_system_can_not_vouch_for_the_ca(root: Root, believed: None, tmp_path: Path) -> None:
    """Whoever can put a root into a laptop's store, an interceptor say, still is not the CA."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "admin.sock") as server:
        with Remote(server.url, server.root.pem) as honest:
            assert honest.health().status == "ok"
        (tmp_path / "roots.pem").write_text(root.pem + server.root.pem)
        with Remote(server.url, root.pem) as elsewhere, pytest.raises(Unavailable) as caught:
            elsewhere.health()
        assert caught.value.code == "connection.untrusted"
