"""Three identity providers at once, each of another make and with groups of its own kind, at one CA.

npm        oidc-provider: groups in userinfo alone; e-mail, verified
canaille   groups in the ID token; e-mail without `email_verified`
bao        OpenBao: groups and login name under names of their own; no e-mail
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.parts import visitor
from tests.parts.bao import Bao, run_bao
from tests.parts.canaille import Canaille, run_canaille
from tests.parts.certified_op import CertifiedOp, run_certified_op
from tests.parts.needs import need
from tests.parts.processes import free_port

from daypass.demo.company import Company

PROVIDERS = """
[[providers]]
name = "npm"
issuer = "{npm.issuer}"
client_id = "daypass"
groups_from = "userinfo"
acr_values = ["urn:example:password"]

[[providers]]
name = "canaille"
issuer = "{canaille.issuer}"
client_id = "{canaille.client_id}"
scopes = ["openid", "profile", "email", "groups"]
trust_email = true
email_domains = ["example.com"]
redirect_ports = {ports}

[[providers]]
name = "bao"
issuer = "{bao.issuer}"
client_id = "{bao.client_id}"
scopes = ["openid", "company"]
groups_claim = "teams"
login_name = "claim:account"
redirect_ports = {ports}
"""
ROLES = {
    "npm-engineers": ("npm", "engineers", "{account}"),
    "canaille-dba": ("canaille", "dba", "{account}"),
    "canaille-night": ("canaille", "night-shift", "{account}"),
    "bao-auditors": ("bao", "auditors", "reports"),
    "bao-dba": ("bao", "dba", "{account}"),
}
NARROW = "bao-dba"
PORTS = 20  # a port that took an answer is not free again for a minute


class Office(Company):
    """A company whose people are at three providers."""

    def configured(self, npm: CertifiedOp, canaille: Canaille, bao: Bao, ports: list[int]) -> None:
        """In place of what `found_ca` wrote of its own provider."""
        before = self.config.read_text().partition("\n[[providers]]")[0]
        roles = "".join(
            f'\n[[roles]]\nname = "{name}"\nprovider = "{provider}"\ngroups = ["{group}"]\nhosts = ["*"]\n'
            f'accounts = ["{account.format(account=self.account)}"]\n'
            + ("day_pass = false\n" if name == NARROW else "")
            for name, (provider, group, account) in ROLES.items()
        )
        text = PROVIDERS.format(npm=npm, canaille=canaille, bao=bao, ports=ports)
        self.config.write_text(before + text + roles)
        self.daypass("ca", "reload", "--root", str(self.ca_root))

    def at(self, provider: str, person: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`daypass login` by somebody at that provider's page."""
        browser = {"BROWSER": f"{sys.executable} {Path(visitor.__file__)} {person} %s"}
        return self.daypass("login", "--force", "--provider", provider, *arguments, check=False, env=browser)

    def held(self) -> set[str]:
        """Principals of the day pass."""
        told = json.loads(self.daypass("status", "--json", check=False).stdout)
        return set(told["principals"]) if told["valid"] else set()


@pytest.fixture(scope="module")
def office_of_module() -> Iterator[Office]:
    for part in ("ssh", "sshd", "ssh-agent", "ssh-keygen"):
        need(part)
    ports = [free_port() for _ in range(PORTS)]
    callbacks = [f"http://127.0.0.1:{port}/callback" for port in ports]
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="daypass-e2e-"))
        npm = stack.enter_context(run_certified_op(groups_in="userinfo"))
        canaille = stack.enter_context(run_canaille(*(f"{each}/canaille" for each in callbacks)))
        bao = stack.enter_context(run_bao(*(f"{each}/bao" for each in callbacks)))
        built = Office(Path(home), npm)
        stack.callback(built.close)
        built.found_ca()
        built.configured(npm, canaille, bao, ports)
        for step in (built.start_ca, built.start_sshd, built.enrol_host, built.join):
            step()
        yield built


@pytest.fixture
def office(office_of_module: Office) -> Office:
    """Nobody is signed in."""
    office_of_module.daypass("logout", "--all", check=False)
    return office_of_module


PEOPLE = [
    ("npm", "alice", "alice@example.com", {"role:npm-engineers"}),
    ("canaille", "dave", "dave@example.com", {"role:canaille-dba"}),
    ("bao", "erin", "erin@bao", {"role:bao-auditors"}),
]


@pytest.mark.parametrize(("provider", "person", "key_id", "principals"), PEOPLE, ids=lambda each: str(each))
def test_each_provider_s_groups_give_what_its_roles_say_and_nothing_else(
    office: Office, provider: str, person: str, key_id: str, principals: set[str]
) -> None:
    told = office.at(provider, person)
    assert told.returncode == 0, told.stderr
    assert f"signed in as {key_id}" in told.stderr
    assert office.held() == principals
    lets_in = provider != "bao"  # erin's day pass is for another account
    assert (office.ssh(office.host, "true").returncode == 0) is lets_in


def test_the_same_group_at_another_provider_is_another_group(office: Office) -> None:
    """dba is one at canaille and one at bao, engineers are at all three."""
    told = office.at("bao", "alice")
    assert told.returncode not in (0, 70)
    assert "no role is for" in told.stderr and "engineers" in told.stderr
    assert office.at("bao", "erin").returncode == 0
    assert not any("canaille" in each for each in office.held())


def test_the_same_login_name_at_another_provider_is_another_person(office: Office) -> None:
    """Whoever came first owns it, whatever the second one's provider says (trust 1.3)."""
    assert office.at("npm", "alice").returncode == 0
    told = office.at("canaille", "alice")
    assert told.returncode not in (0, 70)
    assert 'the name "alice" belongs to someone else' in told.stderr
    assert office.held() == {"role:npm-engineers"}


def test_a_role_alone_opens_what_the_day_pass_does_not(office: Office) -> None:
    assert office.at("bao", "erin").returncode == 0
    assert "Permission denied" in office.ssh(office.host, "true").stderr
    told = office.at("bao", "erin", "--role", NARROW, "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["principals"] == [f"role:{NARROW}"]
    done = office.ssh(office.host, "whoami")
    assert (done.returncode, done.stdout.strip()) == (0, office.account), done.stderr
    office.daypass("logout", "--role", NARROW)
    assert "Permission denied" in office.ssh(office.host, "true").stderr


REFUSALS = [("npm", "alice", NARROW), ("canaille", "dave", NARROW), ("bao", "erin", "no-such-role")]


@pytest.mark.parametrize(("provider", "person", "role"), REFUSALS, ids=lambda each: str(each))
def test_a_role_of_another_provider_is_not_had_alone_either(
    office: Office, provider: str, person: str, role: str
) -> None:
    told = office.at(provider, person, "--role", role)
    assert told.returncode not in (0, 70)
    assert role in told.stderr and "hint:" in told.stderr and "Traceback" not in told.stderr
    assert office.held() == set()


def test_no_token_of_any_provider_is_in_a_log_or_in_the_ledger(office: Office) -> None:
    assert office.at("npm", "alice").returncode == 0
    assert office.at("bao", "erin").returncode == 0
    ledger = office.daypass("ledger", "show", "--json", "--root", str(office.ca_root), check=False)
    said = (office.home / "ca.log").read_text(errors="replace") + ledger.stdout + ledger.stderr
    logs = "".join(path.read_text(errors="replace") for path in (office.laptop / ".daypass").glob("daypass.log*"))
    assert "certificate.issue" in said
    for each in ("eyJ", "access_token", "id_token", "Bearer"):
        assert each not in said + logs
