"""Short names, addresses and bastions in what ssh is told: asked by `ssh -G`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daypass import api
from daypass.client import trust
from daypass.client.openssh import ownhosts, sshsetup
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Unauthenticated
from tests.client.mini_ca import MiniCa
from tests.client.openssh.test_sshconfig import put_marker, resolve

GATE, DB, WEB = "gate-1.corp.test", "db-1.corp.test", "web-1.corp.test"
NAMES = sorted([GATE, DB, WEB, "gate-1", "db-1", "web-1", "10.0.0.7", "fd00::7"])


@pytest.fixture
def set_up(company: MiniCa, settings: Settings, sign_in: Callable[..., Login]) -> Settings:
    """Signed in, with every kind of name."""
    company.short_domain, company.address_networks = "corp.test", ["10.0.0.0/8", "fd00::/8"]
    company.enrolled = NAMES
    company.bastions = [api.BastionWay(via=GATE, hosts=[DB, "db-1", "10.0.0.7"])]
    member = trust.bootstrap(settings, company.url, company.fingerprint)
    sshsetup.apply(settings, sshsetup.plan(settings))
    sign_in().run()
    put_marker(settings, member)
    return settings


@pytest.mark.parametrize("typed", NAMES)
def test_by_every_name_the_host_is_met_strictly_and_the_day_pass_is_offered(typed: str, set_up: Settings) -> None:
    found = resolve(set_up, typed)
    assert found["stricthostkeychecking"] == ["true"] and found["updatehostkeys"] == ["false"]
    assert any(each.endswith("id-cert.pub") for each in found["identityfile"])
    known = next(line for line in (context(set_up) / "known_hosts").read_text().splitlines())
    assert typed.endswith("corp.test") or {typed, f"[{typed}]:*"} <= set(known.split()[1].split(","))


@pytest.mark.parametrize("typed", ["web-9", "web", "10.0.0.8", "web-1.other.test", "localhost"])
def test_other_names_are_left_alone(typed: str, set_up: Settings) -> None:
    found = resolve(set_up, typed)
    assert found["stricthostkeychecking"] == ["ask"] and "revokedhostkeys" not in found


@pytest.mark.parametrize(
    ("typed", "through"), [(DB, GATE), ("db-1", GATE), ("10.0.0.7", GATE), (WEB, ""), (GATE, ""), ("gate-1", "")]
)
def test_hosts_behind_a_bastion_are_reached_through_it(typed: str, through: str, set_up: Settings) -> None:
    assert resolve(set_up, typed).get("proxyjump", [""]) == [through]
    assert resolve(set_up, typed, "-o", "ProxyJump=none").get("proxyjump", [""]) == [""]


OWN = "Host web-1 other\n  HostName {}\n"


@pytest.mark.parametrize(("hostname", "strict"), [(WEB, "true"), ("%h.corp.test", "true"), ("192.0.2.7", "ask")])
def test_a_name_that_the_person_leads_elsewhere_stays_theirs(
    hostname: str, strict: str, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    config = set_up.ssh_folder / "config"
    config.write_text(config.read_text() + OWN.format(hostname))
    sign_in(force=True).run()
    found = resolve(set_up, "web-1")
    assert found["stricthostkeychecking"] == [strict]
    assert any(each.endswith("id-cert.pub") for each in found["identityfile"]) is (strict == "true")


def test_own_host_blocks_are_read_as_ssh_reads_them(set_up: Settings) -> None:
    text = 'HostName x\nhost=a "B" c?\n\tHOSTNAME = One # two\nHost b\n HostName two\nMatch host d\n HostName e\n'
    (set_up.ssh_folder / "config").write_text(text + "Host f\nUser g\n")
    assert ownhosts.aliases(set_up) == {"a": "one", "b": "one"}
    (set_up.ssh_folder / "config").unlink()
    assert ownhosts.aliases(set_up) == {}


BAD = [
    ("to a host that is not listed", [api.BastionWay(via=GATE, hosts=["db-2.corp.test"])]),
    ("through a stranger", [api.BastionWay(via="gate.evil.test", hosts=[DB])]),
    ("through an address", [api.BastionWay(via="fd00::7", hosts=[DB])]),
    ("through itself", [api.BastionWay(via=DB, hosts=[DB])]),
    ("in two ways", [api.BastionWay(via=GATE, hosts=[DB]), api.BastionWay(via=WEB, hosts=[DB])]),
    ("in a circle", [api.BastionWay(via=GATE, hosts=[DB]), api.BastionWay(via=DB, hosts=[GATE])]),
    ("with a command", [api.BastionWay(via="x\n  ProxyCommand y", hosts=[DB])]),
]


@pytest.mark.parametrize("ways", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bundle_that_leads_nowhere_is_refused(
    ways: list[api.BastionWay], company: MiniCa, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    company.bastions = ways
    with pytest.raises(Unauthenticated) as caught:
        sign_in(force=True).run()
    assert caught.value.code == "bundle.bastion"


def test_names_that_the_root_has_not_signed_for_end_the_login(
    company: MiniCa, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    company.enrolled = [WEB, "web-1"]
    with pytest.raises(DaypassError) as caught:
        sign_in().run()
    assert caught.value.code == "bundle.host" and joined.trust.short_domain == ""


def context(settings: Settings) -> Path:
    current = settings.current()
    assert current is not None
    return current.folder
