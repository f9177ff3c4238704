"""The way to a CA and a provider through what companies put in it: proxies, interceptors, portals, dead name servers.

What httpx2 really does is tried out: `proxy_for` only tells people the same.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daypass import api, network
from daypass.client.signin.idp import Idp
from daypass.client.signin.oidc import Provider, discover
from daypass.errors import DaypassError, Misconfigured, Unavailable
from daypass.network import await_name, lookup, proxy_for, within
from daypass.remote import Remote
from daypass.stranger import portal
from tests.parts.op import run_op
from tests.parts.proxy import Opener, run_portal, run_proxy
from tests.server.kit import Root, Running, running

VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "http_proxy")
PASSWORD = "s3cret-of-the-proxy"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "admin.sock") as found:
        yield found


def ask(issuer: str) -> Provider:
    with Idp(issuer) as idp:
        return discover(api.OidcLogin(name="idp", issuer=issuer, client_id="x"), idp)


def failure(url: str, roots: str = "") -> DaypassError:
    with pytest.raises(DaypassError) as caught:
        Remote(url, roots or Root().pem, timeout=3).health()
    return caught.value


# -- which way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_proxied"),
    [
        ("https://ca.corp.invalid", "", True),
        ("https://ca.corp.invalid", "*", False),
        ("https://ca.corp.invalid", "ca.corp.invalid", False),
        ("https://ca.corp.invalid", "CA.Corp.Invalid", False),
        ("https://ca.corp.invalid", "corp.invalid", False),
        ("https://ca.corp.invalid", ".corp.invalid", False),
        ("https://ca.corp.invalid", "*.corp.invalid", False),
        ("https://corp.invalid", ".corp.invalid", True),
        ("https://ca.corp.invalid", "orp.invalid", True),
        ("https://ca.corp.invalid", "other.invalid, corp.invalid", False),
        ("https://ca.corp.invalid:8443", "corp.invalid:8443", False),
        ("https://ca.corp.invalid:8443", "corp.invalid:443", True),
        ("https://ca.corp.invalid", "corp.invalid:443", True),
        ("https://127.0.0.9:1", "127.0.0.9", False),
        ("https://127.0.0.9:1", "127.0.0.0/24", False),
        ("https://127.0.0.9:1", "127.1.0.0/16", True),
        ("https://127.0.0.9:1", "localhost", True),
        ("https://localhost:1", "localhost", False),
        ("https://[::1]:1", "::1", False),
        ("https://[::1]:1", "::/64", False),
        ("https://[::1]:1", "[::1]", False),
        ("https://[::1]:1", "fd00::/8", True),
    ],
)
@pytest.mark.parametrize("spelling", ["no_proxy", "NO_PROXY"])
def test_what_is_said_of_the_way_is_the_way_that_is_taken(
    url: str, no_proxy: str, is_proxied: bool, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_proxy(refusal="403 Not here") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv(spelling, no_proxy)
        assert (failure(url).code == "connection.proxy") == bool(proxy.asked) == (proxy_for(url) is not None)
        assert bool(proxy.asked) == is_proxied


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_each_spelling_of_the_variable_counts_and_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_proxy(refusal="403 Not here") as proxy:
        monkeypatch.setenv(name, proxy.url.removeprefix("http://"))
        assert failure("https://ca.corp.invalid").code == "connection.proxy"
        found = proxy_for("https://ca.corp.invalid")
    assert found is not None and (str(found), found.source) == (proxy.url, name)


# -- proxies --------------------------------------------------------------------------------------------------


def test_a_proxy_with_a_password_is_used_and_the_password_is_shown_nowhere(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_proxy(password=f"ann:{PASSWORD}") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//ann:{PASSWORD}@"))
        with Remote(server.url, server.root.pem) as remote:
            assert remote.health() == api.Health("ok")
        assert proxy.asked
        errors = [failure(server.url), failure("https://ca.corp.invalid:1")]
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://ann:{PASSWORD}@127.0.0.1:1")
        errors.append(failure(server.url))
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:{PASSWORD}@127.0.0.1:1")
        errors.append(failure(server.url))
    assert [PASSWORD in f"{each.message} {each.hint} {each!r}" for each in errors] == [False] * 4


def test_a_password_that_is_wanted_is_asked_for(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_proxy(password=f"ann:{PASSWORD}") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        found = failure(server.url)
    assert found.message == f"the proxy {proxy.url} wants a name and a password"
    assert "NAME:PASSWORD@" in str(found.hint)


def test_a_proxy_that_speaks_tls_itself_is_believed_by_the_systems_store(
    server: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """TLS in TLS: the proxy's by the system's roots, the CA's by the pinned one."""
    opener = Opener("Proxy's root")
    (tmp_path / "roots.pem").write_text(opener.pem)
    with run_proxy(tls=opener.context()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert failure(server.url, server.root.pem).code == "connection.untrusted"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
        with Remote(server.url, server.root.pem) as remote:
            assert remote.health() == api.Health("ok")
    assert proxy.asked == [server.url.removeprefix("https://")]


def test_a_proxy_that_is_not_there_is_told_from_a_ca_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    found = failure("https://ca.corp.invalid")
    assert (found.message, found.code) == ("the proxy http://127.0.0.1:1 does not answer", "connection.proxy")
    assert "https_proxy" in str(found.hint) and "NO_PROXY" in str(found.hint)
    monkeypatch.setenv("https_proxy", "http://proxy.corp.invalid:3128")
    assert failure("https://ca.corp.invalid").message == "the proxy http://proxy.corp.invalid:3128 does not answer"


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "socks4://127.0.0.1:1080", "ftp://127.0.0.1"])
def test_a_proxy_of_a_kind_we_do_not_speak_is_a_setting_to_change(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", url)
    found = failure("https://ca.corp.invalid")
    assert isinstance(found, Misconfigured) and url.partition(":")[0] in found.message
    assert "ALL_PROXY" in str(found.hint)
    with pytest.raises(Misconfigured, match="of a kind"):
        ask("https://idp.corp.invalid")


# -- interceptors ---------------------------------------------------------------------------------------------


def test_an_interceptor_is_refused_and_named_even_where_the_system_believes_it(
    server: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opener = Opener("Zscaler-like root")
    (tmp_path / "roots.pem").write_text(opener.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    with run_proxy(opener=opener) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        found = failure(server.url, server.root.pem)
    assert found.code == "connection.untrusted"
    assert "not vouched for by the pinned root, but by CN=Zscaler-like root" in found.message
    assert "opens TLS" in str(found.hint) and "SHA-256" in str(found.hint)


def test_an_interceptor_may_stand_before_a_provider_only_where_the_system_believes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opener, idp = Opener("Zscaler-like root"), Opener("IdP root")
    (tmp_path / "idp.pem").write_text(idp.pem)
    (tmp_path / "both.pem").write_text(idp.pem + opener.pem)
    with run_op(idp.context()) as op, run_proxy(opener=opener) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "idp.pem"))
        with pytest.raises(Unavailable, match="this machine's trust store, but by CN=Zscaler-like root") as caught:
            ask(op.issuer)
        assert caught.value.code == "provider.untrusted" and "SSL_CERT_FILE" in str(caught.value.hint)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
        assert ask(op.issuer).token_endpoint == f"{op.issuer}/token"


# -- portals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("", "http://127.0.0.1/"),
        ("http://login.airport.example/start?session=s3cret", "http://login.airport.example/start"),
        ("/relative", "http://127.0.0.1/"),
        ("http://x/\x1b]0;evil", "http://127.0.0.1/"),
        ("javascript:alert(1)", "http://127.0.0.1/"),
    ],
)
def test_a_portal_is_told_from_an_interceptor_and_says_where_to_go(location: str, shown: str) -> None:
    with run_portal(location, opener=Opener("Airport")) as url:
        found = failure(url)
        with pytest.raises(Unavailable, match="a web page answers in place of") as caught:
            Remote(url, None).root_unverified("0" * 64)
    assert found.code == caught.value.code == "connection.captive"
    assert f"open {shown} in a browser" in str(found.hint)


def test_a_proxy_that_leads_to_a_page_is_a_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    for refusal in ("302 Found", "511 Network Authentication Required"):
        with run_proxy(refusal=refusal) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            assert failure("https://ca.corp.invalid").code == "connection.captive"


@pytest.mark.parametrize("location", ["", "http://login.airport.example/"])
def test_a_portal_in_place_of_a_provider_is_said(location: str) -> None:
    with run_portal(location) as url, pytest.raises(Unavailable, match="a web page answers in place of") as caught:
        ask(url)
    assert caught.value.code == "provider.captive"


def test_json_is_no_page_whatever_its_status() -> None:
    for status in (200, 400, 404, 500):
        assert portal("https://ca", status, {"content-type": "application/json"}) == ""


# -- names ----------------------------------------------------------------------------------------------------


def test_a_name_that_is_never_answered_for_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with name servers behind a firewall that drops: glibc would try for minutes."""
    real = socket.getaddrinfo

    def silent(host: str, *rest: object, **more: object) -> object:
        if host == "ca.corp.invalid":
            time.sleep(60)
        return real(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    monkeypatch.setattr(await_name, "__defaults__", (0.1,))
    found = failure("https://ca.corp.invalid")
    assert (found.message, found.code) == ("no name server answers for https://ca.corp.invalid", "connection.dns")
    with pytest.raises(TimeoutError):
        lookup("ca.corp.invalid", 0.1)


def test_a_name_is_not_asked_for_where_a_proxy_will_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(network, "lookup", lambda host, _seconds: asked.append(host))
    await_name("https://ca.corp.invalid")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp.invalid:3128")
    await_name("https://ca.corp.invalid")
    for literal in ("https://127.0.0.1", "https://[::1]:1", "https://localhost"):
        monkeypatch.setenv("NO_PROXY", "*")
        await_name(literal)
    assert asked == ["ca.corp.invalid", "proxy.corp.invalid"]


def test_addresses_of_a_name_come_once_each() -> None:
    assert "127.0.0.1" in lookup("localhost") or "::1" in lookup("localhost")
    assert len(set(lookup("localhost"))) == len(lookup("localhost"))


def test_what_takes_too_long_is_left_behind_and_what_fails_says_so() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(TimeoutError):
        within(0.01, lambda: time.sleep(5))
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
