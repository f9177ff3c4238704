"""Three hosts with different labels, each with a real sshd in a network of its own: who gets in where, and how far.

TRUST 1.1, 2.1, 2.2 and 2.6, as sshd itself has it: the CA and every command are real, and certificates are signed
with the CA's own key.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.host.real_ca import RealCa, ended, run_real_ca
from tests.parts.lan import Inside, Lan, run_lan
from tests.parts.needs import need
from tests.parts.openssh import Sshd, make_accounts, make_key, run_sshd, sign_key
from tests.parts.processes import safe_directory, wait_until

ROLES = """
[[roles]]
name = "own"
groups = ["all"]
hosts = ["*"]
accounts = ["{login}"]

[[roles]]
name = "web"
groups = ["web"]
labels = { tier = ["web"] }
accounts = ["deploy"]

[[roles]]
name = "db"
groups = ["db"]
hosts = ["db-*.example.com"]
accounts = ["deploy"]
extensions = []

[[roles]]
name = "office"
groups = ["office"]
hosts = ["*.example.com"]
labels = { tier = ["web", "app"] }
accounts = ["bob"]
source_address = ["10.77.0.0/16"]
day_pass = false

[[roles]]
name = "ping"
groups = ["ping"]
hosts = ["web-*.example.com"]
accounts = ["deploy"]
force_command = "echo pong \\"$SSH_ORIGINAL_COMMAND\\""
day_pass = false
"""
LABELS = {"web-1": ("tier=web",), "db-1": ("tier=db",), "app-1": ("tier=app", "site=x")}


@dataclass
class Fleet:
    folder: Path
    ca: RealCa
    lan: Lan
    sshds: dict[str, Sshd]

    def root(self, host: str) -> Path:
        return self.folder / host

    def enroll(self, host: str, *labels: str) -> None:
        token, root = self.folder / "token", self.root(host)
        token.write_text(self.ca.token(f"{host}.example.com", *labels))
        where = ("--root", root, "--sshd-config", root / "sshd/sshd_config")
        ended("host", "enroll", "--token-file", token, "--no-reload", *where)

    def sync(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(ended("host", "sync", "--root", self.root(host), "--json").stdout)
        return found

    def ssh(
        self, host: str, account: str, *principals: str, command: str = "echo in", tty: bool = False, source: str = ""
    ) -> str:
        """What the command prints there; empty for one who does not get in."""
        key = self.folder / "key"
        if not key.exists():
            make_key(key)
        sign_key(self.ca.user_key, key.with_suffix(".pub"), key_id="alice@example.com", principals=principals)
        number = list(LABELS).index(host) + 1
        options = [f"Port={self.sshds[host].port}", "BatchMode=yes", "ConnectTimeout=5", f"IdentityFile={key}",
                   "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                   "LogLevel=ERROR"]  # fmt: skip
        more = [*(["-b", source] if source else []), *(["-tt"] if tty else [])]
        ran = subprocess.run(
            [*self.lan.laptop, need("ssh"), "-F", "none", *(part for each in options for part in ("-o", each)), *more,
             "-l", account, f"10.77.{number}.2", command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=15,
        )  # fmt: skip
        return ran.stdout.strip()


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        lan, ca = stack.enter_context(run_lan(len(LABELS))), stack.enter_context(run_real_ca(ROLES))
        made = Fleet(stack.enter_context(safe_directory()), ca, lan, {})
        for number, (host, labels) in enumerate(LABELS.items(), 1):
            root = made.root(host)
            (root / "sshd").mkdir(parents=True)
            (root / "etc/ssh").mkdir(parents=True)
            accounts = make_accounts(root)
            (root / "etc/passwd").write_text((root / "passwd").read_text())
            (root / "etc/group").write_text((root / "group").read_text())
            inside = Inside(accounts.directory, accounts.uids, tuple(lan.host(number)))
            lines = [f"ListenAddress 10.77.{number}.2", f"Include {root}/etc/ssh/*.conf"]
            made.sshds[host] = stack.enter_context(run_sshd(root / "sshd", lines, accounts=inside))
            made.enroll(host, *labels)
            made.sync(host)
            made.sshds[host].reload()
        yield made


ACCESS: list[tuple[str, str, tuple[str, ...], set[str]]] = [
    ("one's own account is everywhere", "alice", ("role:own:alice",), {"web-1", "db-1", "app-1"}),
    ("another's own account is nowhere", "bob", ("role:own:alice",), set()),
    ("a plain role is nobody's own account [seen]", "alice", ("role:own",), set()),
    ("a label", "deploy", ("role:web",), {"web-1"}),
    ("a name pattern", "deploy", ("role:db",), {"db-1"}),
    ("a pattern and labels together", "bob", ("role:office",), {"web-1", "app-1"}),
    ("a role of no account here", "root", ("role:web", "role:db", "role:own:alice"), set()),
    ("a login name opens nothing where the files are [seen]", "alice", ("alice", "root"), set()),
    ("an account's name opens nothing either", "deploy", ("deploy",), set()),
    ("a role that nobody has defined", "deploy", ("role:nothing",), set()),
    ("a step-up elsewhere", "deploy", ("role:web@00000000000000000000000000000000",), set()),
    ("a longer role", "deploy", ("role:webb", "role:web:deploy"), set()),
]


@pytest.mark.parametrize(
    ("account", "principals", "hosts"), [row[1:] for row in ACCESS], ids=[row[0] for row in ACCESS]
)
def test_a_role_opens_what_it_names_and_nothing_else(
    fleet: Fleet, account: str, principals: tuple[str, ...], hosts: set[str]
) -> None:
    assert {host for host in LABELS if fleet.ssh(host, account, *principals) == "in"} == hosts


def test_from_holds_on_the_host(fleet: Fleet) -> None:
    assert fleet.ssh("app-1", "bob", "role:office") == "in"
    assert fleet.ssh("app-1", "bob", "role:office", source="10.78.0.1") == ""
    assert fleet.ssh("app-1", "alice", "role:own:alice", source="10.78.0.1") == "in"


def test_a_forced_command_holds_and_its_line_is_the_first_that_matches(fleet: Fleet) -> None:
    """[seen] Whoever has the free role, too, has the forced one first."""
    assert fleet.ssh("web-1", "deploy", "role:ping") == "pong echo in"
    assert fleet.ssh("web-1", "deploy", "role:web", "role:ping") == "pong echo in"
    assert fleet.ssh("web-1", "deploy", "role:web") == "in"


def test_a_role_without_a_terminal_gives_none(fleet: Fleet) -> None:
    assert fleet.ssh("db-1", "deploy", "role:db", command="tty", tty=True) == ""
    assert fleet.ssh("db-1", "deploy", "role:db", command="tty") == "not a tty"
    assert fleet.ssh("web-1", "deploy", "role:web", command="tty", tty=True).startswith("/dev/pts/")


def test_the_owners_ceiling_beats_the_ca(fleet: Fleet) -> None:
    settings = fleet.root("app-1") / "etc/daypass/host.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('never = ["bob"]\n')
    try:
        fleet.sync("app-1")
        assert fleet.ssh("app-1", "bob", "role:office") == ""
        assert fleet.ssh("app-1", "alice", "role:own:alice") == "in"
    finally:
        settings.unlink()
        fleet.sync("app-1")
    assert fleet.ssh("app-1", "bob", "role:office") == "in"


def test_a_change_of_policy_and_of_labels_arrives_with_the_next_sync_without_a_reload(fleet: Fleet) -> None:
    log = fleet.sshds["app-1"].log.count("Server listening")
    assert fleet.ssh("app-1", "deploy", "role:web") == ""
    fleet.enroll("app-1", "tier=web")
    warnings = fleet.sync("app-1")["warnings"]
    assert not [each for each in warnings if "logins" not in each], (
        "its sshd writes no log that logins are counted by"
    )
    assert fleet.ssh("app-1", "deploy", "role:web") == "in"
    fleet.ca.publish(ROLES.replace('labels = { tier = ["web"] }', 'labels = { tier = ["db"] }'))
    try:
        wait_until(lambda: fleet.sync("db-1")["changed"] != [], "the new policy at db-1")
        changed = [path for host in ("web-1", "app-1") for path in fleet.sync(host)["changed"]]
        assert [Path(path).name for path in changed] == ["deploy", "deploy"]
        assert [fleet.ssh(host, "deploy", "role:web") for host in LABELS] == ["", "in", ""]
    finally:
        fleet.ca.publish(ROLES.replace('groups = ["ping"]', 'groups = ["ping", "pong"]'))  # an old version is refused
        wait_until(lambda: fleet.sync("db-1")["changed"] != [], "the old policy at db-1")
        fleet.enroll("app-1", *LABELS["app-1"])
        assert all(fleet.sync(host) for host in LABELS)
    assert fleet.sshds["app-1"].log.count("Server listening") == log


def test_a_sync_that_brings_nothing_says_nothing_and_touches_nothing(fleet: Fleet) -> None:
    fleet.sync("db-1")
    files = {path: path.stat().st_mtime_ns for path in (fleet.root("db-1") / "etc/ssh").rglob("*")}
    ran = ended("host", "sync", "--root", fleet.root("db-1"))
    assert (ran.stdout, ran.stderr) == ("", "")
    assert {path: path.stat().st_mtime_ns for path in (fleet.root("db-1") / "etc/ssh").rglob("*")} == files
