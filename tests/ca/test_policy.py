"""Who gets what: one line a case."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.ca.policy import Policy
from daypass.ca.ports import View
from daypass.config import Config, LifetimeSection, RoleSection
from daypass.errors import DaypassError, Denied, Invalid
from daypass.model import Grant, HostFacts, Identity, Kind, NoLogin, OnceId, Person, Proof, Request
from daypass.wire import CertType
from tests.ca.samples import config

NOW = 1_800_000_000
ENGINEERS = RoleSection(name="engineers", hosts=["*"], groups=["eng"], accounts=["{login}"])
DEPLOY = RoleSection(name="deploy", hosts=["*"], groups=["ops"], accounts=["deploy", "web"])
DOMAIN = RoleSection(name="r", hosts=["*"], domains=["example.com"], accounts=["{login}"])
OTHER_DOMAIN = RoleSection(name="r", hosts=["*"], groups=["eng"], domains=["example.org"], accounts=["{login}"])
OTHER_PROVIDER = RoleSection(name="r", hosts=["*"], provider="other", groups=["eng"], accounts=["{login}"])
LISTED = RoleSection(name="listed", hosts=["*"], emails=["alice@example.com"], accounts=["{login}"])
CONTRACTORS = RoleSection(name="contractors", hosts=["*"], groups=["ext"], accounts=["{login}"], lifetime="4h")


def alice(**changes: Any) -> Identity:
    facts: dict[str, Any] = {
        "kind": Kind.PERSON,
        "provider": "idp",
        "issuer": "https://idp.example.com",
        "subject": "248289",
        "email": "alice@example.com",
        "login": "alice",
        "names": ("alice",),
        "groups": frozenset({"eng"}),
        "auth_time": NOW,
    }
    return Identity(**(facts | changes))


def decide(
    settings: Config,
    identity: Identity,
    *,
    person: Person | None = None,
    enrolment: HostFacts | None = None,
    remote: bool = False,
    **asked: Any,
) -> Grant:
    policy = Policy(settings)
    proof = Proof(identity, OnceId("idp", "n"), NOW, NOW + 300, bound=True, remote=remote, enrolment=enrolment)
    kind = CertType.HOST if enrolment else CertType.USER
    view = View(person, None, None, policy.hash, NOW)
    return policy.decide(proof, Request(type=asked.pop("type", kind), keys=(), **asked), view, NOW)


@pytest.mark.parametrize(
    ("groups", "principals", "roles"),
    [
        ({"eng"}, ("role:engineers:alice",), ("engineers",)),
        ({"ops"}, ("role:deploy",), ("deploy",)),
        ({"eng", "ops"}, ("role:engineers:alice", "role:deploy"), ("engineers", "deploy")),
    ],
)
def test_groups_give_the_principals_of_their_roles(groups: set[str], principals: Any, roles: Any) -> None:
    grant = decide(config(roles=[ENGINEERS, DEPLOY]), alice(groups=frozenset(groups)))
    assert (grant.principals, grant.roles) == (principals, roles)


def test_a_login_name_stands_in_the_certificate_only_where_a_role_says_bare_hosts() -> None:
    bare = RoleSection(name="bare", hosts=["*"], groups=["eng"], accounts=["{login}"], bare_hosts=True)
    assert "alice" in decide(config(roles=[bare]), alice()).principals
    assert "alice" not in decide(config(roles=[ENGINEERS]), alice()).principals


def test_a_shared_account_never_yields_the_principal_that_opens_someones_own_account() -> None:
    """With a plain role name in a person's own file, everyone with it could log in as that person (trust 1.1)."""
    both = RoleSection(name="both", hosts=["*"], groups=["eng"], accounts=["{login}", "deploy"])
    assert decide(config(roles=[both]), alice()).principals == ("role:both:alice", "role:both")


@pytest.mark.parametrize(
    ("roles", "identity", "code"),
    [
        ([], alice(), "policy.no-role"),
        ([ENGINEERS], alice(groups=frozenset()), "policy.no-role"),
        ([ENGINEERS], alice(groups=frozenset({"engineering"})), "policy.no-role"),
        ([RoleSection(name="r", hosts=["*"], accounts=["{login}"])], alice(), "policy.no-role"),  # opkssh#596
        ([OTHER_DOMAIN], alice(), "policy.no-role"),
        ([DOMAIN], alice(email=None), "policy.no-role"),
        ([DOMAIN], alice(email="a@notexample.com"), "policy.no-role"),
        ([OTHER_PROVIDER], alice(), "policy.no-role"),
        ([ENGINEERS], alice(login=None, names=()), "policy.login-name"),
        ([ENGINEERS], alice(login="Alice", names=("Alice",)), "policy.login-name"),
        ([ENGINEERS], alice(login="root", names=("root",)), "policy.reserved"),
        ([ENGINEERS], alice(login="postgres", names=("postgres",)), "policy.reserved"),
        ([ENGINEERS], alice(login="provisioner", names=("provisioner",)), "policy.reserved"),
        ([ENGINEERS, DEPLOY], alice(login="deploy", names=("deploy",)), "policy.reserved"),
        ([ENGINEERS], alice(login="ceo", names=("ceo",)), "policy.reserved"),
        ([ENGINEERS], alice(names=("alice", "root")), "policy.reserved"),
        ([ENGINEERS], alice(login="ec2-user", names=("ec2-user",)), "policy.reserved"),
        ([LISTED], alice(login="root", names=("root",)), "policy.reserved"),  # the name came from another claim
        ([LISTED, DEPLOY], alice(login="deploy", names=("deploy",)), "policy.reserved"),
        ([ENGINEERS], alice(auth_time=NOW - 20 * 3600), "policy.lifetime"),
    ],
)  # fmt: skip
def test_no_comes_with_its_rule(roles: list[RoleSection], identity: Identity, code: str) -> None:
    with pytest.raises(Denied) as caught:
        decide(config(roles=roles, reserved_logins=["ceo"]), identity)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_reserved_name_is_told_with_the_settings_that_would_give_one() -> None:
    with pytest.raises(Denied, match='"root" is reserved') as caught:
        decide(config(roles=[ENGINEERS]), alice(login="root", names=("root",), email="root@example.com"))
    assert "root@…" in str(caught.value.hint) and 'login_name = "claim:NAME" for provider "idp"' in str(
        caught.value.hint
    )


def test_why_there_is_no_login_name_is_passed_on() -> None:
    why = NoLogin("idp sends nothing", "operator: let it")
    with pytest.raises(Denied) as caught:
        decide(config(roles=[ENGINEERS]), alice(login=None, names=(), no_login=why))
    assert (caught.value.message, caught.value.hint) == (why.message, why.hint)


def test_a_reserved_name_goes_to_the_very_person_a_role_lists() -> None:
    grant = decide(config(roles=[LISTED], reserved_logins=["ceo"]), alice(login="ceo", names=("ceo",)))
    assert grant.principals == ("role:listed:ceo",)
    role = RoleSection(name="operator", hosts=["*"], emails=["operator@example.com"], accounts=["{login}"])
    operator = alice(login="operator", names=("operator",), email="operator@example.com")
    assert decide(config(roles=[role]), operator).principals == ("role:operator:operator",)


@pytest.mark.parametrize(
    "accounts",
    [
        "backup _apt systemd-network systemd-timesync messagebus polkitd sshd avahi usbmux tss uuidd",  # Debian
        "rtkit colord geoclue saned hplip gdm whoopsie fwupd-refresh cups-pk-helper dhcpcd syslog",  # Ubuntu
        "sssd unbound rpc rpcuser setroubleshoot cockpit-ws nfsnobody dnsmasq radvd saslauth pipewire",  # RHEL
        "postgres mysql redis www-data nginx apache tomcat haproxy named bind memcache rabbitmq git",  # packages
    ],
)
def test_an_account_of_the_system_is_nobody_s_login_name(accounts: str) -> None:
    for name in accounts.split():
        with pytest.raises(Denied) as caught:
            decide(config(roles=[ENGINEERS]), alice(login=name, names=(name,)))
        assert caught.value.code == "policy.reserved"


def test_a_locked_person_gets_nothing() -> None:
    person = Person(1, "https://idp.example.com", "248289", "alice", ("alice",), 3, locked=True)
    with pytest.raises(Denied) as caught:
        decide(config(roles=[ENGINEERS]), alice(), person=person)
    assert caught.value.code == "policy.locked"


def test_the_name_on_record_decides_and_not_what_the_token_says_today() -> None:
    person = Person(1, "https://idp.example.com", "248289", "alice", ("alice",), 3)
    grant = decide(config(roles=[ENGINEERS]), alice(login="bob", names=("bob",)), person=person)
    assert grant.principals == ("role:engineers:alice",)


@pytest.mark.parametrize(("yields", "given"), [(("alice", "alice@example.com"), True), (("alice",), False)])
def test_an_email_on_record_is_a_principal_only_while_the_provider_yields_it(
    yields: tuple[str, ...], given: bool
) -> None:
    """login_name = "step" gives it; after a change to another rule it must be gone (trust 1.1)."""
    bare = RoleSection(name="bare", hosts=["*"], groups=["eng"], accounts=["{login}"], bare_hosts=True)
    person = Person(1, "https://idp.example.com", "248289", "alice", ("al.ice", "alice", "alice@example.com"), 3)
    principals = decide(config(roles=[bare]), alice(names=yields), person=person).principals
    assert ("alice@example.com" in principals, "al.ice" in principals) == (given, True)


@pytest.mark.parametrize(
    ("asked", "auth_time", "expected"),
    [
        ({}, NOW, NOW + 16 * 3600),
        ({}, NOW - 3600, NOW + 16 * 3600),
        ({}, NOW - 6 * 3600, NOW + 14 * 3600),  # auth_time + 20 h, and no renewal moves it (trust 3.7)
        ({"lifetime": 8 * 3600}, NOW, NOW + 8 * 3600),
        ({"lifetime": 48 * 3600}, NOW, NOW + 20 * 3600),
        ({"lifetime": 48 * 3600}, None, NOW + 20 * 3600),
        ({"valid_before": NOW + 600}, NOW, NOW + 600),
    ],
)
def test_a_certificate_ends_at_the_least_of_all_limits(asked: Any, auth_time: int | None, expected: int) -> None:
    grant = decide(config(roles=[ENGINEERS]), alice(auth_time=auth_time), **asked)
    assert (grant.valid_after, grant.valid_before) == (NOW - 60, expected)


def test_a_role_shorter_than_the_day_pass_is_not_in_it() -> None:
    groups = frozenset({"eng", "ext"})
    settings = config(roles=[ENGINEERS, CONTRACTORS])
    assert decide(settings, alice(groups=groups)).roles == ("engineers",)
    assert decide(settings, alice(groups=groups), lifetime=4 * 3600).roles == ("engineers", "contractors")


def test_of_one_whose_roles_are_all_short_the_day_pass_is_as_long_as_the_longest() -> None:
    """Plain ssh asks for no time, and has to get in all the same."""
    shorter = RoleSection(name="guests", hosts=["*"], groups=["ext"], accounts=["guest"], lifetime="1h")
    settings, person = config(roles=[ENGINEERS, CONTRACTORS, shorter]), alice(groups=frozenset({"ext"}))
    grant = decide(settings, person)
    assert (grant.valid_before, grant.roles) == (NOW + 4 * 3600, ("contractors",))
    with pytest.raises(Denied, match="no role of yours gives a certificate for 5 h") as caught:
        decide(settings, person, lifetime=5 * 3600)
    assert caught.value.hint == 'role "contractors" gives 4 h: daypass login --lifetime 240m'


def test_the_ceiling_of_the_configuration_holds_over_a_role() -> None:
    lifetimes = LifetimeSection(user="8h", user_ceiling="8h")
    grant = decide(config(roles=[ENGINEERS], lifetimes=lifetimes), alice(), lifetime=20 * 3600)
    assert grant.valid_before == NOW + 8 * 3600


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"valid_before": NOW - 1}, Invalid),
        ({"valid_after": NOW + 100, "valid_before": NOW + 50}, Invalid),
        ({"lifetime": 60}, Denied),
        ({"lifetime": -5}, Invalid),
        ({"principals": ("root",)}, Denied),
        ({"principals": ("role:engineers:alice", "role:deploy")}, Denied),
        ({"type": CertType.HOST}, Denied),
    ],
)
def test_a_request_can_only_narrow(asked: Any, error: type[DaypassError]) -> None:
    with pytest.raises(error):
        decide(config(roles=[ENGINEERS]), alice(), **asked)


def test_more_principals_than_openssh_takes_are_denied_with_a_hint() -> None:
    roles = [RoleSection(name=f"r{n}", hosts=["*"], groups=["eng"], accounts=["{login}"]) for n in range(257)]
    with pytest.raises(Denied) as caught:
        decide(config(roles=roles), alice())
    assert caught.value.code == "policy.principals" and caught.value.hint


@pytest.mark.parametrize(
    ("email", "key_id"),
    [("alice@example.com", "alice@example.com"), ("o'hara@example.com", "alice@idp"), (None, "alice@idp")],
)
def test_a_key_id_is_what_logs_can_carry(email: str | None, key_id: str) -> None:
    assert decide(config(roles=[ENGINEERS]), alice(email=email)).key_id == key_id


@pytest.mark.parametrize(
    ("facts", "principals"),
    [
        (HostFacts("web-1.example.com"), ("web-1.example.com",)),
        (HostFacts("a.example.com", ("b.example.com", "a.example.com")), ("a.example.com", "b.example.com")),
    ],
)
def test_a_host_gets_the_names_of_its_token(facts: HostFacts, principals: tuple[str, ...]) -> None:
    grant = decide(config(), alice(kind=Kind.HOST), enrolment=facts)
    assert (grant.principals, grant.valid_before) == (principals, NOW + 30 * 86400)
    assert not grant.extensions and not grant.critical_options


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "github.com",
            Denied,
        ),  # with `*` a host certified as github.com was accepted over the pinned key (trust 5.2)
        ("example.com", Denied),
        ("evilexample.com", Denied),
        ("web-1", Denied),
        ("*.example.com", Invalid),
        ("WEB.example.com", Invalid),
        ("web_1.example.com", Invalid),
        ("web-1.example.com.", Invalid),
        ("10.0.0.1", Invalid),
        ("web-1.example.com,github.com", Invalid),
        ("", Invalid),
    ],
)
def test_a_host_name_outside_the_domains_is_refused(name: str, error: type[DaypassError]) -> None:
    with pytest.raises(error):
        decide(config(), alice(kind=Kind.HOST), enrolment=HostFacts(name))


def test_the_same_policy_in_two_processes_has_one_hash_and_another_policy_another() -> None:
    assert Policy(config(roles=[ENGINEERS])).hash == Policy(config(roles=[ENGINEERS])).hash
    assert Policy(config(roles=[ENGINEERS])).hash != Policy(config(roles=[DEPLOY])).hash


@pytest.mark.parametrize("asked", [{"lifetime": 1}, {"valid_before": NOW + 299}])
def test_a_host_certificate_shorter_than_the_floor_is_denied(asked: dict[str, Any]) -> None:
    facts = HostFacts("web-1.example.com")
    with pytest.raises(Denied) as caught:
        decide(config(), alice(kind=Kind.HOST), enrolment=facts, **asked)
    assert caught.value.code == "policy.lifetime"


@pytest.mark.parametrize("asked", [{"lifetime": 10}, {"valid_before": NOW + 299}])
def test_a_person_who_asks_for_less_than_the_floor_is_not_sent_to_sign_in_anew(asked: dict[str, Any]) -> None:
    with pytest.raises(Denied, match="this short is not given") as caught:
        decide(config(roles=[ENGINEERS]), alice(), **asked)
    assert caught.value.hint == "ask for more time"
