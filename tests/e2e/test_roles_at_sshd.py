"""What the policy gives, at a real sshd: certificates, and the lines of principals files (trust 1.1, 2.1 to 2.4).

Of each thing that was seen to go wrong there is the wrong way, too: that is why the right one is as it is.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from tests.ca.staff import grant, identity, policy, role
from tests.parts.openssh import Accounts, Agent, Sshd, make_key, run_ssh, run_sshd
from tests.parts.processes import free_port

from daypass.api import HostBundle
from daypass.ca.policy import Policy
from daypass.errors import Invalid
from daypass.host.principals import principals_files
from daypass.model import Grant
from daypass.signers.file import FileSigner
from daypass.wire import Certificate, CertType, PublicKey

HOST = "web-1.example.com"
HERE, ELSEWHERE = ["127.0.0.0/8"], ["10.0.0.0/8"]
CA = FileSigner(Ed25519PrivateKey.generate())
Files = Mapping[str, str]


@dataclass
class Firm:
    """A policy, and a host that it reaches."""

    rules: Policy
    folder: Path
    sshd: Sshd

    def holds(self, *groups: str, who: str = "alice", **asked: Any) -> Grant:
        person = identity(
            login=who, names=(who,), email=f"{who}@example.com", groups=frozenset(groups), auth_time=None
        )
        return grant(self.rules, now=int(time.time()), who=person, **asked)

    def ssh(
        self, user: str, given: Grant, *command: str, options: tuple[str, ...] = (), agent: Agent | None = None
    ) -> subprocess.CompletedProcess[str]:
        key = self.folder / "id"
        if not key.exists():
            make_key(key)
        line = signed(given, PublicKey.from_line(key.with_suffix(".pub").read_text())).line()
        (self.folder / "id-cert").write_text(f"{line}\n")
        shown = (f"IdentityFile={key}", f"CertificateFile={self.folder}/id-cert", "IdentitiesOnly=yes", *options)
        return run_ssh(self.sshd, *(command or ("echo in",)), user=user, agent=agent, options=shown)

    def admits(self, user: str, given: Grant) -> bool:
        ran = self.ssh(user, given)
        assert ran.returncode == 0 or "Permission denied" in ran.stderr, ran.stderr
        return ran.returncode == 0


def signed(given: Grant, key: PublicKey) -> Certificate:
    cert = Certificate(
        nonce=os.urandom(32),
        public_key=key,
        serial=1,
        type=CertType.USER,
        key_id=given.key_id,
        principals=given.principals,
        valid_after=given.valid_after,
        valid_before=given.valid_before,
        critical_options=given.critical_options,
        extensions=given.extensions,
        signature_key=CA.public_key,
    )
    return cert.with_signature(asyncio.run(CA.sign(cert.to_be_signed())))


def lines(rules: Policy) -> Files:
    """As a host makes them of its bundle."""
    bundle = HostBundle(
        ca_id="", host_id="h", name=HOST, version=1, issued_at=0, expires=1, digest="", user_ca=[],
        roles=list(rules.for_host(HOST, (), {})), krl_digest="",
    )  # fmt: skip
    return {name: text.decode() for name, text in principals_files(bundle, ("alice", "bob"), ()).items()}


@contextmanager
def firm(
    folder: Path, accounts: Accounts, rules: Policy, files: Files | None = None, *, bare: bool = False
) -> Iterator[Firm]:
    """`files` instead of those that the policy makes; a bare host knows the CA's key and has none."""
    principals = folder / "principals"
    principals.mkdir()
    for name, text in (lines(rules) if files is None else files).items():
        (principals / name).write_text(text)
    (folder / "user_ca.pub").write_text(CA.public_key.line() + "\n")
    config = [f"TrustedUserCAKeys {folder}/user_ca.pub", "AuthorizedKeysFile none"]
    if not bare:
        config.append(f"AuthorizedPrincipalsFile {principals}/%u")
    with run_sshd(folder, config, accounts=accounts) as sshd:
        yield Firm(rules, folder, sshd)


ENG = role(groups=["eng"], accounts=["{login}", "deploy"])
BARE = role("bare", groups=["bare"], accounts=["{login}"], bare_hosts=True)


def test_a_day_pass_opens_one_s_own_account_and_the_shared_ones_and_nobody_else_s(
    safe_path: Path, accounts: Accounts
) -> None:
    with firm(safe_path, accounts, policy(ENG)) as at:
        alice = at.holds("eng")
        opened = [name for name in ("alice", "bob", "deploy", "root") if at.admits(name, alice)]
        assert opened == ["alice", "deploy"]


def test_with_a_plain_role_in_a_person_s_file_everybody_who_has_it_is_that_person(
    safe_path: Path, accounts: Accounts
) -> None:
    """Seen (trust 1.1): so the file of LOGIN lists `role:NAME:LOGIN` alone."""
    with firm(safe_path, accounts, policy(ENG), {"alice": "restrict role:eng\n"}) as at:
        assert at.admits("alice", at.holds("eng", who="bob"))
    assert all(each.endswith(" role:eng:alice") for each in lines(policy(ENG))["alice"].splitlines())


def test_an_account_without_a_file_admits_nobody(safe_path: Path, accounts: Accounts) -> None:
    """Seen (trust 2.1): a login name in the certificate does not help where there is AuthorizedPrincipalsFile."""
    with firm(safe_path, accounts, policy(BARE), {}) as at:
        assert "alice" in at.holds("bare").principals
        assert not at.admits("alice", at.holds("bare"))


def test_on_a_bare_host_a_role_is_inert_and_a_login_name_opens_its_account(
    safe_path: Path, accounts: Accounts
) -> None:
    named = role("root", groups=["eng"], accounts=["{login}", "deploy"])
    with firm(safe_path, accounts, policy(named, ENG, BARE), bare=True) as at:
        inert = at.holds("eng")
        assert inert.principals == ("role:root:alice", "role:root", "role:eng:alice", "role:eng")
        assert not any(at.admits(name, inert) for name in ("alice", "deploy", "root"))
        assert [at.admits(name, at.holds("bare")) for name in ("alice", "bob", "root")] == [True, False, False]


def test_on_a_bare_host_the_principal_root_is_root(safe_path: Path, accounts: Accounts) -> None:
    """Seen (trust 1.1): so only a role that lists root among its accounts, with `bare_hosts`, ever yields it."""
    bare_root = role("r", groups=["eng"], accounts=["root"], bare_hosts=True)
    with firm(safe_path, accounts, policy(bare_root), bare=True) as at:
        assert at.ssh("root", at.holds("eng"), "id -u").stdout == "0\n"


@pytest.mark.parametrize("login", ["eng", "deploy2", "role"])
def test_somebody_called_like_a_role_is_not_let_in_as_one(safe_path: Path, accounts: Accounts, login: str) -> None:
    with firm(safe_path, accounts, policy(ENG, BARE)) as at:
        assert not at.admits("deploy", at.holds("bare", who=login))


FORCED = role("forced", groups=["ops"], accounts=["deploy"], force_command='echo "forced to: $SSH_ORIGINAL_COMMAND"')
FREE = role("free", groups=["ops"], accounts=["deploy"])


def test_the_first_line_that_matches_wins_and_so_the_strictest_stands_first(
    safe_path: Path, accounts: Accounts
) -> None:
    """Seen (trust 2.2). Whoever has both roles is held to the stricter; the other is had alone."""
    rules = policy(FREE, FORCED)
    files = lines(rules)
    with firm(safe_path, accounts, rules) as at:
        assert at.ssh("deploy", at.holds("ops"), "id").stdout == "forced to: id\n"
        assert at.ssh("deploy", at.holds("ops", role="free"), "echo free").stdout == "free\n"
    wrong = "".join(reversed(files["deploy"].splitlines(keepends=True)))
    (safe_path / "wrong").mkdir()
    with firm(safe_path / "wrong", accounts, rules, {"deploy": wrong}) as at:
        assert at.ssh("deploy", at.holds("ops"), "echo free").stdout == "free\n"


@pytest.mark.parametrize(("command", "admitted"), [(FORCED.force_command, True), ("uptime", False)])
def test_a_forced_command_in_the_certificate_must_be_the_file_s(
    safe_path: Path, accounts: Accounts, command: str, admitted: bool
) -> None:
    """Seen (trust 2.2): another one is refused outright, so we put it on the line and nowhere else."""
    with firm(safe_path, accounts, policy(FORCED)) as at:
        plain = at.holds("ops")
        assert plain.critical_options == ()
        assert at.admits("deploy", replace(plain, critical_options=(("force-command", command),))) is admitted


@pytest.mark.parametrize(("networks", "admitted"), [(HERE, True), (ELSEWHERE, False), (ELSEWHERE + HERE, True)])
@pytest.mark.parametrize("alone", [True, False])
def test_a_role_bound_to_networks_is_good_from_there_only(
    safe_path: Path, accounts: Accounts, networks: list[str], alone: bool, admitted: bool
) -> None:
    """In a day pass by the line, alone by the certificate too: that holds on hosts that lag behind."""
    near = role("near", groups=["eng"], accounts=["deploy"], source_address=networks)
    files = None if not alone else {"deploy": "restrict,pty role:near\n"}
    with firm(safe_path, accounts, policy(near), files) as at:
        given = at.holds("eng", **({"role": "near"} if alone else {}))
        assert bool(given.critical_options) is alone
        assert at.admits("deploy", given) is admitted


def test_what_one_role_permits_is_not_had_on_another_s_line(safe_path: Path, accounts: Accounts) -> None:
    """The day pass has the union; each line begins with `restrict` and holds its role to its own (trust 2.2, 2.4)."""
    strict = role("strict", groups=["eng"], accounts=["deploy"], extensions=[])
    with firm(safe_path, accounts, policy(role("own"), strict)) as at:
        given = at.holds("eng")
        assert ("permit-pty", "") in given.extensions
        own, shared = (at.ssh(name, given, "tty", options=("RequestTTY=force",)) for name in ("alice", "deploy"))
        assert "/dev/pts/" in own.stdout
        assert "PTY allocation request failed" in shared.stderr
        forward = (f"RemoteForward={free_port()} 127.0.0.1:1", "ExitOnForwardFailure=yes")
        own, shared = (at.ssh(name, given, options=forward) for name in ("alice", "deploy"))
        assert own.returncode == 0
        assert "remote port forwarding failed" in shared.stderr


@pytest.mark.parametrize(("extra", "forwarded"), [([], False), (["permit-agent-forwarding"], True)])
def test_the_agent_is_forwarded_only_where_a_role_says_so(
    safe_path: Path, accounts: Accounts, agent: Agent, extra: list[str], forwarded: bool
) -> None:
    with firm(safe_path, accounts, policy(role(accounts=["deploy"], extensions=["permit-pty", *extra]))) as at:
        ran = at.ssh("deploy", at.holds("eng"), "echo $SSH_AUTH_SOCK", options=("ForwardAgent=yes",), agent=agent)
        assert bool(ran.stdout.strip()) is forwarded


def test_a_certificate_is_good_until_its_role_ends_and_not_a_second_longer(
    safe_path: Path, accounts: Accounts
) -> None:
    with firm(safe_path, accounts, policy(ENG)) as at:
        given = at.holds("eng")
        assert not at.admits("deploy", replace(given, valid_before=int(time.time())))
        assert at.admits("deploy", replace(given, valid_before=int(time.time()) + 60))


def test_openssh_reads_256_principals_and_we_make_no_more(safe_path: Path, accounts: Accounts) -> None:
    """tests/ca/test_policy.py holds the denial with its hint (trust 1.1)."""
    with firm(safe_path, accounts, policy(ENG)) as at:
        many = tuple(f"role:r{n}" for n in range(255))
        assert at.admits("deploy", replace(at.holds("eng"), principals=(*many, "role:eng")))
        with pytest.raises(Invalid, match="256"):
            at.admits("deploy", replace(at.holds("eng"), principals=(*many, "role:x", "role:eng")))
