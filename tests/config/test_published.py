"""A published document and this machine's file make the very configuration that was published, secrets and all."""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields as fields_of
from msgspec.structs import replace
from tests.ca.samples import config

from daypass.config import Config, as_toml, from_toml, merged, policy_document, policy_hash
from daypass.config.document import SECRETS
from daypass.config.schema import (
    BastionSection,
    CaSection,
    FailClosedSection,
    HostsSection,
    LifetimeSection,
    NewAccountsSection,
    OperatorSection,
    PagesSection,
    ProviderSection,
    RoleSection,
    SignalsSection,
)
from daypass.errors import Misconfigured

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TEXTS = st.lists(TEXT, max_size=2)
SMALL: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    list[str]: TEXTS,
    dict[str, str]: st.dictionaries(TEXT, TEXT, max_size=2),
    dict[str, list[str]]: st.dictionaries(TEXT, TEXTS, max_size=2),
}
"""Two whole configurations are as much as hypothesis makes up at once."""


def named(kind: Any, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Tables of this kind, every key of them anything of its type."""
    fields = {each.name: SMALL.get(each.type, ...) for each in fields_of(kind)} | more
    return st.lists(st.builds(kind, **fields), max_size=2, unique_by=lambda each: each.name)


ACCOUNTS = st.none() | st.builds(NewAccountsSection, shell=TEXT, groups=st.just(["a"]))
SIGNALS = st.none() | st.builds(SignalsSection, audience=TEXT, algorithms=TEXTS)
CONFIGS = st.builds(
    config,
    ca=st.builds(CaSection, name=TEXT, url=st.just("https://ca.example.com")),
    hosts=st.builds(
        HostsSection,
        domains=st.lists(TEXT, max_size=3),
        short_names=TEXT,
        addresses=st.just(["x"]),
        fail_closed=st.lists(st.builds(FailClosedSection, after=TEXT), max_size=2),
    ),
    lifetimes=st.builds(LifetimeSection, **dict.fromkeys(LifetimeSection.__struct_fields__, ...)),
    pages=st.none() | st.builds(PagesSection, url=TEXT),
    providers=named(ProviderSection, signals=SIGNALS),
    roles=named(RoleSection, new_accounts=ACCOUNTS),
    operators=named(OperatorSection),
    bastions=named(BastionSection),
    reserved_logins=st.lists(TEXT, max_size=3),
)


@settings(max_examples=100)
@given(CONFIGS)
def test_a_document_and_the_file_it_came_from_make_the_same_configuration(whole: Config) -> None:
    assert merged(policy_document(whole), whole) == whole


@settings(max_examples=100)
@given(CONFIGS, CONFIGS)
def test_what_is_shared_comes_from_the_document_alone_and_the_rest_from_the_file(one: Config, other: Config) -> None:
    made = merged(policy_document(one), other)
    assert policy_document(made) == policy_document(one) and policy_hash(made) == policy_hash(one)
    assert (made.keys, made.pages, replace(made.ca, name="")) == (other.keys, other.pages, replace(other.ca, name=""))
    for provider in made.providers:
        known = {(each.name, each.issuer): each for each in other.providers}
        mine = known.get((provider.name, provider.issuer))
        assert [getattr(provider, name) for name in SECRETS] == [getattr(mine, name, "") for name in SECRETS]


@settings(max_examples=100)
@given(CONFIGS)
def test_as_toml_and_back_it_is_the_same(whole: Config) -> None:
    document = policy_document(whole)
    assert tomllib.loads(as_toml(document)) == json.loads(document)


def test_short_tables_stand_below_headings_of_their_own() -> None:
    toml = as_toml(policy_document(config()))
    assert "[[providers]]\nclient_id" in toml and "~" not in toml


@settings(max_examples=50)
@given(CONFIGS, st.text(min_size=8, max_size=8, alphabet="QXZ"))
def test_no_secret_is_in_a_document(whole: Config, secret: str) -> None:
    def told(word: str) -> str:
        providers = [replace(each, **dict.fromkeys(SECRETS, word)) for each in whole.providers]
        return policy_document(replace(whole, providers=providers))

    assert told(secret) == told("")
    assert not any(name in provider for name in SECRETS for provider in json.loads(told(secret))["providers"])


GOOD = policy_document(config())


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (GOOD.replace('"roles":[]', '"roles":[{"name":"x","moon":1}]'), "moon"),
        (GOOD.replace("{", '{"moon":1,', 1), "moon"),
        (GOOD.replace('"name":"idp"', '"name":"idp","client_secret":7'), "client_secret"),
        (GOOD.replace('"hosts":{', '"hosts":{"pattern":[],'), "pattern"),
        (GOOD[:-1], "truncated"),
        ("", "truncated"),
        ("[]", "Expected"),
        ("[" * 5000, ""),
        (GOOD.replace('"ca":{"name":"Example"}', '"ca":{"name":"Example","url":"https://evil.example"}'), "url"),
    ],
)
def test_a_document_that_can_t_be_read_says_what_it_is_and_what_to_do(document: str, said: str) -> None:
    assert document != GOOD
    with pytest.raises(Misconfigured) as caught:
        merged(document, config())
    assert said in caught.value.message
    assert "bring daypass on this machine to the release" in (caught.value.hint or "")


def test_a_secret_goes_to_no_other_issuer_under_the_same_name() -> None:
    """Who may publish could have the CA send it to a token endpoint of theirs."""
    (provider,) = config().providers
    local = config(providers=[replace(provider, **dict.fromkeys(SECRETS, "hunter2"))])
    kept, moved = (merged(policy_document(config(providers=[each])), local).providers[0] for each in (
        provider, replace(provider, issuer="https://evil.example"),
    ))  # fmt: skip
    assert [getattr(kept, name) for name in SECRETS] == ["hunter2"] * len(SECRETS)
    assert [getattr(moved, name) for name in SECRETS] == [""] * len(SECRETS)


def test_a_document_with_a_secret_in_it_is_not_what_its_hash_says() -> None:
    """Whoever slips one into the database has it believed by nobody: the hash is made of what is read back."""
    forged = GOOD.replace('"name":"idp"', '"client_secret":"hunter2","name":"idp"')
    made = merged(forged, config())
    assert made.providers[0].client_secret == ""
    assert policy_hash(made) != hashlib.sha256(forged.encode()).digest()


def test_edited_toml_is_judged_as_the_file_is() -> None:
    local = config()
    text = as_toml(policy_document(local))
    assert from_toml(text, local) == local
    for before, after, said in (
        ("config_version = 1", "config_version = 2", "config_version"),
        ("[hosts]", "[host]", "host"),
        ('"*.example.com"', '"*"', "hosts.domains[0]"),
        ("[hosts]", "[hosts", "TOML"),
        ("config_version = 1", "config_version = 1\ninclude = ['/etc/shadow']", "include"),
    ):
        assert before in text
        with pytest.raises(Misconfigured, match="has mistakes") as caught:
            from_toml(text.replace(before, after), local)
        assert said in caught.value.message
