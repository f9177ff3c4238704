"""A sign-in by password through the client's own classes: a day pass, a role alone, an administrative act."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from daypass import api
from daypass.api import ActProof
from daypass.client.settings import Settings
from daypass.client.signin.act import ActSignIn
from daypass.client.signin.login import Login
from daypass.client.signin.rolelogin import RoleLogin
from daypass.client.trust import Membership
from daypass.errors import Unavailable
from daypass.wire import PublicKey
from tests.client.mini_ca import MiniCa


@pytest.fixture
def typed(company: MiniCa, joined: Membership, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked; the CA has PAM beside its provider, and gives a token for one word."""
    prompt = api.PamPrompt(style="secret", text="Password:")
    company.answers["/v1/ca"] = [(200, replace(company.info(), pam=[api.PamLogin("unix", 20)]))]
    company.answers["/v1/pam/start"] = [(200, api.PamSaid(conversation="c", prompts=[prompt]))]
    company.answers["/v1/pam/answer"] = [(200, api.PamSaid(token="dpp1.unix.x"))]

    def sign(request: api.SshSignRequest) -> api.SshSignResponse:
        assert request.ott == "dpp1.unix.x" and request.salt and request.proof
        return api.SshSignResponse(crt=company.certify(PublicKey.parse(request.publicKey), role=request.role))

    monkeypatch.setattr(company, "sign", sign)
    return []


def asking(typed: list[str]) -> Callable[[str, bool], str]:
    def ask(prompt: str, shown: bool) -> str:
        typed.append(f"{prompt}{shown}")
        return "word"

    return ask


def test_a_day_pass_is_had_by_a_password(typed: list[str], sign_in: Callable[..., Login]) -> None:
    held = sign_in(provider="unix", ask=asking(typed), account="alice").run()
    assert typed == ["Password: False"] and held.certificate.serial


def test_a_role_alone_is_had_by_a_password(typed: list[str], sign_in: Callable[..., Login]) -> None:
    held = RoleLogin(sign_in(provider="unix", ask=asking(typed), account="alice"), "db-admin").run()
    assert typed == ["Password: False"] and held.role == "db-admin"


def test_an_act_is_signed_in_for_by_a_password(typed: list[str], settings: Settings, said: list[str]) -> None:
    sign = ActSignIn(settings, said.append, lambda _: None, "unix", asking(typed))
    header = sign.call("/v1/admin/lock", b"{}", "lock carol", lambda _, act: act)
    assert ActProof.from_header(header).token == "dpp1.unix.x"
    assert said[0] == "sign in to lock carol" and "word" not in " ".join(said)


def test_without_a_terminal_nothing_is_begun(
    typed: list[str], sign_in: Callable[..., Login], company: MiniCa
) -> None:
    with pytest.raises(Unavailable):
        sign_in(provider="unix", account="alice").run()
    assert not company.hits["/v1/pam/start"]
