"""Every mistake a configuration can hold, one line each: the edit, the key that is named, what is said of it."""

from __future__ import annotations

import pytest
from tests.config.sample import GOOD, SECOND_PROVIDER, edited

from daypass.config import Severity, errors_in, problems, warnings_in
from daypass.config.values import ALGORITHMS
from daypass.provisioners.jose import ALGORITHMS as VERIFIABLE

HOSTS = 'hosts = ["*"]'
STAFF = 'groups = ["staff"]'
OWN = 'accounts = ["{login}"]'
ISSUER = 'issuer = "https://id.example.com"'
CLIENT = 'client_id = "daypass"'
DOMAINS = 'domains = ["*.example.com"]'
URL = 'url = "https://ca.example.com"'
NAME = 'name = "Example"'
USER = 'user = "16h"'
SIGNALS = 'client_id = "daypass"\n[providers.signals]\naudience = {}'
POLL = 'poll_url = "https://x.example/p"'
PAGES = "[hosts]"
PAGES_URL = '[pages]\nurl = "https://ca.example.com"'
USER_KEY = 'file = "/etc/daypass/keys/user_ca"'

SHAPE = [
    ("config_version = 1", 'config_version = "1"', "config_version", "must be a whole number, not text in quotes"),
    ("config_version = 1", "config_version = true", "config_version", "must be a whole number, not true or false"),
    ("config_version = 1", "", "config_version", "is missing"),
    (NAME, "", "ca.name", "is missing"),
    (NAME, "name = 3.5", "ca.name", "must be text in quotes, not a number"),
    (NAME, "name = 1979-05-27", "ca.name", "must be text in quotes, not a date"),
    (NAME, 'nmae = "Example"', "ca.nmae", 'there is no such key (did you mean "name"?)'),
    (NAME, NAME + '\n"a\\u001bb" = 1', 'ca."a\\u001bb"', "there is no such key"),
    ("[hosts]", "[host]", "host", 'there is no such key (did you mean "hosts"?)'),
    (DOMAINS, 'domains = "*.example.com"', "hosts.domains", "must be a list in brackets, not text in quotes"),
    (DOMAINS, 'domains = [["*.example.com"]]', "hosts.domains[0]", "must be text in quotes, not a list in brackets"),
    (STAFF, 'group = ["staff"]', "roles[0].group", 'did you mean "groups"?'),
    (STAFF, "groups = [1]", "roles[0].groups[0]", "must be text in quotes, not a whole number"),
    (CLIENT, "client_id = 7", "providers[0].client_id", "must be text in quotes"),
    (OWN, OWN + '\ngit = "login"', "roles[0].git", "must be a table, not text in quotes"),
    (OWN, OWN + '\ngit = { "github.com" = 1 }', 'roles[0].git."github.com"', "must be text in quotes"),
    (CLIENT, CLIENT + '\nrequire_auth_time = "no"', "providers[0].require_auth_time", "must be true or false"),
    (CLIENT, CLIENT + "\nredirect_ports = [true]", "providers[0].redirect_ports[0]", "must be a whole number"),
    ("[ca]", "[ca]\nstate = 7", "ca.state", "must be a path in quotes"),
]

CA = [
    ("config_version = 1", "config_version = 2", "config_version", "this daypass reads version 1, not 2"),
    (NAME, 'name = ""', "ca.name", "is not a name"),
    (NAME, 'name = "a\\nb"', "ca.name", '"a\\nb" is not a name'),
    (NAME, f'name = "{"x" * 65}"', "ca.name", "is not a name"),
    (URL, 'url = "http://ca.example.com"', "ca.url", 'did you mean "https://ca.example.com"?'),
    (URL, 'url = "ca.example.com"', "ca.url", "is not a URL"),
    (URL, 'url = "https://ca.example.com/x"', "ca.url", "https://HOST[:PORT] and nothing more"),
    (URL, 'url = "https://ca.example.com#"', "ca.url", "https://HOST[:PORT] and nothing more"),
    (URL, 'url = "https://me:pw@ca.example.com"', "ca.url", "https://HOST[:PORT] and nothing more"),
    (URL, 'url = "https://ca.example.com:99999"', "ca.url", "is not a URL"),
    (URL, 'url = "https://ca.example.com:0"', "ca.url", "is not a URL"),
    (URL, 'url = "https://ca_1.example.com"', "ca.url", "is not a host name"),
    (URL, 'url = "https://[::1"', "ca.url", "is not a URL"),
    (PAGES, "[pages]\n[hosts]", "pages.url", "is missing"),
    (PAGES, '[pages]\nurl = "http://ca.example.com"\n[hosts]', "pages.url", 'did you mean "https://ca.example.com"?'),
    (PAGES, '[pages]\nurl = "https://ca.example.com/login"\n[hosts]', "pages.url", "and nothing more"),
    (PAGES, f'{PAGES_URL}\ncertificate = "/c"\n[hosts]', "pages.key", "is missing, and pages.certificate is given"),
    (PAGES, f'{PAGES_URL}\nkey = "/k"\n[hosts]', "pages.certificate", "is missing, and pages.key is given"),
    (PAGES, f'{PAGES_URL}\ncertificate = "c"\nkey = "/k"\n[hosts]', "pages.certificate", "not an absolute path"),
    (PAGES, f'{PAGES_URL}\ncertificate = "/c"\nkey = "/k"\n[hosts]', "pages.url", "is ca.url's host"),
    (
        PAGES,
        '[pages]\nurl = "https://CA-1.example.com:8443"\ncertificate = "/c"\nkey = "/k"\n[hosts]',
        "pages.url",
        "is one of ca.names",
    ),
    (
        PAGES,
        '[pages]\nurl = "https://192.0.2.7"\ncertificate = "/c"\nkey = "/k"\n[hosts]',
        "pages.url",
        "is an address",
    ),
    (PAGES, f'{PAGES_URL}\ntrusted_proxies = ["lb"]\n[hosts]', "pages.trusted_proxies[0]", "is not an address or"),
    (PAGES, f'{PAGES_URL}\ntrusted_proxies = ["10.1.2.3/8"]\n[hosts]', "pages.trusted_proxies[0]", '"10.0.0.0/8"?'),
    (
        PAGES,
        f'{PAGES_URL}\ntrusted_proxies = ["0.0.0.0/0"]\n[hosts]',
        "pages.trusted_proxies[0]",
        "half the internet",
    ),
    (PAGES, f'{PAGES_URL}\ntrusted_proxies = ["128.0.0.0/1"]\n[hosts]', "pages.trusted_proxies[0]", "half the inter"),
    (PAGES, f'{PAGES_URL}\ntrusted_proxies = ["::/0"]\n[hosts]', "pages.trusted_proxies[0]", "half the internet"),
    (PAGES, f'{PAGES_URL}\ntrusted_proxies = ["2000::/3"]\n[hosts]', "pages.trusted_proxies[0]", "half the internet"),
    (PAGES, f'{PAGES_URL}\ntrusted_proxies = ["fe80::1%x"]\n[hosts]', "pages.trusted_proxies[0]", "has a zone"),
    ("192.0.2.7", "CA-2.example.com", "ca.names[1]", 'did you mean "ca-2.example.com"?'),
    ("192.0.2.7", "*.example.com", "ca.names[1]", "is not a host name or address"),
    ("192.0.2.7", "ca-1.example.com", "ca.names[1]", "is listed twice"),
    ("[ca]", '[ca]\nlisten = "8443"', "ca.listen", "is not an address to listen on"),
    ("[ca]", '[ca]\nlisten = "::1:8443"', "ca.listen", "[::]:8443"),
    ("[ca]", '[ca]\nlisten = "0.0.0.0:70000"', "ca.listen", "is not an address to listen on"),
    ("[ca]", '[ca]\nstate = "var"', "ca.state", "is not an absolute path"),
    ("[ca]", f'[ca]\nadmin_socket = "/{"s" * 107}"', "ca.admin_socket", "longer than the 107 bytes"),
    ("[ca]", '[ca]\npassphrase_file = "p"', "ca.passphrase_file", "is not an absolute path"),
    ("sqlite:////var/lib/daypass/ca.sqlite", "sqlite://", "ca.database", "absolute path"),
    ("sqlite:////var/lib/daypass/ca.sqlite", "sqlite:////ca?mode=memory", "ca.database", "absolute path"),
    ("sqlite:////var/lib/daypass/ca.sqlite", "sqlite:///ca.sqlite", "ca.database", "absolute path"),
    ("sqlite:////var/lib/daypass/ca.sqlite", "mysql://root:pw@db/ca", "ca.database", "must start with sqlite://"),
    ('use = "user"', 'use = "usr"', "keys[0].use", 'did you mean "user"?'),
    ('use = "user"', 'use = "host"', "keys", "there is no user key"),
    ('use = "host"', 'use = "user"', "keys", "there is no host key"),
    ('use = "bundle"', 'use = "user"', "keys", "there is no bundle key"),
    ('use = "tls"', 'use = "user"', "keys", "there is no tls key"),
    (USER_KEY, 'file = "keys/user_ca"', "keys[0].file", "is not an absolute path"),
    ("keys/host_ca", "keys/user_ca", "keys[1].file", "one key file can't serve twice"),
    (DOMAINS, "domains = []", "hosts.domains", "is empty"),
    (DOMAINS, f'{DOMAINS}\nstale_after = "a month"', "hosts.stale_after", "is not a duration"),
    (DOMAINS, f'{DOMAINS}\nstale_after = "2d"', "hosts.stale_after", "too short"),
    ("[lifetimes]", '[endings]\nremains = "shred"\n[lifetimes]', "endings.remains", "nothing that a host does"),
    ("[lifetimes]", "[endings]\nheld_above = -1\n[lifetimes]", "endings.held_above", "below 0"),
    (DOMAINS, 'domains = ["*"]', "hosts.domains[0]", "would speak for hosts that are not yours"),
    (DOMAINS, 'domains = ["*.com"]', "hosts.domains[0]", "would speak for hosts that are not yours"),
    (DOMAINS, 'domains = ["*.*.example.com"]', "hosts.domains[0]", "is not a host pattern"),
    (DOMAINS, 'domains = ["web-*.example.com"]', "hosts.domains[0]", "is not a host pattern"),
    (DOMAINS, 'domains = [".example.com"]', "hosts.domains[0]", 'did you mean "*.example.com"?'),
    (DOMAINS, 'domains = ["*.Example.com"]', "hosts.domains[0]", 'did you mean "*.example.com"?'),
    (DOMAINS, 'domains = ["192.0.2.1"]', "hosts.domains[0]", "is an address"),
    (DOMAINS, 'domains = ["a.example.com,b.example.com"]', "hosts.domains[0]", "is not a host pattern"),
    (DOMAINS, 'domains = [""]', "hosts.domains[0]", "is not a host pattern"),
    (DOMAINS, 'domains = ["*.ex\u0430mple.com"]', "hosts.domains[0]", "is not a host pattern"),
    (USER, 'user = "16 h"', "lifetimes.user", 'write it like "16h"'),
    (USER, 'user = "0h"', "lifetimes.user", "is not a duration above zero"),
    (USER, 'user = "\u096716h"', "lifetimes.user", "is not a duration above zero"),
    (USER, f'user = "{"9" * 4000}h"', "lifetimes.user", "is not a duration above zero"),
    (USER, 'user = "21h"', "lifetimes.user", 'more than user_ceiling, which is "20h"'),
    (USER, 'floor = "17h"', "lifetimes.floor", 'more than user, which is "16h"'),
    (USER, 'user_ceiling = "24h"', "lifetimes.user_ceiling", "may be 20h at most"),
    (USER, 'backdate = "2h"', "lifetimes.backdate", "may be 1h at most"),
    ('host = "30d"', 'host = "91d"', "lifetimes.host", 'more than host_ceiling, which is "90d"'),
    ('host = "30d"', 'host = "1m"', "lifetimes.floor", 'more than host, which is "1m"'),
    ('"deploy"', '"Deploy"', "reserved_logins[0]", "is not a login name"),
    ('"deploy"', '"deploy", "deploy"', "reserved_logins[1]", "is listed twice"),
]

PROVIDERS = [
    (
        "",
        SECOND_PROVIDER.replace("id.partner.example", "id.example.com").replace(
            '"daypass"', '"another"\nweb_client_id = "daypass"'
        ),
        "providers[1].web_client_id",
        "same issuer",
    ),
    ('name = "corp"', 'name = "co rp"', "providers[0].name", "is not a name"),
    ('name = "corp"', 'name = "join"', "providers[0].name", "something of its own"),
    ('name = "corp"', 'name = "pass"', "providers[0].name", "something of its own"),
    ('name = "corp"', 'name = "sshpop"', "providers[0].name", "something of its own"),
    (CLIENT, CLIENT + '\ntype = "saml"', "providers[0].type", "is not a type of provider"),
    (ISSUER, 'issuer = "http://id.example.com"', "providers[0].issuer", "must start with https://"),
    (ISSUER, 'issuer = "http://127.0.0.1.example.com"', "providers[0].issuer", "must start with https://"),
    (ISSUER, 'issuer = "https://id.example.com?x"', "providers[0].issuer", "no query"),
    (ISSUER, 'issuer = "https://u:p@id.example.com"', "providers[0].issuer", "must not carry a user name"),
    (ISSUER, 'issuer = "id.example.com"', "providers[0].issuer", "is not a URL"),
    (ISSUER, 'issuer = "https://a/.well-known/openid-configuration"', "providers[0].issuer", '"https://a"'),
    (CLIENT, 'client_id = " "', "providers[0].client_id", "is empty"),
    (CLIENT, CLIENT + '\nweb_client_id = "daypass"', "providers[0].web_client_id", "leave it out"),
    (CLIENT, CLIENT + '\nweb_client_secret = "s"', "providers[0].web_client_secret", "needs web_client_id"),
    (CLIENT, CLIENT + '\nscopes = ["email"]', "providers[0].scopes", 'lacks "openid"'),
    (CLIENT, CLIENT + '\nalgorithms = ["none"]', "providers[0].algorithms[0]", "is not a signature that proves"),
    (CLIENT, CLIENT + '\nalgorithms = ["HS256"]', "providers[0].algorithms[0]", "is not a signature that proves"),
    (CLIENT, CLIENT + "\nalgorithms = []", "providers[0].algorithms", "is empty"),
    (CLIENT, CLIENT + '\nlogin_name = "upn"', "providers[0].login_name", "is not a rule"),
    (CLIENT, CLIENT + '\nlogin_name = "claim:"', "providers[0].login_name", "is not a rule"),
    (CLIENT, CLIENT + '\ngroups_claim = ""', "providers[0].groups_claim", "is empty"),
    (CLIENT, CLIENT + '\ngroups_claim = "/realm//roles"', "providers[0].groups_claim", "no path to a claim"),
    (CLIENT, CLIENT + '\ngroups_claim = "/"', "providers[0].groups_claim", "no path to a claim"),
    (CLIENT, CLIENT + '\ngroups_claim = "/a~2"', "providers[0].groups_claim", "no path to a claim"),
    (CLIENT, CLIENT + "\ntrust_email = true", "providers[0].trust_email", "needs email_domains"),
    (CLIENT, CLIENT + '\nemail_domains = ["@a.example"]', "providers[0].email_domains[0]", '"a.example"?'),
    (CLIENT, CLIENT + '\nmax_age = "soon"', "providers[0].max_age", "is not a duration"),
    (CLIENT, CLIENT + '\nredirect_host = "evil.example"', "providers[0].redirect_host", "must be this machine"),
    (CLIENT, CLIENT + '\nredirect_host = "::1"', "providers[0].redirect_host", "127.0.0.1 or localhost"),
    (CLIENT, CLIENT + "\nredirect_ports = [0]", "providers[0].redirect_ports[0]", "is not a port"),
    (CLIENT, CLIENT + '\ntenants = [""]', "providers[0].tenants[0]", "is empty"),
    (ISSUER, 'issuer = "https://accounts.google.com"', "providers[0].hosted_domain", "is missing: Google"),
    (ISSUER, 'issuer = "https://login.microsoftonline.com/x/v2.0"', "providers[0].tenants", "is missing: Entra"),
    (ISSUER, 'issuer = "https://entra.example/{tenantid}/v2.0"', "providers[0].tenants", "is missing: Entra"),
    ("", SECOND_PROVIDER.replace("partner", "corp", 1), "providers[1].name", "is taken by another one"),
    ("", SECOND_PROVIDER.replace("id.partner.example", "id.example.com"), "providers[1].client_id", "same issuer"),
    (CLIENT, CLIENT + '\ndevice_client_id = "daypass"', "providers[0].device_client_id", "register a second client"),
    (
        CLIENT,
        CLIENT + '\nweb_client_id = "w"\ndevice_client_id = "w"',
        "providers[0].device_client_id",
        "another way",
    ),
    (CLIENT, SIGNALS.format('" "'), "providers[0].signals.audience", "is empty"),
    (CLIENT, SIGNALS.format('"a"\nissuer = "http://x.example"'), "providers[0].signals.issuer", "start with https"),
    (CLIENT, SIGNALS.format('"a"\njwks_uri = "keys"'), "providers[0].signals.jwks_uri", "is not a URL"),
    (CLIENT, SIGNALS.format('"a"\nalgorithms = ["HS256"]'), "providers[0].signals.algorithms[0]", "proves who made"),
    (CLIENT, SIGNALS.format(f'"a"\n{POLL}'), "providers[0].signals.poll_token_file", "is missing"),
    (CLIENT, SIGNALS.format('"a"\npoll_url = "http://x.example/p"'), "providers[0].signals.poll_url", "https"),
    (
        CLIENT,
        SIGNALS.format(f'"a"\n{POLL}\npoll_token_file = "t"'),
        "providers[0].signals.poll_token_file",
        "absolute",
    ),
    (CLIENT, SIGNALS.format('"a"\nmore = 1'), "providers[0].signals.more", "no such key"),
    (CLIENT, CLIENT + '\ndevice_client_secret = "x"', "providers[0].device_client_secret", "belongs to no"),
]

ROLES = [
    ('name = "staff"', 'name = "Staff"', "roles[0].name", "is not a name"),
    ('name = "staff"', 'name = "a:b"', "roles[0].name", "is not a name"),
    ('name = "dba"', 'name = "staff"', "roles[1].name", "is taken by another one"),
    ("", SECOND_PROVIDER, "roles[0].provider", "each role and operator names whose word it takes"),
    (STAFF, STAFF + '\nprovider = "corpp"', "roles[0].provider", 'did you mean "corp"?'),
    (STAFF, "", "roles[0]", "has no condition, so nobody can have it"),
    (STAFF, "groups = []", "roles[0]", "has no condition, so nobody can have it"),
    (STAFF, 'groups = [""]', "roles[0].groups[0]", "is empty"),
    (STAFF, 'emails = ["*@example.com"]', "roles[0].emails[0]", 'domains = ["example.com"]'),
    (STAFF, 'emails = ["ann"]', "roles[0].emails[0]", "is not an e-mail address"),
    (STAFF, 'domains = ["@example.com"]', "roles[0].domains[0]", 'did you mean "example.com"?'),
    (STAFF, 'domains = ["*"]', "roles[0].domains[0]", "is not a domain"),
    (HOSTS, "", "roles[0]", 'reaches no host (hosts = ["*"] for every host)'),
    (HOSTS, "hosts = []", "roles[0]", "reaches no host"),
    (HOSTS, "hosts = []\nlabels = {}", "roles[0]", "reaches no host"),
    (OWN, "accounts = []", "roles[0].accounts", "is empty: the role lets nobody in"),
    (OWN, 'accounts = ["{user}"]', "roles[0].accounts[0]", 'did you mean "{login}"?'),
    (OWN, 'accounts = ["Web"]', "roles[0].accounts[0]", 'did you mean "web"?'),
    (OWN, 'accounts = ["a,root"]', "roles[0].accounts[0]", "is not an account"),
    (OWN, 'accounts = ["*"]', "roles[0].accounts[0]", "is not an account"),
    (OWN, 'accounts = ["web", "web"]', "roles[0].accounts[1]", "is listed twice"),
    (OWN, OWN + '\nlifetime = "21h"', "roles[0].lifetime", "more than lifetimes.user_ceiling"),
    (OWN, OWN + '\nlifetime = "1m"', "roles[0].lifetime", "less than lifetimes.floor"),
    (OWN, OWN + '\ngit = { "GitHub.com" = "login" }', 'roles[0].git."GitHub.com"', "is not a host name"),
    (OWN, OWN + '\ngit = { "a,b" = "login" }', 'roles[0].git."a,b"', "is not a host name"),
    (OWN, OWN + '\ngit = { "git=x" = "login" }', 'roles[0].git."git=x"', "is not a host name"),
    (OWN, OWN + '\ngit = { "github.com" = "email" }', 'roles[0].git."github.com"', '"claim:NAME"'),
    (OWN, OWN + '\ngit = { "github.com" = "" }', 'roles[0].git."github.com"', "is not a rule"),
    (OWN, OWN + '\ngit = { "github.com" = "claim:" }', 'roles[0].git."github.com"', "is not a rule"),
    (
        OWN,
        OWN + '\ngit = { "github.com" = "name:a.b" }',
        'roles[0].git."github.com"',
        "can't be a name at github.com",
    ),
    (OWN, OWN + '\nlifetime = "day"', "roles[0].lifetime", "is not a duration"),
    (OWN, OWN + '\nmax_session = "day"', "roles[0].max_session", "is not a duration"),
    (OWN, OWN + '\nmax_session = "59s"', "roles[0].max_session", "less than hosts can see to"),
    (OWN, OWN + '\nmax_session = "8h"\nbare_hosts = true', "roles[0].max_session", "would not hold on hosts"),
]

WARNINGS = [
    (CLIENT, CLIENT + '\nmax_age = ""', "providers[0].max_age", "is off"),
    (CLIENT, CLIENT + '\nmax_age = "24h"', "providers[0].max_age", "more than the 20h"),
    (CLIENT, CLIENT + "\nrequire_auth_time = false", "providers[0].require_auth_time", "is off"),
    (CLIENT, CLIENT + "\nallow_unbound = true", "providers[0].allow_unbound", "a stolen ID token"),
    (CLIENT, CLIENT + '\nscopes = ["openid", "offline_access"]', "providers[0].scopes", "outlives the day"),
    (CLIENT, CLIENT + '\nclient_secret = "x"', "providers[0].client_secret", "is given to everyone who asks this CA"),
    (CLIENT, CLIENT + '\ndevice_client_id = "tv"', "providers[0].device_client_id", "RFC 8628 section 5.4"),
    (OWN, OWN + '\ngit = { "github.com" = "name:bot" }', 'roles[0].git."github.com"', 'be "bot" at github.com'),
    (OWN, 'accounts = ["root"]', "roles[0].accounts[0]", "is root"),
    (OWN, OWN + '\nlifetime = "1h"', "roles[0].lifetime", "daypass login --role staff"),
    (DOMAINS, 'domains = ["localhost"]', "hosts.domains[0]", "is a short name"),
]


@pytest.mark.parametrize(("old", "new", "path", "said"), SHAPE + CA + PROVIDERS + ROLES)
def test_a_mistake_is_named_by_its_key_and_told_in_words(old: str, new: str, path: str, said: str) -> None:
    found = errors_in(problems(edited(old, new)))
    assert any(problem.path == path and said in str(problem) for problem in found), [str(each) for each in found]


@pytest.mark.parametrize(("old", "new", "path", "said"), WARNINGS)
def test_what_is_allowed_but_dangerous_is_a_warning(old: str, new: str, path: str, said: str) -> None:
    found = problems(edited(old, new))
    assert errors_in(found) == []
    assert [(each.path, said in str(each)) for each in warnings_in(found)] == [(path, True)]


@pytest.mark.parametrize(("old", "new", "path", "said"), SHAPE + CA + PROVIDERS)
def test_no_message_holds_a_secret_or_a_control_character(old: str, new: str, path: str, said: str) -> None:
    for problem in problems(edited(old, new).replace(CLIENT, CLIENT + '\nclient_secret = "hunter2-hunter2"')):
        assert "hunter2" not in str(problem)
        assert ":pw@" not in str(problem)
        assert str(problem).isprintable()


@pytest.mark.parametrize("email_source", ["emails = ['ann@example.com']", "domains = ['example.com']"])
def test_a_condition_on_the_e_mail_needs_a_provider_that_sends_one(email_source: str) -> None:
    text = edited(STAFF, email_source)
    assert errors_in(problems(text)) == []
    found = errors_in(problems(text.replace(CLIENT, CLIENT + '\nscopes = ["openid"]')))
    assert [each.path for each in found] == [f"roles[0].{email_source.split()[0]}"]


def test_the_algorithms_that_may_be_configured_are_those_that_can_be_verified() -> None:
    assert set(ALGORITHMS) == {name for names in VERIFIABLE.values() for name in names}


def test_two_providers_of_one_issuer_share_no_client() -> None:
    """Whose token it is, and how the person signed in, is known by the client alone."""
    second = SECOND_PROVIDER.replace("https://id.partner.example", "https://id.example.com")
    text = edited("", second.replace('"daypass"', '"other"\ndevice_client_id = "daypass"'))
    assert "providers[1].device_client_id" in [each.path for each in errors_in(problems(text))]


def test_a_name_at_a_git_server_for_the_one_person_of_a_role_is_nothing_to_warn_of() -> None:
    text = edited(STAFF, 'emails = ["ann@example.com"]\ngit = { "github.com" = "name:ann" }')
    assert problems(text) == []


def test_the_sample_has_nothing_to_complain_about() -> None:
    assert problems(GOOD) == []


def test_all_mistakes_are_told_at_once() -> None:
    text = edited(STAFF, 'group = ["staff"]').replace(URL, 'url = "ftp://x"').replace(USER, 'user = "soon"')
    found = [problem.path for problem in problems(text.replace(OWN, "accounts = [7]"))]
    assert found == ["roles[0].group", "roles[0].accounts[0]", "ca.url", "lifetimes.user"]


def test_a_misspelt_key_is_not_reported_a_second_time_for_what_it_leaves_out() -> None:
    assert [each.path for each in problems(edited(STAFF, 'group = ["staff"]'))] == ["roles[0].group"]


def test_without_providers_and_roles_the_file_is_good_and_says_that_nobody_can_come_in() -> None:
    found = problems(GOOD[: GOOD.index("[[providers]]")])
    assert [(each.path, each.severity) for each in found] == [
        ("providers", Severity.WARNING),
        ("roles", Severity.WARNING),
    ]


@pytest.mark.parametrize(("tenant", "mistakes"), [("t1", 1), ("t3", 0)])
def test_a_tenant_of_one_provider_is_no_issuer_of_another_with_the_same_client(tenant: str, mistakes: int) -> None:
    """Its tokens would be whichever provider's stands first, and so would their roles."""
    entra = "https://login.microsoftonline.com/{}/v2.0"
    first = f'issuer = "{entra.format("{tenantid}")}"\ntenants = ["t1", "t2"]'
    second = SECOND_PROVIDER.replace(
        'issuer = "https://id.partner.example"', f'issuer = "{entra.format(tenant)}"\ntenants = ["{tenant}"]'
    )
    both = GOOD.replace(ISSUER, first) + second
    found = [str(each) for each in errors_in(problems(both)) if "has it already" in str(each)]
    assert len(found) == mistakes
