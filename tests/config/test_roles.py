"""Every key of a role and what can't be said with it, a line each: the value, the key that is named, what is said."""

from __future__ import annotations

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from tests.config.role import found, role

from daypass.ca.reach import line_options
from daypass.config import RoleSection, Severity, errors_in
from daypass.config.bounds import EXTENSIONS, command_fault, source_fault
from daypass.host.options import check
from daypass.model import PRIVILEGED_GROUPS

LONG = "x" * 1001
MANY = "[" + ",\n".join(f'"10.0.{number}.1"' for number in range(200)) + "]"

WHO = [
    ("groups", "[]", "", "has no condition, so nobody can have it"),
    ("groups", '[" "]', "groups[0]", "is empty"),
    ("groups", '["g", "g"]', "groups[1]", "is listed twice"),
    ("groups", '["g\\u0007"]', "groups[0]", "has a character that nobody sees"),
    ("groups", '["g "]', "groups[0]", 'did you mean "g"?'),
    ("groups", f'["{"g" * 257}"]', "groups[0]", "longer than 256"),
    ("emails", '["ann@exa_mple.com"]', "emails[0]", "is not an e-mail address"),
    ("emails", '["ann@x.org"]\ndomains = ["example.com"]', "emails[0]", "is in none of the domains"),
    ("domains", '["example.com", "example.com"]', "domains[1]", "is listed twice"),
    ("claims", '{ dept = "ops" }', "claims.dept", "must be a list in brackets, not text in quotes"),
    ("claims", '{ dept = ["ops", 1] }', "claims.dept[1]", "must be text in quotes"),
    ("claims", '["dept"]', "claims", "must be a table"),
    ("claims", "{ dept = [] }", "claims.dept", "no value would do, so nobody can have it"),
    ("claims", '{ dept = [""] }', "claims.dept[0]", "is empty"),
    ("claims", '{ "" = ["x"] }', 'claims.""', "a claim without a name"),
    ("claims", '{ email = ["a@example.com"] }', "claims.email", "has a key of its own: emails"),
    ("claims", '{ groups = ["g"] }', "claims.groups", "has a key of its own: groups"),
    ("claims", '{ acr = ["phr"] }', "claims.acr", "has a key of its own: acr"),
    ("claims", '{ email_verified = ["true"] }', "claims.email_verified", "says nothing of who somebody is"),
    ("claims", '{ iss = ["https://id.example.com"] }', "claims.iss", "says nothing of who somebody is"),
    ("amr", '[""]', "amr[0]", "is empty"),
    ("amr", '"mfa"', "amr", "must be a list in brackets"),
    ("acr", '["phr", "phr"]', "acr[1]", "is listed twice"),
    ("max_auth_age", '"soon"', "max_auth_age", "is not a duration"),
    ("max_auth_age", '"5m"', "max_auth_age", "is over before anything could be had"),
]

REACH = [
    ("hosts", '["Web-*"]', "hosts[0]", 'did you mean "web-*"?'),
    ("hosts", '["web-1,web-2"]', "hosts[0]", "is not one pattern"),
    ("hosts", '["!web-1.example.com"]', "hosts[0]", "there is no except"),
    ("hosts", '[""]', "hosts[0]", "is not a pattern"),
    ("hosts", '["web-[12].example.com"]', "hosts[0]", "is not a pattern"),
    ("hosts", '["w\u0435b-*"]', "hosts[0]", "is not a pattern"),
    ("hosts", '["192.0.2.7"]', "hosts[0]", "is an address"),
    ("hosts", '["*.example.com."]', "hosts[0]", 'did you mean "*.example.com"?'),
    ("hosts", '["web-*", "web-*"]', "hosts[1]", "is listed twice"),
    ("hosts", '["web-1"]', "hosts[0]", 'did you mean "web-1.example.com"?'),
    ("hosts", '["*.example.org"]', "hosts[0]", "is no host's name here: hosts.domains are *.example.com"),
    ("labels", "{ env = [] }", "labels.env", "so the role reaches no host"),
    ("labels", '{ env = ["*"] }', "labels.env[0]", "is no pattern here"),
    ("labels", '{ env = [" prod"] }', "labels.env[0]", "is not a label's value"),
    ("labels", '{ "e\\u001b" = ["c"] }', 'labels."e\\u001b"', "is not a label's name"),
    ("labels", '{ env = "prod" }', "labels.env", "must be a list in brackets"),
    ("labels", '{ "a=b" = ["c"] }', 'labels."a=b"', "is not a label's name"),
]

BOUNDS = [
    ("windows", '["mon-fri 08:00-18:00"]', "windows[0]", "names no time zone"),
    ("windows", '["mon 08:00-08:00 UTC"]', "windows[0]", "is empty"),
    ("windows", '["mon 08:00-08:04 UTC"]', "windows", "never hold for lifetimes.floor"),
    ("windows", '"mon 08:00-18:00 UTC"', "windows", "must be a list in brackets"),
    ("extensions", '["pty"]', "extensions[0]", 'did you mean "permit-pty"?'),
    ("extensions", '["permit-x11-forwarding"]', "extensions[0]", 'did you mean "permit-X11-forwarding"?'),
    ("extensions", '["no-touch-required"]', "extensions[0]", "is nothing that a role can permit"),
    ("extensions", '["force-command"]', "extensions[0]", "is nothing that a role can permit"),
    ("extensions", '["permit-pty", "permit-pty"]', "extensions[1]", "is listed twice"),
    ("source_address", '["10.1.2.3/8"]', "source_address[0]", 'did you mean "10.0.0.0/8"?'),
    ("source_address", '["10.0.0.0/255.0.0.0"]', "source_address[0]", 'did you mean "10.0.0.0/8"?'),
    ("source_address", '["2001:DB8::/32"]', "source_address[0]", 'did you mean "2001:db8::/32"?'),
    ("source_address", '["0.0.0.0/0"]', "source_address[0]", "is every address"),
    ("source_address", '["::/0"]', "source_address[0]", "is every address"),
    ("source_address", '["::ffff:10.0.0.0/104"]', "source_address[0]", "never matches"),
    ("source_address", '["fe80::1%eth0"]', "source_address[0]", "has a zone"),
    ("source_address", '["*.example.com"]', "source_address[0]", "is not an address"),
    ("source_address", '["!10.0.0.0/8"]', "source_address[0]", "is not an address"),
    ("source_address", '["10.0.0.0/8,0.0.0.0/0"]', "source_address[0]", "is not an address"),
    ("source_address", '[""]', "source_address[0]", "is not an address"),
    ("force_command", '" "', "force_command", "is blank"),
    ("force_command", '"a\\nb"', "force_command", "a line break"),
    ("force_command", '"a\\u0000b"', "force_command", "a line break"),
    ("force_command", '"a\\u001bb"', "force_command", "a line break"),
    ("force_command", '"a\\u202eb"', "force_command", "a line break"),
    ("force_command", '"a "', "force_command", "begins or ends with a space"),
    ("force_command", "'a\\'", "force_command", "ends with a backslash"),
    ("force_command", '"echo #1"', "force_command", "sshd would take what comes after it for a comment"),
    ("source_address", MANY, "source_address", "is longer than the 1500 characters"),
    ("force_command", f'"{LONG}"', "force_command", "is longer than 1000"),
    ("bare_hosts", 'true\nforce_command = "true"', "force_command", "would not hold on hosts that only trust the CA"),
    ("bare_hosts", 'true\nsource_address = ["10.0.0.0/8"]', "source_address", "would not hold on hosts"),
    ("bare_hosts", 'true\nextensions = ["permit-pty"]', "extensions", "would not hold on hosts"),
    ("bare_hosts", 'true\nlabels = { env = ["x"] }', "labels", "would not hold on hosts"),
    ("hosts", '["web-*"]\nbare_hosts = true', "hosts", "would not hold on hosts"),
    ("day_pass", '"no"', "day_pass", "must be true or false"),
]

OWN = '["{login}"]\nnew_accounts = '
ACCOUNTS = [
    ("new_accounts", "{}", "new_accounts", 'accounts has no "{login}"'),
    ("accounts", OWN + "true", "new_accounts", "must be a table"),
    ("accounts", OWN + '{ shel = "/bin/sh" }', "new_accounts.shel", 'did you mean "shell"?'),
    ("accounts", OWN + '{ shell = "bash" }', "new_accounts.shell", "is not a shell"),
    ("accounts", OWN + '{ shell = "" }', "new_accounts.shell", "is not a shell"),
    ("accounts", OWN + '{ shell = "/bin/../tmp/sh" }', "new_accounts.shell", "is not a shell"),
    ("accounts", OWN + '{ shell = "/bin/sh -c x" }', "new_accounts.shell", "is not a shell"),
    ("accounts", OWN + '{ shell = "/bin/sh:x" }', "new_accounts.shell", "is not a shell"),
    ("accounts", OWN + '{ groups = ["a,b"] }', "new_accounts.groups[0]", "is not a group"),
    ("accounts", OWN + '{ groups = ["-G"] }', "new_accounts.groups[0]", "is not a group"),
    ("accounts", OWN + '{ groups = ["sudo"] }', "new_accounts.groups[0]", "name it in privileged_groups"),
    ("accounts", OWN + '{ privileged_groups = ["SUDO"] }', "new_accounts.privileged_groups[0]", "is not a group"),
    (
        "accounts",
        OWN + '{ groups = ["dev"], privileged_groups = ["dev"] }',
        "new_accounts.privileged_groups[0]",
        "stands in groups already",
    ),
]

WARNINGS = [
    ("claims", '{ preferred_username = ["ann"] }', "claims.preferred_username", "let people write themselves"),
    ("max_auth_age", '"21h"', "max_auth_age", "is more than the 20h"),
    ("hosts", '["*", "web-*"]', "hosts", "which is every host"),
    ("lifetime", '"1h"', "lifetime", "daypass login --role r"),
    ("accounts", '["root"]', "accounts[0]", "is root"),
    ("accounts", OWN + '{ shell = "/usr/sbin/nologin" }', "new_accounts.shell", "lets nobody in"),
]


@pytest.mark.parametrize(("key", "value", "path", "said"), WHO + REACH + BOUNDS + ACCOUNTS)
def test_a_mistake_in_a_role_is_named_by_its_key_and_told_in_words(
    key: str, value: str, path: str, said: str
) -> None:
    mistakes = errors_in(found(role(**{key: value})))
    place = f"roles[0].{path}" if path else "roles[0]"
    assert [(each.path, said in str(each)) for each in mistakes] == [(place, True)], list(map(str, mistakes))


@pytest.mark.parametrize(("key", "value", "path", "said"), WARNINGS)
def test_what_is_allowed_but_hardly_meant_is_a_warning(key: str, value: str, path: str, said: str) -> None:
    told = found(role(**{key: value}))
    assert [(each.path, each.severity, said in str(each)) for each in told] == [
        (f"roles[0].{path}", Severity.WARNING, True)
    ], list(map(str, told))


GOOD_ROLES = [
    {"claims": '{ department = ["ops", "dev"], "https://example.com/team" = ["a"] }', "groups": ""},
    {"amr": '["hwk"]', "acr": '["phr"]', "max_auth_age": '"10m"'},
    {"hosts": "", "labels": '{ env = ["prod", "stage"], tier = ["gold"] }'},
    {"hosts": '["web-*", "db-?.example.com", "*.eu.example.com"]', "labels": '{ env = ["prod"] }'},
    {"windows": '["mon-fri 08:00-18:00 Europe/Berlin", "sat 22:00-06:00 UTC"]'},
    {"windows": '["mon 08:00-08:04 UTC", "mon 08:04-08:10 UTC"]'},
    {"extensions": "[]", "source_address": '["192.0.2.7", "10.0.0.0/8", "2001:db8::/32", "2001:db8::7"]'},
    {"force_command": "'/usr/bin/rsync --server \"$SSH_ORIGINAL_COMMAND\" \\x'"},
    {"accounts": '["{login}"]', "new_accounts": "{}"},
    {"accounts": '["{login}"]', "new_accounts": '{ groups = ["dev"], privileged_groups = ["sudo", "ops"] }'},
    {"lifetime": '"1h"', "day_pass": "false", "name": '"x"'},
    {"name": '"root"'},  # it is role:root, and opens nothing by that
    {"bare_hosts": "true", "extensions": '["permit-pty", "permit-port-forwarding", "permit-user-rc"]'},
]


@pytest.mark.parametrize("keys", GOOD_ROLES)
def test_what_roles_are_for_is_nothing_to_complain_about(keys: dict[str, str]) -> None:
    assert [str(each) for each in found(role(name='"other"'), role(**keys))] == []


@pytest.mark.parametrize("group", sorted(PRIVILEGED_GROUPS))
def test_no_privileged_group_is_given_by_the_way(group: str) -> None:
    told = errors_in(found(role(accounts=f'["{{login}}"]\nnew_accounts = {{ groups = ["{group}"] }}')))
    assert [each.path for each in told] == ["roles[0].new_accounts.groups[0]"]


PROVIDED = [
    ({"issuer": '"https://accounts.google.com"', "hosted_domain": '"example.com"'}, {}, "groups", "Google sends no"),
    ({"require_auth_time": "false"}, {"max_auth_age": '"1h"'}, "max_auth_age", "never holds where provider"),
    ({"acr_values": '["phr"]'}, {"acr": '["phrh"]'}, "acr", 'none of what provider "corp" is asked for: "phr"'),
    (
        {"hosted_domain": '"a.example"'},
        {"domains": '["b.example"]'},
        "domains[0]",
        'gives out addresses in "a.example"',
    ),
    (
        {"trust_email": "true", "email_domains": '["a.example"]'},
        {"emails": '["x@a.example", "x@b.example"]'},
        "emails[1]",
        "see email_domains of the provider",
    ),
]


@pytest.mark.parametrize(("provided", "keys", "path", "said"), PROVIDED)
def test_what_the_provider_does_not_send_is_told(
    provided: dict[str, str], keys: dict[str, str], path: str, said: str
) -> None:
    told = [str(each) for each in found(role(**keys), **provided)]
    assert any(each.startswith(f"roles[0].{path}: ") and said in each for each in told), told


PROVIDERS = [
    ("groups_from", '"user-info"', "groups_from", 'did you mean "userinfo"?'),
    ("groups_from", '"graph"', "groups_from", "is Entra's"),
    ("acr_values", '["a b"]', "acr_values[0]", "is not one value"),
    ("acr_values", '[""]', "acr_values[0]", "is not one value"),
    ("email_domains", '["example.com"]', "email_domains", "says nothing without trust_email"),
]


@pytest.mark.parametrize(("key", "value", "path", "said"), PROVIDERS)
def test_a_mistake_in_a_provider_is_told(key: str, value: str, path: str, said: str) -> None:
    told = [str(each) for each in found(role(), **{key: value})]
    assert [each.startswith(f"providers[0].{path}: ") and said in each for each in told] == [True], told


def test_a_role_outside_of_the_day_pass_alone_leaves_none() -> None:
    told = [str(each) for each in found(role(day_pass="false"))]
    assert told == [
        "roles: are all outside of the day pass: daypass login without --role gives nobody anything "
        "(let one of them have day_pass = true)"
    ]


@given(st.text(max_size=60))
def test_a_command_that_passes_stands_in_one_line_and_ends_its_quotes_where_we_do(command: str) -> None:
    """sshd reads up to the first quote that no backslash stands before (misc.c, opt_dequote)."""
    if not command or command_fault(command) is not None:
        return
    line = command.replace('"', '\\"') + '",pty'
    read, rest = "", line
    while rest[0] != '"':
        rest = rest[1:] if rest.startswith('\\"') else rest
        read, rest = read + rest[0], rest[1:]
    assert (read, rest) == (command, '",pty')
    assert len(line.splitlines()) == 1


@given(st.one_of(st.text(max_size=30), st.ip_addresses().map(str)))
def test_an_address_that_passes_is_no_list_and_no_pattern(text: str) -> None:
    if source_fault(text) is None:
        assert not set(text) & set(' ,!*?"\\\n')


_networks = st.one_of(st.ip_addresses().map(str), st.ip_addresses().map(lambda each: f"{each}/{each.max_prefixlen}"))


@given(
    st.text(st.sampled_from("ab \\\"#,'\u00e9$\t"), max_size=12),
    st.lists(_networks, max_size=60, unique=True),
    st.lists(st.sampled_from(EXTENSIONS), unique=True),
)
def test_a_host_takes_every_line_that_a_good_role_makes(
    command: str, networks: list[str], extensions: list[str]
) -> None:
    text = tomli_w.dumps({"force_command": command, "source_address": networks, "extensions": extensions})
    if errors_in(found(role() + text)):
        return
    section = RoleSection(name="r", force_command=command, source_address=networks, extensions=extensions)
    check(line_options(section))
