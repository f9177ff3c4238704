"""A whole login against a CA and a provider that behave, lie, stall or say no; and what it leaves behind."""

from __future__ import annotations

import ctypes
import dataclasses
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass import api
from daypass.client import settings as settings_module
from daypass.client import trust
from daypass.client.logout import logout
from daypass.client.settings import Settings
from daypass.client.signin import attempt as module
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import (
    Conflict,
    DaypassError,
    Denied,
    Invalid,
    Misconfigured,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from daypass.wire import Certificate, CertType, PublicKey, string
from tests.client.laptop import follow
from tests.client.mini_ca import MiniCa
from tests.parts.agents import honest, run_played
from tests.parts.needs import need
from tests.parts.op import DISCOVERY, DOWN, Answer, Op, run_op
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import keygen, make_key

SignIn = Callable[..., Login]
PR_GET_DUMPABLE = 3
LOCK, SUCCESS = b"\x16", b"\x06"  # OpenSSH PROTOCOL.agent
SIGN_REQUEST = 13


def files(member: Membership) -> set[str]:
    return {path.name for path in member.context.folder.iterdir()}


def test_a_login_puts_key_and_certificate_into_the_agent_and_the_certificate_alone_into_a_file(
    sign_in: SignIn, joined: Membership
) -> None:
    held = sign_in().run()
    assert [each.blob for each in held.agent.identities()] == [held.certificate.encode()]
    assert held.certificate.principals == ("alice", "role:dev:alice")
    assert "alice@example.com" in keygen("-L", "-f", joined.context.certificate)
    assert joined.context.certificate.stat().st_mode & 0o777 == 0o600


def test_ten_logins_leave_one_identity(sign_in: SignIn) -> None:
    """More would end in "Too many authentication failures"."""
    for _ in range(10):
        held = sign_in().run()
    assert len(held.agent.identities()) == 1


def test_a_login_with_another_agent_takes_the_pass_out_of_the_one_before(
    sign_in: SignIn, settings: Settings, agent: Part
) -> None:
    before = sign_in().run()
    after = sign_in(settings=Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})).run()
    assert before.agent != after.agent
    assert before.agent.identities() == ()
    assert len(after.agent.identities()) == 1


def test_an_agent_that_takes_nothing_more_leaves_the_pass_before_in_place(
    sign_in: SignIn, joined: Membership
) -> None:
    """The file changes only after the agent has accepted (trust 8.1): ssh is never told of a key nobody holds."""
    agent = sign_in().run().agent
    before = {path: path.read_bytes() for path in (joined.context.certificate, joined.context.pass_config)}

    def lock(url: str) -> None:
        assert agent._ask(LOCK + string("for a while")) == SUCCESS  # as ssh-add -x does
        follow(url)

    with pytest.raises(DaypassError):
        sign_in(open_browser=lock).run()
    assert {path: path.read_bytes() for path in before} == before


def test_two_logins_at_once_do_not_take_out_each_other_s_certificate(sign_in: SignIn, joined: Membership) -> None:
    """Each takes older ones out of the agent: at the same moment both would be older."""
    first = sign_in().run()
    ready = threading.Barrier(4)

    def wait_and_follow(url: str) -> None:
        ready.wait(10)
        follow(url)

    with ThreadPoolExecutor(4) as people:
        logins = [people.submit(sign_in(open_browser=wait_and_follow).run) for _ in range(4)]
    assert all(each.result().certificate for each in logins)
    (only,) = first.agent.identities()
    assert only.blob == Certificate.from_line(joined.context.certificate.read_text()).encode()


class Stopped(BaseException):
    """From the keyboard, say."""


@pytest.mark.parametrize("trouble", [Misconfigured("can't write: the disk is full"), Stopped()])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_what_was_held_is_still_held_where_the_new_certificate_can_not_be_kept(
    trouble: BaseException, nth: int, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sign_in().run()
    written: list[Path] = []

    def write(path: Path, content: bytes | str, mode: int = 0o600) -> None:
        written.append(path)
        if len(written) == nth:
            raise trouble
        settings_module.write_file(path, content, mode)

    with monkeypatch.context() as patch:
        patch.setattr("daypass.client.holding.write_file", write)
        patch.setattr("daypass.client.openssh.sshconfig.write_file", write)
        with pytest.raises(type(trouble)):
            sign_in().run()
    assert sign_in().held() == before
    assert [each.blob for each in before.agent.identities()] == [before.certificate.encode()]


def test_a_link_in_dot_ssh_that_leads_nowhere_does_not_matter(
    sign_in: SignIn, settings: Settings, agent: Part, home: Path
) -> None:
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh/id_gone.pub").symlink_to("/nowhere")
    (home / ".ssh/id_folder.pub").mkdir()
    agent.add(make_key(home / "elsewhere"))
    sign_in(settings=Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})).run()


def test_an_agent_of_ours_that_is_locked_is_told_before_the_person_signs_in(
    sign_in: SignIn, settings: Settings
) -> None:
    held = sign_in().run()
    lock(held.agent.path, on=True)
    with pytest.raises(Misconfigured, match="may be locked") as caught:
        sign_in(open_browser=lambda _: pytest.fail("opened")).run()
    assert "ssh-add -X" in (caught.value.hint or "")


def test_a_logout_from_a_locked_agent_says_that_the_key_is_still_in_it(sign_in: SignIn, settings: Settings) -> None:
    """A locked agent lists nothing, and has everything again once it is unlocked (ssh-add(1) -x)."""
    held = sign_in().run()
    lock(held.agent.path, on=True)
    with pytest.raises(Misconfigured, match="locked"):
        logout(settings)
    lock(held.agent.path, on=False)
    assert logout(settings)[0].had_pass
    assert held.agent.identities() == ()


def test_damaged_files_keep_nobody_from_giving_up_what_they_hold(sign_in: SignIn, settings: Settings) -> None:
    held = sign_in().run()
    context = settings.current()
    assert context is not None
    context.trust.write_text("{")
    assert logout(settings)[0].had_pass
    assert held.agent.identities() == () and not context.certificate.exists()


def lock(path: str, *, on: bool) -> None:
    """PROTOCOL.agent: 22 locks, 23 unlocks, each with a passphrase; 6 is success."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(string(bytes([22 if on else 23]) + string(b"x")))
        assert connection.recv(5)[-1] == 6


def test_yesterday_s_agent_may_have_ended(sign_in: SignIn, joined: Membership) -> None:
    sign_in().run()
    joined.context.agent.write_text("/nowhere\n")
    assert len(sign_in().run().agent.identities()) == 1


def test_another_person_than_the_last_time_is_remarked_on(sign_in: SignIn, company: MiniCa, said: list[str]) -> None:
    """A browser with a second account, or another local user who answered with a sign-in of their own: the state can
    be read off the browser's command line."""
    for _ in range(2):
        sign_in(force=True).run()
    assert "the day pass before" not in " ".join(said)
    company.principals = ("mallory",)
    sign_in(force=True).run()
    assert "the day pass before was alice's; if this one is not yours: daypass logout" in said


def test_after_a_logout_another_person_is_no_surprise(
    sign_in: SignIn, company: MiniCa, said: list[str], settings: Settings
) -> None:
    sign_in().run()
    logout(settings)
    company.principals = ("bob",)
    sign_in().run()
    assert "the day pass before" not in " ".join(said)


def test_with_a_valid_certificate_nobody_is_asked(sign_in: SignIn, company: MiniCa) -> None:
    held = sign_in().run()
    company.hits.clear()
    assert sign_in().held() == held
    assert not company.hits
    assert sign_in(force=True).held() is None
    assert sign_in(lifetime=60).held() is None


def test_a_certificate_whose_key_has_left_the_agent_is_not_held(sign_in: SignIn) -> None:
    held = sign_in().run()
    held.agent.remove(held.certificate.encode())
    assert sign_in().held() is None


def test_a_lifetime_is_asked_for(sign_in: SignIn, company: MiniCa) -> None:
    sign_in(lifetime=5400).run()
    assert company.seen[-1].validBefore == "5400s"


def test_the_request_carries_all_that_binds_the_token_to_the_key(sign_in: SignIn, op: Op) -> None:
    seen: dict[str, str] = {}

    def watch(url: str) -> None:
        seen.update(httpx2.URL(url).params)
        follow(url)

    sign_in(open_browser=watch).run()
    assert seen["response_type"] == "code"
    assert seen["code_challenge_method"] == "S256"
    assert len(seen["code_challenge"]) == 43
    assert seen["nonce"].startswith("dp1.")
    assert len(seen["state"]) >= 43
    assert "openid" in seen["scope"].split()
    assert "offline_access" not in seen["scope"]


def test_an_answer_without_the_issuer_that_this_provider_always_sends_is_a_mix_up(sign_in: SignIn, op: Op) -> None:
    """RFC 9207 section 2.4: where the provider says that it sends `iss`, its absence is an attack."""
    assert op.metadata["authorization_response_iss_parameter_supported"] is True

    def drop_issuer(url: str) -> None:
        answer = httpx2.URL(httpx2.get(url, follow_redirects=False, trust_env=False).headers["location"])
        follow(str(answer.copy_remove_param("iss")))

    with pytest.raises(Unauthenticated) as caught:
        sign_in(open_browser=drop_issuer).run()
    assert caught.value.code == "wrong-issuer"


def test_max_age_is_sent_where_the_ca_wants_it(sign_in: SignIn, company: MiniCa, op: Op) -> None:
    seen: dict[str, str] = {}
    company.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id="daypass", max_age=3600)]

    def watch(url: str) -> None:
        seen.update(httpx2.URL(url).params)
        follow(url)

    sign_in(open_browser=watch).run()
    assert seen["max_age"] == "3600"


def test_how_strong_the_sign_in_is_to_be_is_asked_for(sign_in: SignIn, company: MiniCa, op: Op) -> None:
    seen: dict[str, str] = {}
    login = api.OidcLogin(name="op", issuer=op.issuer, client_id="daypass", acr_values=["urn:mfa", "phr"])
    company.providers = [login]

    def watch(url: str) -> None:
        seen.update(httpx2.URL(url).params)
        follow(url)

    sign_in(open_browser=watch).run()
    assert seen["acr_values"] == "urn:mfa phr" and "prompt" not in seen


OFFLINE = [
    ({}, "openid email profile", None, ""),
    ({"offline": True}, "openid email profile offline_access", None, "r"),
    ({"offline": True, "consent": True}, "openid email profile offline_access", "consent", "r"),
]


@pytest.mark.parametrize(("told", "scope", "prompt", "sent"), OFFLINE)
def test_a_refresh_token_is_asked_for_and_sent_only_where_the_ca_asks_again_during_the_day(
    sign_in: SignIn, company: MiniCa, op: Op, told: dict[str, Any], scope: str, prompt: str | None, sent: str
) -> None:
    seen: dict[str, str] = {}
    company.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id="daypass", **told)]

    def watch(url: str) -> None:
        seen.update(httpx2.URL(url).params)
        follow(url)

    sign_in(open_browser=watch).run()
    (request,) = company.seen
    assert (seen["scope"], seen.get("prompt"), request.refresh_token) == (scope, prompt, sent)


@pytest.mark.parametrize(("groups_from", "sent"), [("token", ""), ("userinfo", "a"), ("graph", "a")])
def test_the_access_token_goes_to_the_ca_only_where_it_asks_for_groups(
    sign_in: SignIn, company: MiniCa, op: Op, groups_from: str, sent: str
) -> None:
    company.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id="daypass", groups_from=groups_from)]
    sign_in().run()
    (request,) = company.seen
    assert request.access_token == sent


def test_a_token_full_of_groups_is_told_as_one_and_not_sent(sign_in: SignIn, company: MiniCa, op: Op) -> None:
    op.claims["groups"] = [f"g-{n:05d}" for n in range(10_000)]
    with pytest.raises(Misconfigured) as caught:
        sign_in().run()
    assert caught.value.code == "token.size" and "groups" in caught.value.message
    assert company.hits["/v1/ssh/sign"] == 0


def test_an_answer_lost_on_the_way_is_asked_for_again_with_the_same_token(
    sign_in: SignIn, company: MiniCa, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(module, "_RETRY_AFTER", (0.01, 0.01))
    busy = api.Error(status=503, message="the database is busy", code="unavailable")
    company.answers["/v1/ssh/sign"] = [(0, b""), (503, busy)]
    sign_in().run()
    assert company.hits["/v1/ssh/sign"] == 3
    assert any("trying again" in line for line in said)


def test_it_gives_up_after_three_times(sign_in: SignIn, company: MiniCa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_AFTER", (0.01, 0.01))
    company.answers["/v1/ssh/sign"] = [(0, b"")] * 9
    with pytest.raises(Unavailable):
        sign_in().run()
    assert company.hits["/v1/ssh/sign"] == 3


def test_a_no_is_not_asked_for_again_and_is_shown_in_the_browser_too(
    sign_in: SignIn, company: MiniCa, joined: Membership
) -> None:
    denied = api.Error(status=403, message="no role is for alice", code="policy.no-role", hint="ask for one")
    company.answers["/v1/ssh/sign"] = [(403, denied)]
    shown: list[str] = []
    with pytest.raises(Denied, match="no role is for alice"):
        sign_in(open_browser=lambda url: shown.append(_page(url))).run()
    assert company.hits["/v1/ssh/sign"] == 1
    deadline = time.monotonic() + 30
    while not shown and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "No role is for alice." in shown[0]
    assert "Ask for one." in shown[0]
    assert not files(joined) & {"id-cert.pub", "pass.conf", "valid", "agent"}


def _page(url: str) -> str:
    return httpx2.get(url, follow_redirects=True, trust_env=False).text


def test_a_person_the_provider_has_disabled_hears_the_provider_s_words(sign_in: SignIn) -> None:
    def refuse(url: str) -> None:
        query = httpx2.URL(url).params
        said = {"error": "access_denied", "error_description": "this account is disabled", "state": query["state"]}
        answer = {**said, "iss": url.partition("/authorize")[0]}
        httpx2.get(query["redirect_uri"], params=answer, follow_redirects=True, trust_env=False)

    with pytest.raises(Denied, match="this account is disabled") as caught:
        sign_in(open_browser=refuse).run()
    assert caught.value.hint


STRANGER = Ed25519PrivateKey.generate()


def _public(key: Ed25519PrivateKey) -> PublicKey:
    return PublicKey.from_cryptography(key.public_key())


def lying(field: str, value: object) -> Callable[[MiniCa], None]:
    return lambda ca: setattr(ca, field, value)


def drafting(**changes: Any) -> Callable[[MiniCa], None]:
    return lying("change", lambda draft: dataclasses.replace(draft, **changes))


def cut_off(ca: MiniCa) -> None:
    ca.answers["/v1/ssh/sign"] = [(201, api.SshSignResponse(crt=b"\0\0\0\x07ssh"))]


LIES: list[tuple[str, Callable[[MiniCa], None], type[DaypassError], str]] = [
    ("signed by another CA", lying("signer", STRANGER), Unauthenticated, "does not name"),
    ("for another key", drafting(public_key=_public(STRANGER)), Unauthenticated, "another key"),
    ("for a host", drafting(type=CertType.HOST), Unauthenticated, "another kind"),
    ("for nobody", drafting(principals=()), Unauthenticated, "names nobody"),
    ("with an unknown option", drafting(critical_options=(("x", "y"),)), Unauthenticated, "another kind"),
    ("already expired", lying("lifetime", -10), Misconfigured, "already expired"),
    ("not valid yet", drafting(valid_after=2**33, valid_before=2**34), Misconfigured, "not valid yet"),
    ("cut off", cut_off, Invalid, "cut short"),
]


@pytest.mark.parametrize(("lie", "error", "text"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_certificate_that_was_not_asked_for_reaches_neither_agent_nor_disk(
    lie: Callable[[MiniCa], None], error: type[DaypassError], text: str,
    sign_in: SignIn, company: MiniCa, joined: Membership, agent: Part, settings: Settings,
) -> None:  # fmt: skip
    lie(company)
    with_agent = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})
    with pytest.raises(error, match=text):
        sign_in(settings=with_agent).run()
    assert agent.public_keys() == []
    assert not files(joined) & {"id-cert.pub", "pass.conf", "valid", "agent"}


def test_a_signature_that_does_not_hold_is_noticed(sign_in: SignIn, company: MiniCa, joined: Membership) -> None:
    honest = company.certify

    def forge(public: PublicKey, role: str = "") -> bytes:
        blob = honest(public)
        return blob[:-40] + bytes([blob[-40] ^ 1]) + blob[-39:]

    company.certify = forge  # type: ignore[method-assign, assignment]
    with pytest.raises(Unauthenticated, match="does not hold"):
        sign_in().run()


@pytest.mark.parametrize("skew", [-90, 90])
def test_a_clock_that_is_off_is_told(skew: int, sign_in: SignIn, company: MiniCa, said: list[str]) -> None:
    company.skew = skew
    sign_in().run()
    assert any("your clock is" in line for line in said)


def answering(path: str, answer: Answer) -> Callable[[Op], None]:
    return lambda op: op.answers.update({path: answer})


def claiming(**metadata: str) -> Callable[[Op], None]:
    return lambda op: op.metadata.update(metadata)


TAKEN_BACK = Answer(400, b'{"error":"invalid_grant"}')
PROVIDERS: list[tuple[str, Callable[[Op], None], type[DaypassError], str]] = [
    ("is down", answering(DISCOVERY, DOWN), Unavailable, "broke"),
    ("answers 500", answering(DISCOVERY, Answer(500, b"")), Unavailable, "problem"),
    ("speaks no JSON", answering(DISCOVERY, Answer(200, b"<html>")), Misconfigured, "does not answer"),
    ("is another", claiming(issuer="https://evil.example.com"), Misconfigured, "says it is"),
    ("wants no TLS", claiming(token_endpoint="http://idp.example.com/t"), Misconfigured, "without TLS"),
    ("redirects", answering("/token", Answer(302, b"", {"Location": "/x"})), Unavailable, "a web page answers"),
    ("takes it back", answering("/token", TAKEN_BACK), Denied, "took the sign-in back"),
    ("sends no token", answering("/token", Answer(200, b"{}")), Unauthenticated, "no ID token"),
    (
        "signs for another",
        lambda op: op.claims.update(iss="https://x.example"),
        Unauthenticated,
        "does not answer this",
    ),
    ("drives the terminal", claiming(authorization_endpoint="https://x.example/\x1b]0;x\x07"), Misconfigured, "none"),
    ("splits a command", claiming(authorization_endpoint='https://x.example/" --renderer'), Misconfigured, "none"),
    ("forges a line", claiming(authorization_endpoint="https://x.example/\ndaypass: hint:"), Misconfigured, "none"),
    ("hides the query", claiming(authorization_endpoint="https://x.example/#"), Misconfigured, "none"),
    ("names a script", claiming(authorization_endpoint="javascript:alert(1)//"), Misconfigured, "without TLS"),
    ("names a file", claiming(authorization_endpoint="file:///etc/passwd"), Misconfigured, "without TLS"),
    ("answers without end", answering(DISCOVERY, Answer(200, b" " * (2 << 20))), Unavailable, "without end"),
]


@pytest.mark.parametrize(
    ("fault", "error", "text"), [row[1:] for row in PROVIDERS], ids=[row[0] for row in PROVIDERS]
)
def test_a_provider_that_fails_is_told_from_one_that_refuses(
    fault: Callable[[Op], None], error: type[DaypassError], text: str, sign_in: SignIn, op: Op, company: MiniCa
) -> None:
    fault(op)
    with pytest.raises(error, match=text):
        sign_in().run()
    assert not company.hits["/v1/ssh/sign"]


def test_a_token_with_another_sign_in_s_nonce_is_not_sent_on(sign_in: SignIn, op: Op, company: MiniCa) -> None:
    mint = op.mint
    op.mint = lambda **change: mint(**{**change, "nonce": "dp1.other"})  # type: ignore[method-assign]
    with pytest.raises(Unauthenticated, match="does not answer this sign-in"):
        sign_in().run()
    assert not company.hits["/v1/ssh/sign"]


def test_with_several_providers_the_person_picks_one(sign_in: SignIn, company: MiniCa) -> None:
    company.providers = [*company.providers, api.OidcLogin(name="other", issuer="https://x.invalid", client_id="c")]
    with pytest.raises(Invalid, match="op, other"):
        sign_in().run()
    with pytest.raises(Invalid, match="no identity provider called"):
        sign_in(provider="third").run()
    sign_in(provider="op").run()


@pytest.mark.parametrize(
    "redirect",
    [
        {"redirect_host": "evil.example.com"},
        {"redirect_host": "127.0.0.1@evil"},
        {"redirect_ports": [70000]},
        {"redirect_path": "@evil.example.com/"},
        {"redirect_path": "/callback/../done"},
        {"redirect_path": ""},
    ],
)
def test_a_ca_can_not_have_the_answer_sent_elsewhere(
    redirect: dict[str, Any], sign_in: SignIn, company: MiniCa, op: Op
) -> None:
    """What a CA says of its providers is not signed."""
    company.providers = [api.OidcLogin(name="op", issuer=op.issuer, client_id=op.client_id, **redirect)]
    with pytest.raises(Misconfigured, match="away from this machine"):
        sign_in(open_browser=lambda _: pytest.fail("opened")).run()


def test_no_provider_is_brought_another_one_s_code(sign_in: SignIn, company: MiniCa, op: Op) -> None:
    """A provider that lies sends the person on to an honest one, which names itself nowhere (RFC 9700 4.4)."""
    with run_op() as liar:
        company.providers = [
            api.OidcLogin(name=name, issuer=each.issuer, client_id=each.client_id, redirect_path=f"/callback/{name}")
            for name, each in (("corp", op), ("partner", liar))
        ]

        def misled(url: str) -> None:
            asked = httpx2.URL(url)
            back = asked.params["redirect_uri"].replace("/callback/partner", "/callback/corp")
            door = f"{op.issuer}/authorize?{asked.copy_set_param('redirect_uri', back).query.decode()}"
            answer = httpx2.URL(httpx2.get(door, trust_env=False).headers["location"])
            assert answer.path == "/callback/corp"
            assert httpx2.get(answer.copy_remove_param("iss"), trust_env=False).status_code == 404

        with pytest.raises(Unavailable, match="nobody signed in"):
            sign_in(provider="partner", open_browser=misled, sign_in_seconds=2).run()
        assert liar.hits["/token"] == 0
        sign_in(provider="corp").run()


def test_without_any_provider_the_operator_is_named(sign_in: SignIn, company: MiniCa) -> None:
    company.providers = []
    with pytest.raises(Misconfigured):
        sign_in().run()


def test_an_older_trust_document_stops_a_login_before_the_browser_opens(sign_in: SignIn, company: MiniCa) -> None:
    company.version = 0
    with pytest.raises(Conflict):
        sign_in(open_browser=lambda _: pytest.fail("opened")).run()


def test_without_a_company_the_hint_says_how_to_join(settings: Settings) -> None:
    with pytest.raises(NotFound):
        Login(settings, print, print).run()


def test_own_keys_in_the_agent_alone_stay_usable(
    sign_in: SignIn, joined: Membership, settings: Settings, agent: Part, home: Path
) -> None:
    """`IdentitiesOnly` would leave out a key that has no file, such as a password manager's."""
    (home / ".ssh").mkdir(mode=0o700)
    agent.add(make_key(home / "elsewhere"))
    agent.add(make_key(home / ".ssh/id_ed25519"))
    sign_in(settings=Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})).run()
    config = joined.context.pass_config.read_text()
    offered = [line.split()[1].strip('"') for line in config.splitlines() if "IdentityFile" in line]
    own = joined.context.folder / "own-0.pub"
    assert list(dict.fromkeys(offered)) == [str(joined.context.certificate), str(home / ".ssh/id_ed25519"), str(own)]
    assert own.read_text().split()[1] == (home / "elsewhere.pub").read_text().split()[1]


def test_core_dumps_are_off_and_nobody_reads_our_memory(sign_in: SignIn) -> None:
    sign_in().run()
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    assert ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0


def test_no_byte_of_a_private_key_is_written_to_any_file(
    company: MiniCa, settings: Settings, home: Path, agent: Part
) -> None:
    """The whole login under strace: the key's bytes go to the agent's socket and into no other write(2)."""
    trust.bootstrap(settings, company.url, company.fingerprint)
    script = """
import httpx2
from daypass.client.signin import login
from daypass.client.settings import Settings
made, Key = [], login.Ed25519PrivateKey
class Watched:
    @staticmethod
    def generate():
        made.append(Key.generate())
        return made[-1]
login.Ed25519PrivateKey = Watched
login.Login(Settings.load(), lambda _: None, lambda url: httpx2.get(url, follow_redirects=True)).run()
print("".join(f"\\\\x{byte:02x}" for byte in made[0].private_bytes_raw()))
"""
    calls = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg"
    options = ["-f", "-xx", "-yy", "-s", "100000", "-o", str(home / "trace"), "-e", calls]
    done = subprocess.run(
        [need("strace"), *options, sys.executable, "-c", script],
        env={**agent.env, **settings.environ, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    key = done.stdout.strip()
    assert len(key) == 32 * 4, done.stderr
    written = [line for line in (home / "trace").read_text().splitlines() if key in line]
    assert written, "the agent got the key over its socket"
    assert all("<UNIX" in line for line in written), written


def test_how_long_it_waits_is_for_the_caller_to_say(sign_in: SignIn, op: Op, company: MiniCa) -> None:
    with pytest.raises(Unavailable) as caught:
        sign_in(open_browser=lambda _: None, sign_in_seconds=0.01).run()
    assert caught.value.code == "sign-in-timeout"
    op.answers[DISCOVERY] = Answer(seconds=5)
    with pytest.raises(Unavailable, match="did not answer within"):
        sign_in(patience=0.2).run()


def test_the_day_pass_s_own_key_never_buys_more_time(
    sign_in: SignIn, company: MiniCa, op: Op, settings: Settings, home: Path
) -> None:
    """Trust 4.2: near its end the person signs in anew, with a new key, and the old one signs nothing on the way."""
    with run_played(home / "played", honest) as played:
        here = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(played.path)})
        company.lifetime = 60
        company.change = lambda draft: dataclasses.replace(draft, valid_after=draft.valid_after - 3600)
        before = sign_in(settings=here).run()
        assert sign_in(settings=here).held() is None
        played.asked.clear()
        company.heard.clear()
        op.hits.clear()
        after = sign_in(settings=here).run()
        assert op.hits["/authorize"] == 1
        assert after.certificate.public_key != before.certificate.public_key
        assert SIGN_REQUEST not in played.asked
        assert played.held == [after.certificate.encode()]
        old = before.certificate.public_key.blob[-32:]
        assert company.heard and not any(old in said for said in _decoded(company.heard))


def _decoded(heard: list[bytes]) -> list[bytes]:
    """Requests as they came, and what stands in them in base64."""
    words = [word for said in heard for word in re.findall(rb"[A-Za-z0-9+/]{40,}", said)]
    return [*heard, *(b64decode(word[: len(word) // 4 * 4]) for word in words)]
