"""The way to CA and providers, through everything that can be wrong with it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from daypass.api import OidcLogin
from daypass.cli.main import main
from daypass.client.doctor import plan, way
from daypass.client.doctor.report import Finding, State, run
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from tests.client.mini_ca import MiniCa
from tests.parts.needs import need
from tests.parts.op import Op, run_op
from tests.parts.proxy import Opener, run_portal, run_proxy

PASSWORD = "s3cret-of-the-proxy"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def told(settings: Settings, check: str) -> list[Finding]:
    """What the whole doctor says under this name."""
    return [each for result in run(plan.checks(settings)) if result.name == check for each in result.findings]


def texts(findings: Iterable[Finding]) -> str:
    return "\n".join(f"{each.state}: {each.text} -> {each.hint}" for each in findings)


@pytest.mark.parametrize(
    ("answers", "state", "says"),
    [
        (["10.1.2.3", "fd00::7"], State.OK, "is 10.1.2.3, fd00::7 ("),
        (["10.1.2.3"], State.OK, "is 10.1.2.3; no IPv6"),
        (["fd00::7"], State.OK, "is fd00::7; no IPv4"),
        ([], State.PROBLEM, "is not known here"),
        (["0.0.0.9"], State.PROBLEM, "a name server that blocks names"),
        (["127.0.0.1"], State.PROBLEM, "that is this machine"),
        (["::1"], State.PROBLEM, "that is this machine"),
        (["192.0.2.1"], State.PROBLEM, "captive portals answer so"),
        (["198.18.0.5"], State.PROBLEM, "a VPN or filter"),
    ],
)
def test_what_name_servers_say(answers: list[str], state: State, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(_host: str, _seconds: float, family: int) -> tuple[str, ...]:
        return tuple(each for each in answers if (":" in each) == (family == socket.AF_INET6))

    monkeypatch.setattr(way, "lookup", lookup)
    found = list(way.names("ca.example.com"))
    assert found[-1].state == state and says in found[-1].text


def test_name_servers_that_never_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(30))
    assert "no name server answers for ca.example.com" in texts(way.names("ca.example.com"))


def test_an_address_needs_no_name_server() -> None:
    assert "IPv6" in texts(way.names("::1"))


@pytest.mark.parametrize(
    ("skew", "state", "says"),
    [(0, State.OK, "0 s apart"), (25, State.OK, "25 s apart"), (95, State.PROBLEM, "95 s behind the CA's"),
     (-400, State.PROBLEM, "400 s ahead of the CA's")],
)  # fmt: skip
def test_the_clock(skew: int, state: State, says: str, settings: Settings, joined: Membership, ca: MiniCa) -> None:
    ca.skew = skew
    (found,) = told(settings, "clock")
    assert (found.state, says in found.text, "set" in found.hint) == (state, True, state != State.OK)


def test_the_ca_and_its_providers_answer(settings: Settings, joined: Membership, op: Op) -> None:
    assert "vouched for by the pinned root" in texts(told(settings, "CA"))
    assert f"ok: {op.issuer} answers" in texts(told(settings, "providers"))
    assert "no proxy is set" in texts(told(settings, "proxy"))


def test_an_interceptor_is_shown_in_full(
    settings: Settings, joined: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_proxy(opener=Opener("Example Interceptor")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        found = texts(told(settings, "CA"))
        assert "the CA is reached through" in texts(told(settings, "proxy"))
    assert "problem: what answers at" in found and "but by CN=Example Interceptor" in found
    assert "signed by CN=Example Interceptor; SHA-256 " in found


def test_whose_word_a_provider_is_believed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    idp = Opener("Company root")
    (tmp_path / "roots.pem").write_text(idp.pem)
    with run_op(idp.context()) as op:
        login = OidcLogin(name="idp", issuer=op.issuer, client_id="x")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
        assert "vouched for by CN=Company root of this machine's trust store" in texts(way.provider(login))


def test_a_provider_that_is_down_is_a_problem(settings: Settings, joined: Membership, company: MiniCa) -> None:
    company.providers = [OidcLogin(name="idp", issuer="http://127.0.0.1:1", client_id="x")]
    assert "problem: nothing answers at the identity provider http://127.0.0.1:1" in texts(
        told(settings, "providers")
    )


def test_a_portal_at_port_80_is_noted() -> None:
    need("root")
    with run_portal("http://login.airport.example/start?session=1", port=80):
        (found,) = way.portals("127.0.0.1")
    assert found.state == State.NOTE and "open http://login.airport.example/start in a browser" in found.hint
    with run_portal(port=80):
        (found,) = way.portals("127.0.0.1")
    assert found.state == State.OK  # a page of the host's own


def test_of_proxies_everything_is_told_but_the_password(
    settings: Settings, joined: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://ann:{PASSWORD}@127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", f"http://bob:{PASSWORD}@127.0.0.1:2")
    monkeypatch.setenv("NO_PROXY", "example.com")
    found = texts(told(settings, "proxy"))
    for said in ("set: https_proxy, HTTPS_PROXY", "NO_PROXY is 'example.com'", "https_proxy and HTTPS_PROXY differ"):
        assert said in found
    assert "problem: the proxy http://127.0.0.1:1, through which the CA is reached, does not answer" in found
    assert PASSWORD not in found and "ann" not in found


def test_a_ca_that_is_not_there_is_one_problem_and_the_rest_says_so(
    settings: Settings, joined: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert texts(told(settings, "CA")).startswith("problem:")
    assert texts(told(settings, "clock")).startswith("note: the clock can't be compared")
    assert texts(told(settings, "providers")).startswith("note:")


def test_the_command_says_it_all(
    at_home: Settings, joined: Membership, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor", "web-1.corp.test"]) == 1  # ssh is not set up yet
    out, err = capsys.readouterr()
    assert "problem  ssh's setup" in out and "→ run: daypass ssh-config" in out
    assert "ssh web-1.corp.test means" in out and err == "1 problem(s) found\n"
    assert main(["ssh-config"]) == 0
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["well"] is True
    assert {"company", "files", "agent", "ssh", "CA", "clock", "providers"} <= {
        each["name"] for each in found["checks"]
    }
    assert all(set(each) == {"state", "text", "hint"} for check in found["checks"] for each in check["findings"])


def test_without_a_company_it_still_helps(at_home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "ask your operator for the line that starts: daypass bootstrap" in out and "OpenSSH" in out
    assert not at_home.home.exists()
