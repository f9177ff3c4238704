"""What a role gives beside principals: names at Git servers; and what it keeps from a remote sign-in."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.config import RoleSection
from daypass.errors import Denied
from daypass.model import Grant, Identity, Kind, OnceId, Proof, Request
from daypass.wire import CertType
from tests.ca.samples import config

NOW = 1_800_000_000
PLAIN = (("permit-port-forwarding", ""), ("permit-pty", ""))


def role(name: str = "eng", **more: Any) -> RoleSection:
    return RoleSection(**({"name": name, "hosts": ["*"], "groups": ["eng"], "accounts": ["{login}"]} | more))


def decide(*roles: RoleSection, remote: bool = False, claims: dict[str, object] | None = None, **asked: Any) -> Grant:
    policy = Policy(config(roles=list(roles)))
    alice = Identity(
        kind=Kind.PERSON, provider="idp", issuer="https://idp.example.com", subject="1", email="alice@example.com",
        login="alice", names=("alice",), groups=frozenset({"eng"}), claims=claims or {},
    )  # fmt: skip
    proof = Proof(alice, OnceId("idp", "n"), NOW, NOW + 300, bound=True, remote=remote)
    return policy.decide(proof, Request(CertType.USER, (), **asked), View(None, None, None, policy.hash, NOW), NOW)


@pytest.mark.parametrize(
    ("git", "claims", "given"),
    [
        ({}, {}, ()),
        ({"github.com": "login"}, {}, (("login@github.com", "alice"),)),
        ({"github.com": "claim:gh"}, {"gh": "Alice-B"}, (("login@github.com", "Alice-B"),)),
        ({"github.com": "claim:gh"}, {"gh": "alice_corp"}, (("login@github.com", "alice_corp"),)),
        ({"github.com": "claim:gh"}, {}, ()),
        ({"github.com": "claim:gh"}, {"gh": ""}, ()),
        ({"github.com": "claim:gh"}, {"gh": None}, ()),
        ({"github.com": "claim:gh"}, {"gh": "a" * 39}, (("login@github.com", "a" * 39),)),
        ({"github.com": "name:bot"}, {"gh": "alice"}, (("login@github.com", "bot"),)),
        ({"git.example.com": "claim:gl"}, {"gl": "alice.b_c-"}, (("login@git.example.com", "alice.b_c-"),)),
        (
            {"github.com": "login", "git.example.com": "claim:gl"},
            {"gl": "al"},
            (("login@git.example.com", "al"), ("login@github.com", "alice")),
        ),
    ],
)
def test_the_name_at_a_git_server_comes_from_where_the_role_says(git: Any, claims: Any, given: Any) -> None:
    assert decide(role(git=git), claims=claims).extensions == (*given, *PLAIN)


@pytest.mark.parametrize(
    "name",
    ["alice,root", "alice root", "alice\n", "alice\0", "-alice", "alice-", "a--b", "alice.b", "a" * 40, "älice", "*",
     " ", "login@x", 7, True, ["alice"], {"a": 1}, "\u202eecila"],
)  # fmt: skip
def test_what_can_not_be_a_name_at_github_is_denied_and_shown_harmlessly(name: object) -> None:
    with pytest.raises(Denied) as caught:
        decide(role(git={"github.com": "claim:gh"}), claims={"gh": name})
    assert caught.value.code == "policy.git-name"
    assert caught.value.message.isprintable() and 'role "eng"' in str(caught.value.hint)


@pytest.mark.parametrize("name", ["a b", "a,b", ".alice", "alice.", "-a", "a" * 256, "a/b", "älice", "a\n"])
def test_what_can_not_be_a_name_at_gitlab_is_denied(name: str) -> None:
    with pytest.raises(Denied) as caught:
        decide(role(git={"git.example.com": "claim:gl"}), claims={"gl": name})
    assert caught.value.code == "policy.git-name"


def test_two_names_at_one_server_are_denied_with_both_roles() -> None:
    with pytest.raises(Denied) as caught:
        decide(role("one", git={"github.com": "login"}), role("two", git={"github.com": "name:bot"}))
    assert caught.value.code == "policy.git-names"
    assert caught.value.message == 'at github.com role "one" makes you alice, and role "two" bot'


def test_the_same_name_from_two_roles_stands_once() -> None:
    git = {"github.com": "login"}
    assert decide(role("one", git=git), role("two", git=git)).extensions == (("login@github.com", "alice"), *PLAIN)


def test_a_role_that_is_not_in_the_certificate_gives_no_name() -> None:
    short = role("short", git={"github.com": "login"}, lifetime="1h")
    assert decide(role(), short).extensions == PLAIN
    assert decide(role(), short, lifetime=3600).extensions == (("login@github.com", "alice"), *PLAIN)


# -- the provider's own device grant --------------------------------------------------------------------------


@pytest.mark.parametrize(("remote", "roles"), [(False, ("eng", "dba")), (True, ("eng",))])
def test_a_role_can_refuse_a_remote_sign_in(remote: bool, roles: tuple[str, ...]) -> None:
    assert decide(role(), role("dba", refuse_remote=True), remote=remote).roles == roles


def test_where_no_other_role_is_left_the_denial_names_the_role_and_the_way() -> None:
    with pytest.raises(Denied) as caught:
        decide(role("dba", refuse_remote=True), role("ops", refuse_remote=True), remote=True)
    assert caught.value.code == "policy.role.remote"
    assert 'role "dba" is not for alice@example.com now' in caught.value.message
    assert "daypass login --device" in str(caught.value.hint)


def test_a_role_that_refuses_it_gives_a_remote_sign_in_no_reserved_name_either() -> None:
    policy = Policy(config(reserved_logins=["alice"], roles=[role(emails=["alice@example.com"], refuse_remote=True)]))
    for remote, code in ((True, "policy.reserved"), (False, None)):
        alice = Identity(
            kind=Kind.PERSON, provider="idp", issuer="https://idp.example.com", subject="1", login="alice",
            email="alice@example.com", names=("alice",), groups=frozenset({"eng"}),
        )  # fmt: skip
        proof = Proof(alice, OnceId("idp", "n"), NOW, NOW + 300, bound=True, remote=remote)
        view = View(None, None, None, policy.hash, NOW)
        if code is None:
            assert policy.decide(proof, Request(CertType.USER, ()), view, NOW).principals == ("role:eng:alice",)
            continue
        with pytest.raises(Denied) as caught:
            policy.decide(proof, Request(CertType.USER, ()), view, NOW)
        assert caught.value.code == code
