"""Signing in on another device, at the CA's own page: asked, shown, waited for, kept; and every way it ends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from daypass import api
from daypass.client.settings import Settings
from daypass.client.signin import device, polling
from daypass.client.signin.login import Login
from daypass.client.signin.typed import Code
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.wire import PublicKey
from tests.client.mini_ca import MiniCa
from tests.parts.op import Op
from tests.parts.openssh import Agent as Part

SignIn = Callable[..., Login]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls come a hundred times faster than a CA would have it."""
    monkeypatch.setattr(polling, "SHORTEST", 0.01)
    monkeypatch.setattr(polling, "SLOWER", 0.02)


@pytest.fixture
def hosted(company: MiniCa, op: Op) -> MiniCa:
    """The CA has a page for sign-ins on other devices."""
    company.providers = [msgspec.structs.replace(company.providers[0], hosted=True)]
    return company


@pytest.fixture
def shown() -> list[Code]:
    return []


@pytest.fixture
def elsewhere(sign_in: SignIn, hosted: MiniCa, shown: list[Code]) -> SignIn:
    """A login that must not open anything here."""

    def make(**options: object) -> Login:
        given = {
            "device": True,
            "show_code": shown.append,
            "open_browser": lambda _: pytest.fail("opened"),
            **options,
        }
        return sign_in(**given)

    return make


def kept(joined: Membership) -> set[str]:
    return {path.name for path in joined.context.folder.iterdir()} & {"id-cert.pub", "pass.conf", "valid", "agent"}


def refusing(status: int, code: str) -> tuple[int, object]:
    return status, api.Error(status=status, message="said the CA", code=code, hint="do this")


def test_the_certificate_comes_from_the_other_device_and_is_kept_as_ever(
    elsewhere: SignIn, hosted: MiniCa, joined: Membership, shown: list[Code], said: list[str]
) -> None:
    held = elsewhere().run()
    assert [each.blob for each in held.agent.identities()] == [held.certificate.encode()]
    assert held.certificate.public_key == PublicKey.parse(hosted.asked[0].public_key)
    assert kept(joined) == {"id-cert.pub", "pass.conf", "valid", "agent"}
    assert (shown[0].page, shown[0].code, shown[0].minutes) == (f"{hosted.url}/device", "BCDF-GHJK", 10)
    assert [line for line in said if "typed" in line] == ["the code was typed; waiting for the sign-in there"]
    assert not hosted.hits["/v1/ssh/sign"]


def test_what_is_shown_for_comparison_is_what_the_ca_was_told(
    elsewhere: SignIn, hosted: MiniCa, shown: list[Code]
) -> None:
    """The person compares machine and key on the page with those on the terminal (trust 8.2)."""
    held = elsewhere().run()
    assert shown[0].machine == hosted.asked[0].machine == device.machine_name()
    assert shown[0].fingerprint == held.certificate.public_key.fingerprint


def test_the_request_says_which_provider_and_for_how_long(elsewhere: SignIn, hosted: MiniCa) -> None:
    elsewhere(lifetime=3600).run()
    (asked,) = hosted.asked
    assert (asked.provider, asked.lifetime, len(asked.salt)) == ("op", 3600, 32)


def test_without_a_better_way_the_code_is_said_in_plain_lines(elsewhere: SignIn, said: list[str]) -> None:
    elsewhere(show_code=None).run()
    assert any("BCDF-GHJK" in line for line in said) and any("SHA256:" in line for line in said)


ENDS: list[tuple[str, tuple[int, object], type[DaypassError], str]] = [
    ("the person said no", refusing(403, "device.denied"), Denied, "said the CA"),
    ("the provider said no", refusing(403, "provider.access_denied"), Denied, "said the CA"),
    ("the code ran out", refusing(401, "device.expired"), Unauthenticated, "said the CA"),
]


@pytest.mark.parametrize(("answer", "error", "text"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_a_sign_in_that_ends_otherwise_leaves_nothing_behind(
    answer: tuple[int, object], error: type[DaypassError], text: str,
    elsewhere: SignIn, hosted: MiniCa, joined: Membership, agent: Part, settings: Settings,
) -> None:  # fmt: skip
    hosted.answers["/v1/device/poll"] = [answer]
    with_agent = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})
    with pytest.raises(error, match=text):
        elsewhere(settings=with_agent).run()
    assert agent.public_keys() == [] and not kept(joined)


def test_a_certificate_for_another_key_is_refused_here_too(
    elsewhere: SignIn, hosted: MiniCa, joined: Membership
) -> None:
    other = PublicKey.from_cryptography(hosted.trust_root.public_key())
    hosted.poll_device = lambda _: api.DeviceAnswer(state="issued", crt=hosted.certify(other))  # type: ignore
    with pytest.raises(Unauthenticated, match="another key"):
        elsewhere().run()
    assert not kept(joined)


def test_keys_pressed_at_the_terminal_leave_nothing_behind(
    elsewhere: SignIn, joined: Membership, agent: Part, settings: Settings
) -> None:
    def interrupt(_: Code) -> None:
        raise KeyboardInterrupt

    with_agent = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})
    with pytest.raises(KeyboardInterrupt):
        elsewhere(settings=with_agent, show_code=interrupt).run()
    assert agent.public_keys() == [] and not kept(joined)


def test_who_asks_too_fast_slows_down(elsewhere: SignIn, hosted: MiniCa) -> None:
    hosted.answers["/v1/device/poll"] = [refusing(429, "throttled")] * 3
    assert elsewhere().run().certificate


def test_a_network_that_is_gone_for_a_moment_costs_no_second_sign_in(
    elsewhere: SignIn, hosted: MiniCa, said: list[str]
) -> None:
    hosted.answers["/v1/device/poll"] = [(0, b""), (0, b""), refusing(503, "unavailable")]
    assert elsewhere().run().certificate
    assert len([line for line in said if "still trying" in line]) == 1


def test_a_network_that_stays_away_is_told(
    elsewhere: SignIn, hosted: MiniCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "HICCUP", 0.05)
    hosted.answers["/v1/device/poll"] = [(0, b"")] * 1000
    with pytest.raises(Unavailable):
        elsewhere().run()


def test_nobody_typing_the_code_ends_with_a_hint(elsewhere: SignIn, hosted: MiniCa) -> None:
    hosted.device_states = ["waiting"]
    with pytest.raises(Unavailable) as caught:
        elsewhere(sign_in_seconds=0.1).run()
    assert caught.value.code == "sign-in-timeout" and "new code" in (caught.value.hint or "")


HOSTILE = {
    "page": ["https://ca.test/\x1b[2J", "javascript:alert(1)", "http://ca.test/device", "https://ca.test/a b", ""],
    "user_code": ["", "A" * 100, "BCDF\nGHJK", "BC\x1b[2JDF", "B\u0421DF-GHJK"],
}


@pytest.mark.parametrize(("field", "value"), [(name, each) for name in HOSTILE for each in HOSTILE[name]])
def test_nothing_reaches_the_terminal_that_is_no_page_and_code(
    field: str, value: str, elsewhere: SignIn, hosted: MiniCa, shown: list[Code]
) -> None:
    honest = api.DeviceStarted(
        device_code="x", user_code="BCDF-GHJK", page="https://ca.test", interval=1, expires_in=9
    )
    hosted.answers["/v1/device"] = [(201, msgspec.structs.replace(honest, **{field: value}))]
    with pytest.raises(Misconfigured):
        elsewhere().run()
    assert not shown and not hosted.hits["/v1/device/poll"]


@pytest.mark.parametrize(
    ("user", "host", "name"),
    [
        ("alice", "build-7", "alice@build-7"),
        ("a\x1b[2Jb", "h\n", "a?[2Jb@h?"),
        ("alice", "h" * 300, "alice@" + "h" * 58),
    ],
)
def test_the_machine_s_name_is_printable_and_short(
    user: str, host: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", user)
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert device.machine_name() == name


def test_a_ca_without_such_a_page_is_told_apart_from_one_that_is_down(sign_in: SignIn, company: MiniCa) -> None:
    with pytest.raises(Misconfigured) as caught:
        sign_in(device=True).run()
    assert caught.value.code == "device.off" and not company.hits["/v1/device"]


def test_where_no_browser_can_be_opened_the_page_is_used_unasked_and_said_so(
    elsewhere: SignIn, said: list[str], hosted: MiniCa
) -> None:
    elsewhere(device=False, browser=False).run()
    assert any("no browser can be opened here" in line for line in said) and hosted.asked


def test_where_neither_browser_nor_page_is_there_the_address_is_shown_as_ever(sign_in: SignIn, home: Path) -> None:
    assert sign_in(browser=False).run().certificate


def test_with_a_browser_the_page_is_not_used_unasked(sign_in: SignIn, hosted: MiniCa) -> None:
    sign_in().run()
    assert not hosted.asked
