"""A host on its way from a plain key to a certificate, and out of it again, as a laptop meets it (trust 5.3, 6.2)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from tests.parts.openssh import Sshd, make_key, run_sshd
from tests.parts.processes import safe_directory

from daypass.api import POSSESSION_NAMESPACE, EnrolKey, EnrolRequest
from daypass.client import trust
from daypass.client.settings import Settings
from daypass.demo.company import Company
from daypass.wire import Certificate, PublicKey, SshSignature, sign_blob
from daypass.wire.binding import possession_message
from daypass.wire.sshsig import to_be_signed

MOVING = "db-7.demo.test"
HOST = "Host {name}\n  HostName 127.0.0.1\n  HostKeyAlias {name}\n  Port {port}\n  User {account}\n"


@pytest.fixture
def moving(firm: Company) -> Iterator[Sshd]:
    """A host under the company's patterns, with the plain key it always had, and a person's key that opens it."""
    own = make_key(firm.laptop / ".ssh/id_ecdsa")
    kept = firm.ssh_config.read_text()
    with safe_directory() as folder:
        lines = [f"AuthorizedKeysFile {own}.pub", f"HostCertificate {folder}/certificate.pub", "StrictModes no"]
        with run_sshd(folder, lines) as running:
            firm.ssh_config.write_text(kept + HOST.format(name=MOVING, port=running.port, account=firm.account))
            try:
                yield running
            finally:
                firm.ssh_config.write_text(kept)
                for path in (own, Path(f"{own}.pub"), firm.laptop / ".ssh/known_hosts"):
                    path.unlink(missing_ok=True)


def enrol(firm: Company, host: Sshd, *making: str) -> Certificate:
    """As `daypass host enroll` does, for a host key that lies elsewhere than in /etc/ssh."""
    told = firm.daypass(*(making or ("token", "host")), MOVING, "--root", str(firm.ca_root)).stdout
    token = next(word for word in told.split() if word.startswith("dpj1."))
    member = trust.current(Settings.load("", firm.env))
    private = load_ssh_private_key(host.host_key.read_bytes(), None)
    public = PublicKey.from_cryptography(private.public_key())  # type: ignore[arg-type]
    message = to_be_signed(POSSESSION_NAMESPACE, possession_message(member.ca_id, token))
    proof = SshSignature(public, POSSESSION_NAMESPACE, "sha512", sign_blob(private, message)).encode()  # type: ignore[arg-type]
    with member.remote() as remote:
        answer = remote.enrol(EnrolRequest(token=token, keys=[EnrolKey(public_key=public.blob, proof=proof)]))
    certificate = Certificate.parse(answer.certificates[0])
    host.directory.joinpath("certificate.pub").write_text(certificate.line() + "\n")
    host.reload()
    return certificate


def sign_in_later(firm: Company) -> None:
    """By then the CA tells of what has just happened."""
    time.sleep(5.1)
    firm.sign_in("alice", "--force")


def strictness(firm: Company, host: str) -> str:
    return next(
        line.split()[1] for line in firm.ssh("-G", host).stdout.splitlines() if line.startswith("stricthostkey")
    )


def test_a_host_moves_to_certificates_and_is_revoked(firm: Company, moving: Sshd) -> None:
    firm.sign_in("alice")
    assert (strictness(firm, firm.host), strictness(firm, MOVING)) == ("true", "ask")
    assert "Host key verification failed" in firm.ssh("-o", "BatchMode=yes", MOVING, "true").stderr
    learnt = firm.ssh("-o", "StrictHostKeyChecking=accept-new", MOVING, "echo in")
    assert (learnt.returncode, learnt.stdout) == (0, "in\n"), learnt.stderr
    (firm.laptop / ".ssh/known_hosts").unlink()

    certificate = enrol(firm, moving)  # with yesterday's list it is proved all the same
    proved = firm.ssh("-o", "BatchMode=yes", MOVING, "echo in")
    assert (proved.returncode, proved.stdout) == (0, "in\n"), proved.stderr
    assert not (firm.laptop / ".ssh/known_hosts").exists()

    sign_in_later(firm)
    assert strictness(firm, MOVING) == "true"
    moving.directory.joinpath("certificate.pub").unlink()
    moving.reload()
    impostor = firm.ssh(MOVING, "true")
    assert impostor.returncode == 255 and "no matching host key type" in impostor.stderr

    moving.directory.joinpath("certificate.pub").write_text(certificate.line() + "\n")
    moving.reload()
    assert firm.ssh(MOVING, "true").returncode == 0
    firm.daypass("revoke", "--host", MOVING, "--reason", "stolen", "--root", str(firm.ca_root))
    time.sleep(5.1)
    firm.daypass("list", "--remote")  # any call brings the list along (trust 6.2)
    refused = firm.ssh(MOVING, "true")
    assert refused.returncode == 255 and "revoked" in refused.stderr
    assert strictness(firm, MOVING) == "true"
    assert firm.ssh(firm.host, "true").returncode == 0


def test_another_machine_takes_a_host_s_place_and_nobody_is_asked(firm: Company, moving: Sshd) -> None:
    first, key = enrol(firm, moving), moving.host_key.read_bytes()
    moving.host_key.unlink()
    make_key(moving.host_key)
    enrol(firm, moving, "host", "replace")
    sign_in_later(firm)
    met = firm.ssh("-o", "BatchMode=yes", MOVING, "echo in")
    assert (met.returncode, met.stdout) == (0, "in\n"), met.stderr
    assert not (firm.laptop / ".ssh/known_hosts").exists()

    moving.host_key.write_bytes(key)  # the machine before comes back
    moving.directory.joinpath("certificate.pub").write_text(first.line() + "\n")
    moving.reload()
    refused = firm.ssh("-o", "BatchMode=yes", MOVING, "echo in")
    assert refused.returncode == 255 and "revoked" in refused.stderr
