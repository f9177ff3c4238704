"""Several companies on one laptop: each keeps to itself, and a host's name says which one is meant."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daypass.client import contexts, holding, trust
from daypass.client.agents.agent import Agent
from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import Conflict, Invalid, NotFound
from tests.client.laptop import at, follow
from tests.client.mini_ca import MiniCa, run_mini_ca


def login(settings: Settings) -> holding.Held:
    return Login(settings, lambda _: None, follow).run()


def test_the_last_one_joined_is_in_use_until_another_is_chosen(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    assert settings.current() == other.context
    assert contexts.use(settings, joined.context.name) == joined
    assert settings.current() == joined.context
    assert at(settings, "other").current() == other.context


@pytest.mark.parametrize("name", ["nobody", "../other", ""])
def test_a_company_never_joined_can_not_be_used(name: str, other: Membership, settings: Settings) -> None:
    with pytest.raises(NotFound, match="no company called") as caught:
        contexts.use(settings, name)
    assert "other" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["../x", "Upper", ".", "a b", "-a", "a" * 65])
def test_a_name_that_could_be_no_folder_is_refused(name: str, ca: MiniCa, settings: Settings) -> None:
    with pytest.raises(Invalid, match="no name for a company"):
        trust.bootstrap(settings, ca.url, ca.fingerprint, name)


def test_a_company_is_joined_under_one_name_and_keeps_it(
    other: Membership, other_ca: MiniCa, settings: Settings
) -> None:
    assert trust.bootstrap(settings, other_ca.url, other_ca.fingerprint).context == other.context
    with pytest.raises(Conflict, match="joined already, as other"):
        trust.bootstrap(settings, other_ca.url, other_ca.fingerprint, "second")


def test_a_name_that_is_taken_by_another_ca_is_a_conflict(other: Membership, settings: Settings) -> None:
    with run_mini_ca() as third, pytest.raises(Conflict, match="another CA is pinned as other"):
        trust.bootstrap(settings, third.url, third.fingerprint, "other")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("web-1.corp.test", "corp"),
        ("WEB-1.CORP.TEST.", "corp"),
        ("db.other.test", "other"),
        ("github.com", None),
        ("corp.test", None),
        ("xcorp.test", None),
        ("$(id).example", None),
    ],
)
def test_a_host_belongs_to_the_company_whose_patterns_admit_it(
    host: str, expected: str | None, joined: Membership, other: Membership, settings: Settings
) -> None:
    found = contexts.for_host(settings, host)
    names = {joined.context.name: "corp", "other": "other"}
    assert (names[found.context.name] if found else None) == expected


def test_the_company_asked_for_is_the_only_one_that_counts(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    assert contexts.for_host(at(settings, "other"), "web-1.corp.test") is None


def test_of_two_that_claim_a_host_the_one_that_ssh_goes_by_has_it(
    joined: Membership, other_ca: MiniCa, settings: Settings
) -> None:
    """Whichever is in use: ssh knows nothing of that."""
    other_ca.host_patterns = ["*.corp.test"]
    other = trust.bootstrap(settings, other_ca.url, other_ca.fingerprint, "other")
    assert contexts.for_host(settings, "web-1.corp.test") == joined
    sshsetup.apply(settings, sshsetup.plan(at(settings, "other")))
    assert contexts.for_host(settings, "web-1.corp.test") == other
    assert contexts.for_host(at(settings, joined.context.name), "web-1.corp.test") == joined
    sshsetup.apply(settings, sshsetup.plan(settings))
    assert contexts.for_host(settings, "web-1.corp.test") == joined


@pytest.mark.parametrize(
    ("patterns", "shared"),
    [
        (["*.other.test"], []),
        (["*.corp.test"], ["*.corp.test"]),
        (["web-1.corp.test"], ["web-1.corp.test"]),
        (["*.eu.corp.test", "*.other.test"], ["*.eu.corp.test"]),
        (["xcorp.test"], []),
    ],
)
def test_what_two_companies_both_claim_is_found(
    patterns: list[str], shared: list[str], joined: Membership, other_ca: MiniCa, settings: Settings
) -> None:
    other_ca.host_patterns = patterns
    trust.bootstrap(settings, other_ca.url, other_ca.fingerprint, "other")
    assert [each.pattern for each in contexts.overlaps(settings)] == shared


def test_each_company_has_its_own_pass_and_logout_gives_up_one(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    ours, theirs = login(at(settings, joined.context.name)), login(at(settings, "other"))
    agent = Agent(ours.agent.path)
    assert agent.holds(ours.certificate.encode())
    assert agent.holds(theirs.certificate.encode())
    assert contexts.remove(settings, "other").had_pass
    assert agent.holds(ours.certificate.encode())
    assert not agent.holds(theirs.certificate.encode())


def test_leaving_takes_everything_of_that_company_and_nothing_else(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings))
    kept = sorted(path for path in joined.context.folder.rglob("*"))
    contexts.remove(settings, "other")
    assert not other.context.folder.exists()
    assert sorted(path for path in joined.context.folder.rglob("*")) == kept
    assert settings.current() == joined.context
    contexts.remove(settings, joined.context.name)
    assert settings.current() is None


def test_a_company_whose_files_are_damaged_can_be_left(other: Membership, settings: Settings) -> None:
    other.context.trust.write_bytes(b"{")
    assert contexts.joined(settings)[-1] == (other.context, None)
    contexts.remove(settings, "other")
    assert not other.context.folder.exists()


def test_login_without_a_word_is_about_the_company_asked_for(
    joined: Membership, other: Membership, settings: Settings, sign_in: Callable[..., Login]
) -> None:
    login(at(settings, joined.context.name))
    assert holding.held(joined, 0) is None  # not of 1970
    assert Login(at(settings, joined.context.name), lambda _: None, follow).held() is not None
    assert Login(at(settings, "other"), lambda _: None, follow).held() is None
