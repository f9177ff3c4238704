"""`daypass ssh-config` with several companies: ssh is told of each, and each goes when it is left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from daypass.client import contexts, trust
from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from tests.client.laptop import at
from tests.client.mini_ca import MiniCa
from tests.client.openssh.test_sshinclude import snapshot


def set_up(settings: Settings) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings))


def take_out(settings: Settings) -> None:
    sshsetup.apply(settings, sshsetup.plan(settings, remove=True), remove=True)


def met_by(settings: Settings, host: str) -> str:
    """The company whose list of revoked host keys ssh looks at; "" where it is none's."""
    config = settings.ssh_folder / "config"
    done = subprocess.run(
        ["ssh", "-T", "-F", str(config), "-G", host],
        env={**os.environ, "SHELL": "/bin/sh"},
        check=True,
        capture_output=True,
        text=True,
    )
    found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("revokedhostkeys ")]
    return Path(found[0]).parent.name if found and found[0] != "none" else ""


def test_ssh_is_set_up_for_every_company_and_goes_by_the_host_name(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    set_up(settings)
    hosts = ("web-1.corp.test", "db.other.test", "github.com")
    assert [met_by(settings, host) for host in hosts] == [joined.context.name, "other", ""]
    assert sshsetup.plan(settings) == []


def test_of_a_company_asked_for_by_name_ssh_is_told_alone(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    set_up(at(settings, "other"))
    assert [met_by(settings, host) for host in ("web-1.corp.test", "db.other.test")] == ["", "other"]


def test_a_company_joined_later_is_set_up_by_itself_and_only_where_ssh_is_set_up(
    joined: Membership, other_ca: MiniCa, settings: Settings
) -> None:
    member = trust.bootstrap(settings, other_ca.url, other_ca.fingerprint, "other")
    assert not sshsetup.follow(settings, member)
    assert not settings.ssh_folder.exists()
    set_up(at(settings, joined.context.name))
    assert sshsetup.follow(settings, member)
    assert met_by(settings, "db.other.test") == "other"
    assert sshsetup.plan(settings) == []


def test_taking_one_out_leaves_the_other_and_the_last_one_takes_all(
    joined: Membership, other: Membership, settings: Settings, home: Path
) -> None:
    before = snapshot(home)
    set_up(settings)
    take_out(at(settings, "other"))
    assert [met_by(settings, host) for host in ("web-1.corp.test", "db.other.test")] == [joined.context.name, ""]
    take_out(at(settings, joined.context.name))
    assert snapshot(home) == before


def test_a_company_that_is_left_is_gone_for_ssh_and_one_joined_after_the_last_is_set_up_again(
    joined: Membership, other: Membership, other_ca: MiniCa, settings: Settings
) -> None:
    set_up(settings)
    contexts.remove(settings, "other")
    assert [met_by(settings, host) for host in ("web-1.corp.test", "db.other.test")] == [joined.context.name, ""]
    contexts.remove(settings, joined.context.name)
    assert met_by(settings, "web-1.corp.test") == ""
    assert sshsetup.follow(settings, trust.bootstrap(settings, other_ca.url, other_ca.fingerprint, "back"))
    assert met_by(settings, "db.other.test") == "back"


def test_one_company_with_damaged_files_keeps_ssh_from_no_other(
    joined: Membership, other: Membership, settings: Settings
) -> None:
    joined.context.trust.write_bytes(b"{")
    set_up(settings)
    assert met_by(settings, "db.other.test") == "other"
