"""The file a new CA starts with is good, and explains every key there is."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from daypass.config import Config, ProviderSection, RoleSection, Severity, load, problems
from daypass.config.schema import (
    BastionSection,
    CaSection,
    FailClosedSection,
    HostsSection,
    LifetimeSection,
    OperatorSection,
    PagesSection,
)
from daypass.config.starter import Starter

STARTER = Starter(
    name="Example",
    url="https://ca.example.com:8443",
    host_domains=("*.example.com", "gate.example.org"),
    database="sqlite:////var/lib/daypass/ca.sqlite",
    state=Path("/var/lib/daypass"),
    admin_socket=Path("/run/daypass/admin.sock"),
    trust=Path("/etc/daypass/trust.json"),
    keys=Path("/etc/daypass/keys"),
    issuer="https://id.example.com",
    client_id="daypass",
)

EXAMPLES = (
    *("provider", "groups", "accounts", "domains", "hosts", "new_accounts", "can"),
    *("type", "signals", "recheck"),
)
SECTIONS = [
    BastionSection,
    Config,
    FailClosedSection,
    CaSection,
    HostsSection,
    PagesSection,
    LifetimeSection,
    ProviderSection,
    RoleSection,
    OperatorSection,
]


def test_it_is_accepted_and_says_that_nobody_can_log_in_yet() -> None:
    assert [(each.path, each.severity) for each in problems(STARTER.text())] == [("roles", Severity.WARNING)]


def test_without_a_provider_it_is_accepted_too() -> None:
    found = problems(replace(STARTER, issuer="", client_id="").text())
    assert [each.path for each in found] == ["providers", "roles"]


def test_everything_that_is_commented_out_works_when_it_is_not() -> None:
    assigned = re.compile(r"^# (\[\[?[\w.]+\]?\]|\w+ = .*)$", re.MULTILINE)
    text = assigned.sub(r"\1", STARTER.text())
    assert problems(text) == []
    assert (text.count("\n[[roles]]"), text.count("\n[[operators]]"), text.count("\n[[bastions]]")) == (1, 1, 1)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_there(section: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(section):
        assert re.search(rf"^(# )?\[*(\w+\.)?{field.name}(\]+| = )", STARTER.text(), re.MULTILINE), field.name


@pytest.mark.parametrize("section", [LifetimeSection, ProviderSection, RoleSection, OperatorSection])
def test_what_is_shown_as_a_default_is_the_default(section: type[msgspec.Struct]) -> None:
    optional = {f.name: f for f in msgspec.structs.fields(section) if not f.required}
    for line in re.findall(r"^(?:# )?(\w+ = .*)$", STARTER.text(), re.MULTILINE):
        key, value = next(iter(tomllib.loads(line).items()))
        if key in optional and key not in EXAMPLES:
            default = optional[key].default
            assert value == (default if default is not msgspec.NODEFAULT else optional[key].default_factory()), key


def test_what_is_said_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "daypass.toml"
    path.write_text(replace(STARTER, passphrase_file=Path("/run/p")).text())
    config = load(path)
    assert (config.ca.name, config.ca.url, config.ca.listen) == ("Example", STARTER.url, "0.0.0.0:8443")
    assert config.hosts.domains == list(STARTER.host_domains)
    assert {key.use: key.file.name for key in config.keys}["tls"] == "tls_root.key"
    assert config.ca.passphrase_file == Path("/run/p")


@pytest.mark.parametrize("name", ['"', "\\", "\n", "\x7f", "\x00", "{}", "{name}", "'''", "# x"])
def test_hostile_values_stay_values(name: str) -> None:
    found = problems(replace(STARTER, name=name, host_domains=(name,)).text())
    assert {each.path for each in found if each.severity is Severity.ERROR} == {"ca.name", "hosts.domains[0]"}
