"""What a host can do with a forwarded agent that holds a day pass: real ssh, sshd, ssh-agent (trust 4.2, 4.4).

It lists the key, and it makes a signature that holds: so such a signature reads its person's own data, gives up their
access, and opens nothing else.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.parts.needs import need
from tests.parts.openssh import Agent, Sshd, make_key, run_agent, run_sshd
from tests.parts.sshpop import Holder
from tests.server.company import Company
from tests.server.kit import CA_ID

from daypass.api import ROUTES, Access, PassProof
from daypass.wire import SshSignature
from daypass.wire.binding import REQUEST_NAMESPACE, request_message

MINE = "/v1/me/certificates"
ADMIN = [route.path for route in ROUTES if route.access is Access.ADMIN]


@pytest.fixture
def holder(company: Company) -> Holder:
    return company.person()


@pytest.fixture
def laptop(holder: Holder, tmp_path: Path) -> Iterator[Agent]:
    """An agent with the day pass in it, and a key that logs in to the host."""
    with run_agent() as agent:
        agent.add(pass_files(holder, tmp_path))
        yield agent


def pass_files(holder: Holder, folder: Path) -> Path:
    """Key and certificate as files, for ssh-add."""
    path = folder / "pass"
    path.write_bytes(holder.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    path.with_name("pass.pub").write_text(holder.certificate.public_key.line() + "\n")
    path.with_name("pass-cert.pub").write_text(holder.certificate.line() + "\n")
    return path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    key = make_key(folder / "login")
    (folder / "authorized").write_text(key.with_name("login.pub").read_text())
    lines = [f"AuthorizedKeysFile {folder}/authorized", "StrictModes no", "AllowAgentForwarding yes"]
    with run_sshd(folder, lines) as sshd:
        yield sshd


def on_the_host(host: Sshd, agent: Agent, command: str) -> subprocess.CompletedProcess[str]:
    """Over `ssh -A`: what runs there uses the forwarded agent and nothing of the laptop's."""
    argv = [
        need("ssh"), "-A", "-F", "none", "-i", str(host.directory / "login"), "-o", "IdentitiesOnly=yes",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p", str(host.port), "127.0.0.1",
        command,
    ]  # fmt: skip
    return subprocess.run(
        [str(each) for each in argv], env=agent.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip


def signed_there(host: Sshd, agent: Agent, holder: Holder, folder: Path, path: str, body: bytes) -> str:
    """The header of a call that the host makes up: the laptop's person knows nothing of it."""
    now, nonce = int(time.time()), os.urandom(16)
    method = "GET" if path.startswith("/v1/me/cert") else "POST"
    (folder / "call").write_bytes(request_message(CA_ID, method, path, body, now, nonce))
    (folder / "stolen.pub").write_text(holder.certificate.public_key.line() + "\n")
    sign = f"cd {folder} && ssh-keygen -q -Y sign -n {REQUEST_NAMESPACE} -f stolen.pub < call"
    done = on_the_host(host, agent, sign)
    assert done.returncode == 0, done.stderr
    proof = SshSignature.from_armor(done.stdout).encode()
    return PassProof(certificate=holder.certificate.encode(), time=now, nonce=nonce, proof=proof).header()


def test_the_host_lists_the_day_pass_and_reads_its_persons_data_with_it(
    company: Company, host: Sshd, laptop: Agent, holder: Holder, tmp_path: Path
) -> None:
    listed = on_the_host(host, laptop, "ssh-add -L")
    assert any("-cert-v01@openssh.com " in line for line in listed.stdout.splitlines()), listed.stderr
    header = signed_there(host, laptop, holder, tmp_path, MINE, b"")
    assert company.web.get(MINE, headers={"authorization": header}).status_code == 200


def test_the_host_administers_nothing_with_it_even_where_the_person_may_everything(
    company: Company, host: Sshd, laptop: Agent, holder: Holder, tmp_path: Path
) -> None:
    for path in ADMIN[:3]:
        header = signed_there(host, laptop, holder, tmp_path, path, b"{}")
        for value in (header, header.replace("Daypass ", "Daypass-Act ")):
            answer = company.web.post(path, content=b"{}", headers={"authorization": value})
            assert answer.status_code == 401 and answer.json()["code"].startswith("act.")


@pytest.mark.parametrize(("restricted", "signs"), [(False, True), (True, False)])
def test_a_key_that_is_restricted_to_destinations_signs_no_call(
    host: Sshd, holder: Holder, tmp_path: Path, restricted: bool, signs: bool
) -> None:
    """ssh-agent uses it for logins on connections that it knows, and for nothing else (ssh-add(1), -h)."""
    known = tmp_path / "known"
    known.write_text(f"web-1.example.com {host.host_key.with_suffix('.pub').read_text()}")
    (tmp_path / "call").write_text("a call")
    key = pass_files(holder, tmp_path)
    sign = f"cd {tmp_path} && ssh-keygen -q -Y sign -n {REQUEST_NAMESPACE} -f pass.pub < call"
    with run_agent() as agent:
        agent.add(key, *(("-H", str(known), "-h", "web-1.example.com") if restricted else ()))
        key.unlink()  # or ssh-keygen would sign with the file
        here = subprocess.run(
            ["sh", "-c", sign], env=agent.env, capture_output=True, text=True, timeout=20, check=False
        )
        far = on_the_host(host, agent, sign)
    for done in (here, far):
        assert (done.returncode == 0, "SSH SIGNATURE" in done.stdout) == (signs, signs), done.stderr
