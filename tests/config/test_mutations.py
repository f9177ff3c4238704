"""No mutation of a good file passes silently or crashes: a typo in any key, and any value of another type."""

from __future__ import annotations

import copy
import tomllib
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.config import Config, errors_in, problems
from daypass.config.problem import Problem

# A file with every key there is, none of them at its default where that would say nothing.
RICH = """\
config_version = 1
include = ["roles.d/*.toml"]
reserved_logins = ["ceo"]
[ca]
name = "Example"
url = "https://ca.example.com"
names = ["ca-1.example.com"]
listen = "0.0.0.0:8443"
database = "sqlite:////var/lib/daypass/ca.sqlite"
state = "/var/lib/daypass"
admin_socket = "/run/daypass/admin.sock"
trust = "/etc/daypass/trust.json"
passphrase_file = "/etc/daypass/passphrase"
secrets_key = "/var/lib/daypass/secrets.key"
list_sshpop = false
[pages]
url = "https://login.example.com"
certificate = "/etc/daypass/pages.crt"
key = "/etc/daypass/pages.key"
trusted_proxies = ["192.0.2.7"]
[[keys]]
use = "user"
file = "/etc/daypass/user"
[[keys]]
use = "host"
file = "/etc/daypass/host"
[[keys]]
use = "bundle"
file = "/etc/daypass/bundle"
[[keys]]
use = "tls"
file = "/etc/daypass/tls"
[hosts]
domains = ["*.example.com"]
short_names = "example.com"
addresses = ["10.0.0.0/8"]
stale_after = "14d"
[[hosts.fail_closed]]
after = "24h"
hosts = ["vault-*"]
labels = { zone = ["vault"] }
[[bastions]]
name = "inside"
via_hosts = ["bastion-*"]
via_labels = { use = ["bastion"] }
hosts = ["db-*"]
labels = { zone = ["inside"] }
[[events]]
name = "alerts"
type = "webhook"
acts = ["*"]
severity = "alert"
url = "https://alerts.example.com/"
secret_file = "/etc/daypass/alerts.secret"
address = "unix:/dev/log"
file = "/var/log/daypass.json"
roots = "/etc/ssl/alerts.pem"
[endings]
held_above = 50
remains = "quarantine"

[lifetimes]
user = "16h"
host = "30d"
floor = "5m"
user_ceiling = "20h"
host_ceiling = "90d"
backdate = "1m"
[[providers]]
name = "corp"
issuer = "https://login.microsoftonline.com/t1/v2.0"
client_id = "daypass"
client_secret = "s1"
web_client_id = "web"
web_client_secret = "s2"
device_client_id = "tv"
device_client_secret = "s3"
type = "oidc"
scopes = ["openid", "email"]
algorithms = ["RS256"]
groups_claim = "groups"
groups_from = "graph"
acr_values = ["phr"]
login_name = "email"
max_age = "1h"
require_auth_time = true
allow_unbound = false
trust_email = true
email_domains = ["example.com"]
tenants = ["t1"]
hosted_domain = "example.com"
redirect_host = "127.0.0.1"
redirect_ports = [8400]
scim = { match = "externalId=sub" }
logout = true
[providers.signals]
audience = "daypass"
issuer = "https://signals.example.com"
jwks_uri = "https://signals.example.com/jwks"
algorithms = ["ES256"]
poll_url = "https://signals.example.com/poll"
poll_token_file = "/etc/daypass/poll"
[providers.recheck]
every = "15m"
by = "introspection"
consent = true
[[pam]]
name = "unix"
service = "sshd"
folder = "/etc/daypass/pam.d"
email_domain = "example.com"
groups = false
timeout = "3m"
[[workloads]]
name = "jobs"
type = "kubernetes"
issuer = "https://cluster.example.com"
audience = "https://ca.example.com/jobs"
algorithms = ["RS256"]
lifetime = "15m"
subject = "serviceaccount.uid"
jwks_uri = "https://cluster.example.com/openid/v1/jwks"
jwks_file = "/etc/daypass/cluster.json"
roots_file = "/etc/daypass/cluster.pem"
review_url = "https://cluster.example.com"
review_token_file = "/etc/daypass/cluster.token"
allow_unbound = false
[[clouds]]
name = "aws"
type = "aws"
accounts = ["123456789012"]
host_name = "{instance}.example.com"
aliases = ["{tag:Name}.example.com"]
labels = { region = "{region}" }
regions = ["eu-central-1"]
instance_age = "10m"
networks = ["10.0.0.0/8"]
port22 = true
tags = true
certificates = "/etc/daypass/aws.pem"
[[clouds]]
name = "google"
type = "gcp"
accounts = ["shop-prod", "123456789012"]
host_name = "{name}.example.com"
regions = ["europe-west3"]
service_accounts = ["112233445566778899001"]
[[clouds]]
name = "azure"
type = "azure"
accounts = ["5b1a7d0c-2f0e-4a39-9f0d-1f2e3d4c5b6a"]
host_name = "{name}.example.com"
tenants = ["72f988bf-86f1-41af-91ab-2d7cd011db47"]
resource_groups = ["shop"]
audience = "api://daypass"
certificates = "/etc/daypass/azure.pem"
[[jwk]]
name = "ops"
key = '{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",\
"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}'
encrypted_key = "e30.e30.e30.e30.e30"
hosts = ["*.example.com"]
users = true
allow_unbound = true
[[x5c]]
name = "svids"
roots = ["-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----"]
kind = "workload"
trust_domain = "example.com"
crl_file = "/etc/daypass/mesh.crl"
hosts = ["*.example.com"]
login_name = "email"
lifetime = "1h"
allow_unbound = true
[[port22]]
name = "scan"
hosts = ["old-*.example.com"]
networks = ["10.0.0.0/8"]
port = 22
labels = { from = "scan" }
[[roles]]
name = "staff"
provider = "corp"
groups = ["staff"]
emails = ["ann@example.com"]
domains = ["example.com"]
claims = { dept = ["ops"] }
amr = ["mfa"]
acr = ["phr"]
max_auth_age = "2h"
hosts = ["web-*"]
labels = { env = ["prod"] }
accounts = ["{login}"]
new_accounts = { shell = "/bin/sh", groups = ["dev"], privileged_groups = ["sudo"] }
lifetime = "4h"
windows = ["mon-fri 08:00-18:00 UTC"]
extensions = ["permit-pty"]
source_address = ["10.0.0.0/8"]
force_command = "uptime"
day_pass = true
bare_hosts = false
git = { "github.com" = "login" }
refuse_remote = true
max_session = "12h"
[[operators]]
name = "auditors"
provider = "corp"
groups = ["audit"]
emails = ["ann@example.com"]
domains = ["example.com"]
claims = { dept = ["ops"] }
amr = ["mfa"]
acr = ["phr"]
max_auth_age = "2h"
can = ["audit"]
"""
GOOD = tomllib.loads(RICH)
FREE = ("claims", "labels", "via_labels", "git")  # their keys are anyone's
OTHERS: tuple[object, ...] = ("x", ["x"], [["x"]], [7], 7, 1.5, True, {"x": "y"}, {"x": ["y"]}, [{"x": "y"}])

Place = tuple[str | int, ...]


def _places(value: object, place: Place = ()) -> Iterator[Place]:
    """Of every key and every item."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*place, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*place, index))


PLACES = list(_places(GOOD))
KEYS = [place for place in PLACES if isinstance(place[-1], str) and place[-2:-1] not in [(each,) for each in FREE]]


def _inside(place: Place) -> Any:
    found: Any = GOOD
    for step in place:
        found = found[step]
    return found


def _changed(place: Place, value: object) -> dict[str, Any]:
    whole = copy.deepcopy(GOOD)
    found: Any = whole
    for step in place[:-1]:
        found = found[step]
    found[place[-1]] = value
    return whole


def _renamed(place: Place, name: str) -> dict[str, Any]:
    whole = copy.deepcopy(GOOD)
    found: Any = whole
    for step in place[:-1]:
        found = found[step]
    found[name] = found.pop(place[-1])
    return whole


def _mistakes(whole: dict[str, Any]) -> list[Problem]:
    return errors_in(problems(tomli_w.dumps(whole)))


def _path(place: Place) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return steps.removeprefix(".").replace(".github.com", '."github.com"')


def test_the_file_with_every_key_is_good() -> None:
    assert _mistakes(GOOD) == []


def test_it_has_every_key_there_is() -> None:
    def lacking(kind: Any, value: Any, path: str) -> Iterator[str]:
        kind = typing.get_args(kind)[0] if typing.get_origin(kind) is types.UnionType else kind
        if typing.get_origin(kind) is list:
            tables = [each for each in reversed(value) if isinstance(each, dict)]  # clouds differ by type
            kind = typing.get_args(kind)[0]
            value = {key: each for table in tables for key, each in table.items()} if tables else value[0]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            for field in msgspec.structs.fields(kind):
                place = f"{path}.{field.name}"
                yield from [place] if field.name not in value else lacking(field.type, value[field.name], place)

    assert list(lacking(Config, GOOD, "")) == []


@pytest.mark.parametrize("place", KEYS, ids=_path)
@settings(max_examples=15)
@given(st.data())
def test_a_typo_in_any_key_is_an_error(place: Place, data: st.DataObject) -> None:
    word = str(place[-1])
    cut = data.draw(st.integers(0, len(word)))
    letter = data.draw(st.sampled_from(["", "x", "_", "-", "E", "é", word[:1]]))
    typo = word[:cut] + letter + word[cut + data.draw(st.integers(0, 1)) :]
    if typo in [str(each[-1]) for each in KEYS if each[:-1] == place[:-1]]:
        return
    told = [str(each) for each in _mistakes(_renamed(place, typo))]
    assert any("there is no such key" in each or "is missing" in each for each in told), (typo, told)


@pytest.mark.parametrize("place", PLACES, ids=_path)
def test_a_value_of_another_type_is_an_error_at_its_key(place: Place) -> None:
    for other in OTHERS:
        if _kind(other) == _kind(_inside(place)):
            continue
        told = _mistakes(_changed(place, other))
        assert any(each.path.startswith(_path(place)) for each in told), (other, list(map(str, told)))


def _kind(value: object) -> object:
    """What tells types apart: of a list or table, what is in it, too."""
    if isinstance(value, list):
        return list, _kind(value[0])
    if isinstance(value, dict):
        return dict, _kind(next(iter(value.values())))
    return type(value)


@pytest.mark.parametrize("place", [each for each in PLACES if isinstance(_inside(each), str)], ids=_path)
def test_a_word_that_nobody_could_mean_is_an_error(place: Place) -> None:
    """Every text of the file has a grammar, but for what the provider calls things."""
    told = _mistakes(_changed(place, "\x1b[2J *"))
    said_by_others = ("client_id", "client_secret", "web_client_id", "web_client_secret", "device_client_id",
                      "device_client_secret", "groups_claim", "scopes", "tenants", "audience")  # fmt: skip
    if not any(step in said_by_others for step in place):
        assert any(each.path.startswith(_path(place)) for each in told), list(map(str, told))
    assert all(str(each).isprintable() for each in told)


_anything = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(-9, 99), st.booleans(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=4,
)


@given(st.sampled_from(PLACES), _anything)
def test_whatever_stands_at_a_place_there_is_an_answer(place: Place, value: object) -> None:
    assert all(str(each).isprintable() for each in problems(tomli_w.dumps(_changed(place, value))))
