"""What a new configuration changes is said key by key; nothing that could give anybody more is called narrower."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import fields, replace

from daypass.ca.change_rules import RULES
from daypass.ca.changes import Effect, changes, widens
from daypass.config import Config, FailClosedSection, HostsSection, LifetimeSection, ProviderSection, RoleSection
from daypass.config.schema import BastionSection, NewAccountsSection, OperatorSection, Section, SignalsSection
from tests.ca.samples import config

W, N, D = Effect.WIDER, Effect.NARROWER, Effect.DIFFERENT
ROLE = RoleSection(
    name="dba", hosts=["db-*"], labels={"env": ["prod"]}, groups=["dba"], claims={"team": ["data"]}, accounts=["sql"]
)
PROVIDER = ProviderSection(name="idp", issuer="https://idp.example.com", client_id="daypass")


def closing(after: str) -> HostsSection:
    return HostsSection(domains=["*.example.com"], fail_closed=[FailClosedSection(after=after, hosts=["db-*"])])


def effects(old: Config, new: Config) -> dict[str, set[Effect]]:
    found: dict[str, set[Effect]] = {}
    for change in changes(old, new):
        found.setdefault(change.key, set()).add(change.effect)
    return found


ROLE_CASES: list[tuple[str, Any, Any, set[Effect]]] = [
    ("groups", ["dba"], ["dba", "sre"], {W}),
    ("groups", ["dba", "sre"], ["dba"], {N}),
    ("groups", ["dba"], ["sre"], {W, N}),
    ("groups", ["dba"], [], {W}),
    ("emails", [], ["a@example.com"], {N}),
    ("emails", ["a@example.com"], [], {W}),
    ("domains", ["example.com"], ["example.org"], {W, N}),
    ("claims", {"team": ["data"]}, {}, {W}),
    ("claims", {"team": ["data"]}, {"team": ["data"], "site": ["x"]}, {N}),
    ("claims", {"team": ["data"]}, {"team": ["data", "ops"]}, {W}),
    ("claims", {"team": []}, {"team": ["data"]}, {W}),
    ("amr", [], ["hwk"], {N}),
    ("acr", ["gold"], [], {W}),
    ("max_auth_age", "", "1h", {N}),
    ("max_auth_age", "1h", "2h", {W}),
    ("max_auth_age", "1h", "", {W}),
    ("provider", "", "idp", {N}),
    ("provider", "idp", "", {W}),
    ("provider", "idp", "other", {D}),
    ("hosts", ["db-*"], ["db-*", "web-1"], {W}),
    ("hosts", ["*"], ["db-*"], {N}),
    ("hosts", ["db-*"], ["*"], {W}),
    ("hosts", ["db-?"], ["db-*"], {W, N}),
    ("hosts", ["db-*"], ["db-1*"], {N}),
    ("hosts", ["db-*"], [], {W}),
    ("labels", {"env": ["prod"]}, {}, {W}),
    ("labels", {}, {"env": ["prod"]}, {N}),
    ("labels", {"env": ["prod"]}, {"env": ["prod", "test"]}, {W}),
    ("accounts", ["sql"], ["sql", "root"], {W}),
    ("accounts", ["sql", "root"], ["sql"], {N}),
    ("new_accounts", None, NewAccountsSection(), {W}),
    ("new_accounts", NewAccountsSection(), None, {N}),
    ("new_accounts", NewAccountsSection(), NewAccountsSection(shell="/bin/zsh"), {D}),  # noqa: S604
    ("new_accounts", NewAccountsSection(), NewAccountsSection(privileged_groups=["sudo"]), {W}),
    ("new_accounts", NewAccountsSection(groups=["dev"]), NewAccountsSection(), {N}),
    ("lifetime", "8h", "9h", {W}),
    ("lifetime", "8h", "", {W}),
    ("lifetime", "8h", "1h", {N}),
    ("lifetime", "1h", "60m", set()),
    ("windows", [], ["mon-fri 08:00-18:00 Europe/Berlin"], {N}),
    ("windows", ["mon-fri 08:00-18:00 Europe/Berlin"], [], {W}),
    ("windows", ["mon-fri 08:00-18:00 UTC"], ["mon-sun 08:00-18:00 UTC"], {W, N}),
    ("extensions", ["permit-pty"], ["permit-pty", "permit-agent-forwarding"], {W}),
    ("extensions", ["permit-pty"], [], {N}),
    ("source_address", [], ["192.0.2.0/24"], {N}),
    ("source_address", ["192.0.2.0/24"], [], {W}),
    ("source_address", ["192.0.2.0/24"], ["192.0.2.7"], {N}),
    ("source_address", ["192.0.2.0/24"], ["192.0.0.0/16"], {W}),
    ("source_address", ["192.0.2.0/24"], ["2001:db8::/32"], {W, N}),
    ("force_command", "", "backup", {N}),
    ("force_command", "backup", "", {W}),
    ("force_command", "backup", "restore", {D}),
    ("day_pass", False, True, {W}),
    ("day_pass", True, False, {N}),
    ("bare_hosts", False, True, {W}),
    ("bare_hosts", True, False, {N}),
    ("git", {}, {"git.example.com": "login"}, {W}),
    ("git", {"git.example.com": "login"}, {}, {N}),
    ("git", {"git.example.com": "login"}, {"git.example.com": "claim:nick"}, {D}),
    ("refuse_remote", True, False, {W}),
    ("refuse_remote", False, True, {N}),
]


@pytest.mark.parametrize(("key", "old", "new", "expected"), ROLE_CASES)
def test_each_key_of_a_role_says_which_way_it_goes(key: str, old: Any, new: Any, expected: set[Effect]) -> None:
    before, after = (config(roles=[replace(ROLE, **{key: value})]) for value in (old, new))
    assert effects(before, after).get(f"roles.dba.{key}", set()) == expected


OTHER_CASES: list[tuple[str, dict[str, Any], dict[str, Any], set[Effect]]] = [
    ("roles.dba", {}, {"roles": [ROLE]}, {W}),
    ("roles.dba", {"roles": [replace(ROLE, accounts=["root"])]}, {}, {N}),
    ("operators.help", {}, {"operators": [OperatorSection(name="help")]}, {W}),
    ("operators.help", {"operators": [OperatorSection(name="help")]}, {}, {N}),
    ("operators.help.can", {"operators": [OperatorSection(name="help")]},
     {"operators": [OperatorSection(name="help", can=["lock"])]}, {W}),
    ("operators.help.groups", {"operators": [OperatorSection(name="help", groups=["a"])]},
     {"operators": [OperatorSection(name="help")]}, {W}),
    ("reserved_logins", {"reserved_logins": ["deploy"]}, {}, {W}),
    ("reserved_logins", {}, {"reserved_logins": ["deploy"]}, {N}),
    ("hosts.domains", {}, {"hosts": HostsSection(domains=["*.example.com", "example.org"])}, {W}),
    ("hosts.domains", {}, {"hosts": HostsSection(domains=["*.eu.example.com"])}, {N}),
    ("hosts.short_names", {}, {"hosts": HostsSection(domains=["*.example.com"], short_names="example.com")}, {W}),
    ("hosts.short_names", {"hosts": HostsSection(domains=["*.example.com"], short_names="example.com")}, {}, {N}),
    ("hosts.addresses", {}, {"hosts": HostsSection(domains=["*.example.com"], addresses=["10.0.0.0/8"])}, {W}),
    ("hosts.addresses", {"hosts": HostsSection(domains=["*.example.com"], addresses=["10.0.0.0/8"])},
     {"hosts": HostsSection(domains=["*.example.com"], addresses=["10.1.0.0/16"])}, {N}),
    ("hosts.fail_closed", {}, {"hosts": closing("24h")}, {N}),
    ("hosts.fail_closed", {"hosts": closing("24h")}, {}, {W}),
    ("hosts.fail_closed", {"hosts": closing("24h")}, {"hosts": closing("48h")}, {W, N}),
    ("bastions.in", {}, {"bastions": [BastionSection(name="in", hosts=["*"])]}, {D}),
    ("bastions.in", {"bastions": [BastionSection(name="in", hosts=["*"])]}, {}, {D}),
    ("bastions.in.hosts", {"bastions": [BastionSection(name="in", hosts=["*"])]},
     {"bastions": [BastionSection(name="in", hosts=["db-*"])]}, {D}),
    ("lifetimes.user", {}, {"lifetimes": LifetimeSection(user="17h")}, {W}),
    ("lifetimes.user", {}, {"lifetimes": LifetimeSection(user="8h")}, {N}),
    ("lifetimes.floor", {}, {"lifetimes": LifetimeSection(floor="1m")}, {W}),
    ("lifetimes.floor", {}, {"lifetimes": LifetimeSection(floor="1h")}, {N}),
    ("lifetimes.host", {}, {"lifetimes": LifetimeSection(host="60d")}, {W}),
    ("lifetimes.backdate", {}, {"lifetimes": LifetimeSection(backdate="5m")}, {W}),
    ("lifetimes.backdate", {}, {"lifetimes": LifetimeSection(backdate="30s")}, {D}),
    ("providers.other", {}, {"providers": [PROVIDER, replace(PROVIDER, name="other")]}, {W}),
    ("providers.idp", {}, {"providers": []}, {N}),
    *(
        (f"providers.idp.{key}", {"providers": [replace(PROVIDER, **{key: old})]},
         {"providers": [replace(PROVIDER, **{key: new})]}, {effect})
        for key, old, new, effect in (
            ("issuer", "https://a.example", "https://b.example", D),
            ("client_id", "a", "b", D),
            ("groups_claim", "groups", "roles", D),
            ("groups_from", "token", "graph", D),
            ("login_name", "email", "step", D),
            ("scopes", ["openid"], ["openid", "email"], D),
            ("tenants", ["a"], ["a", "b"], D),
            ("hosted_domain", "example.com", "", W),
            ("hosted_domain", "", "example.com", N),
            ("max_age", "1h", "", W),
            ("max_age", "1h", "5m", N),
            ("require_auth_time", True, False, W),
            ("require_auth_time", False, True, N),
            ("allow_unbound", False, True, W),
            ("trust_email", False, True, W),
            ("email_domains", ["a.example"], ["a.example", "b.example"], W),
            ("algorithms", ["ES256"], ["ES256", "RS256"], W),
            ("device_client_id", "", "tv", W),
            ("device_client_id", "tv", "", N),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("key", "old", "new", "expected"), OTHER_CASES)
def test_each_key_of_the_rest_says_which_way_it_goes(
    key: str, old: dict[str, Any], new: dict[str, Any], expected: set[Effect]
) -> None:
    assert effects(config(**old), config(**new)).get(key) == expected


OTHER = RoleSection(name="all", hosts=["*"], groups=["staff"], accounts=["sql"])
SIDE_CASES: list[tuple[str, list[RoleSection], list[RoleSection], Effect]] = [
    ("its line held those with another role to a command", [replace(ROLE, force_command="x"), OTHER], [OTHER], D),
    ("its line now stands before one with a network",
     [ROLE, replace(OTHER, source_address=["192.0.2.0/24"])],
     [replace(ROLE, force_command="x"), replace(OTHER, source_address=["192.0.2.0/24"])], D),
    ("it kept an extension out of the day pass", [replace(ROLE, bare_hosts=True, extensions=[]), OTHER],
     [replace(OTHER, accounts=["{login}"])], D),
    ("it clashed at a Git server", [replace(ROLE, git={"git.example.com": "login"}),
     replace(OTHER, git={"git.example.com": "claim:x"})],
     [ROLE, replace(OTHER, git={"git.example.com": "claim:x"})], D),
    ("its account was no person's name", [ROLE], [replace(ROLE, accounts=["root"])], W),
    ("it had no condition", [replace(ROLE, groups=[], claims={})], [ROLE], W),
    ("it reached no host", [replace(ROLE, hosts=[], labels={})], [replace(ROLE, hosts=["db-1"])], W),
    ("it lists people, who may have a reserved name", [replace(ROLE, accounts=["{login}"])],
     [replace(ROLE, accounts=["{login}"], emails=["root@example.com"])], W),
]  # fmt: skip


@pytest.mark.parametrize(("_because", "old", "new", "effect"), SIDE_CASES, ids=[case[0] for case in SIDE_CASES])
def test_taking_something_from_a_role_is_not_called_narrower_where_it_can_give(
    _because: str, old: list[RoleSection], new: list[RoleSection], effect: Effect
) -> None:
    assert effect in effects(config(roles=old), config(roles=new)).get("roles.dba", set())


def test_a_role_too_short_for_the_day_pass_joins_a_shorter_one() -> None:
    before, after = config(roles=[replace(ROLE, lifetime="8h")]), {"lifetimes": LifetimeSection(user="8h")}
    assert effects(before, config(roles=before.roles, **after))["roles.dba"] == {D}


def test_too_many_roles_hide_nothing_by_one_of_them_going() -> None:
    many = [replace(ROLE, name=f"r{index}") for index in range(129)]
    assert effects(config(roles=many), config(roles=many[1:]))["roles.r0"] == {N, D}


def test_the_same_configuration_changes_nothing() -> None:
    assert changes(config(roles=[ROLE]), config(roles=[ROLE])) == []


def test_the_order_in_a_list_is_no_change() -> None:
    two = replace(ROLE, groups=["a", "b"])
    assert changes(config(roles=[two]), config(roles=[replace(two, groups=["b", "a"])])) == []


def test_every_key_there_is_has_been_thought_about() -> None:
    """One that a later version adds is different until somebody has given it a rule, or named it here."""
    plain = "name issuer client_id client_secret web_client_secret device_client_secret type scopes groups_claim "
    plain += "groups_from acr_values login_name tenants redirect_host redirect_ports stale_after recheck signals"
    sections: dict[str, type[Section]] = {
        "roles": RoleSection,
        "operators": OperatorSection,
        "providers": ProviderSection,
        "lifetimes": LifetimeSection,
        "hosts": HostsSection,
    }
    keys = {f"{table}.{field.name}" for table, section in sections.items() for field in fields(section)}
    assert keys - RULES.keys() <= {f"{table}.{key}" for table in sections for key in plain.split()}
    assert RULES.keys() - keys == {"reserved_logins"}


def test_only_what_is_narrower_throughout_widens_nothing() -> None:
    wide, narrow = (config(roles=[replace(ROLE, groups=groups)]) for groups in (["a", "b"], ["a"]))
    assert not widens(changes(wide, narrow))
    assert widens(changes(narrow, wide))
    assert widens(changes(wide, config(roles=[replace(ROLE, groups=["b", "c"])])))


def test_what_a_file_says_moves_no_cursor() -> None:
    [change] = changes(config(), config(reserved_logins=["a\x1b[2J"]))
    assert "\x1b" not in change.text


def test_a_table_that_is_new_is_told_in_the_words_of_its_keys() -> None:
    signals = SignalsSection(audience="https://ca.example.com/signals")
    (change,) = changes(config(providers=[PROVIDER]), config(providers=[replace(PROVIDER, signals=signals)]))
    assert change.text == 'nothing -> audience "https://ca.example.com/signals"'
