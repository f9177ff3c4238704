"""Every key of a running company is replaced: nobody is locked out on the way, and nothing is started again."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from cryptography import x509
from tests.parts.needs import need
from tests.parts.processes import wait_until
from tests.store.ends import revoke as end_these

from daypass.api import Signed, TrustDocument
from daypass.cli.exits import Exit
from daypass.client import trust
from daypass.client.settings import Settings
from daypass.config import load, rebased
from daypass.demo.company import Company, company
from daypass.errors import DaypassError
from daypass.remote import Remote
from daypass.signers.x509 import fingerprint
from daypass.store import SqlStore, open_store
from daypass.wire import Certificate

T = TypeVar("T")


@pytest.fixture(scope="module")
def firm() -> Iterator[Company]:
    for part in ("ssh", "sshd", "ssh-agent", "ssh-keygen"):
        need(part)
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home, company(Path(home)) as running:
        running.sign_in("alice")
        yield running


def rotate(firm: Company, use: str, *options: str, code: int = Exit.OK) -> str:
    """What it says, or why not."""
    done = firm.daypass("ca", "rotate", use, *options, "--yes", "--root", str(firm.ca_root), check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


def standing(firm: Company, use: str, *stage: str) -> dict[str, Any]:
    """How it stands, once this stage is done."""
    options = (*stage, "--yes") if stage else ()
    done = firm.daypass("ca", "rotate", use, *options, "--json", "--root", str(firm.ca_root))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def await_machine(firm: Company, use: str, version: int, key: str) -> None:
    """Until the running CA says that it goes by this trust document, and signs with this key."""

    def said() -> bool:
        return any(
            (each.trust_version, each.keys[use]) == (version, key)
            for each in ask(firm, lambda store: store.machines())
        )

    wait_until(said, "ca serve to take it up")


def ask(firm: Company, question: Callable[[SqlStore], Awaitable[T]]) -> T:
    """What the store holds now."""
    config = rebased(load(firm.config), firm.ca_root)

    async def run() -> T:
        store = open_store(config.ca.database)
        try:
            return await question(store)
        finally:
            await store.close()

    return asyncio.run(run())


def end_passes(firm: Company, by: str = "") -> None:
    """As a day would: alice's certificates, those by one key or all."""

    async def revoke(store: SqlStore) -> None:
        now = int(time.time())
        held = [each for each in await store.certificates_of(1, now) if each.revoked_at is None]
        keys = {each.serial: Certificate.parse(each.certificate).signature_key.fingerprint for each in held}
        serials = [serial for serial, key in keys.items() if by in ("", key)]
        await end_these(store, serials, reason="a day has passed", actor="test", now=now)

    ask(firm, revoke)


def sync(firm: Company, times: int = 1) -> None:
    """As cron does; the second time tells the CA what the first has applied."""
    for _ in range(times):
        firm.daypass("host", "sync", "--root", str(firm.host_root))


def in_by_ssh(firm: Company) -> bool:
    done = firm.ssh("-o", "BatchMode=yes", firm.host, "echo in")
    return (done.returncode, done.stdout) == (0, "in\n")


def pass_of(firm: Company) -> Certificate:
    (path,) = (firm.laptop / ".daypass").rglob("id-cert.pub")
    return Certificate.from_line(path.read_text())


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_user_key(firm: Company) -> None:
    old, trusted = standing(firm, "user")["signs"], firm.host_root / "etc/ssh/daypass/user_ca.pub"
    new = standing(firm, "user", "--announce")["announced"][1]
    await_machine(firm, "user", 2, old)
    refused = rotate(firm, "user", "--sign", code=Exit.CONFLICT)
    assert "1 host that has not taken the new key yet: web-1.demo.test" in refused and "host sync" in refused
    sync(firm, 2)
    assert lines(trusted) == 2 and in_by_ssh(firm)
    rotate(firm, "user", "--sign")
    await_machine(firm, "user", 2, new)
    assert in_by_ssh(firm), "the day pass of before"
    firm.sign_in("alice", "--force")
    assert pass_of(firm).signature_key.fingerprint == new and in_by_ssh(firm)
    assert "1 person with a certificate by the old key: alice" in rotate(firm, "user", "--retire", code=Exit.CONFLICT)
    end_passes(firm, by=old)
    rotate(firm, "user", "--retire")
    await_machine(firm, "user", 3, new)
    sync(firm)
    assert lines(trusted) == 1 and in_by_ssh(firm)
    assert standing(firm, "user")["stage"] == "steady"
    assert (firm.ca_root / "etc/daypass/keys/retired/user_ca").is_file()


def test_the_host_key(firm: Company) -> None:
    known = next((firm.laptop / ".daypass").rglob("known_hosts"))
    announced = standing(firm, "host", "--announce")
    (old, new), version = announced["announced"], announced["trust_version"]
    await_machine(firm, "host", version, old)
    assert "1 person who has not signed in" in rotate(firm, "host", "--sign", code=Exit.CONFLICT)
    end_passes(firm)
    time.sleep(1.1)
    firm.sign_in("alice", "--force")
    assert lines(known) == 2 and in_by_ssh(firm)
    rotate(firm, "host", "--sign")
    await_machine(firm, "host", version, new)
    assert in_by_ssh(firm), "the host's certificate of before"
    sync(firm, 2)
    refused = rotate(firm, "host", "--retire", code=Exit.CONFLICT)
    assert "1 host whose certificate is by the old key: web-1.demo.test" in refused
    firm.enrol_host()
    firm.reload_sshd()
    shown = Certificate.from_line((firm.host_root / "etc/ssh/daypass/ssh_host_ed25519_key-cert.pub").read_text())
    assert shown.signature_key.fingerprint == new and in_by_ssh(firm)
    rotate(firm, "host", "--retire")
    await_machine(firm, "host", version + 1, new)
    firm.sign_in("alice", "--force")
    sync(firm)
    assert lines(known) == 1 and in_by_ssh(firm)


def test_the_bundle_key(firm: Company) -> None:
    end_passes(firm)
    announced = standing(firm, "bundle", "--announce")
    (old, new), version = announced["announced"], announced["trust_version"]
    await_machine(firm, "bundle", version, old)
    sync(firm, 2)
    rotate(firm, "bundle", "--sign")
    await_machine(firm, "bundle", version, new)
    sync(firm)
    firm.sign_in("alice", "--force")
    assert in_by_ssh(firm)
    rotate(firm, "bundle", "--retire")
    await_machine(firm, "bundle", version + 1, new)
    sync(firm)
    firm.sign_in("alice", "--force")
    assert in_by_ssh(firm)


def test_the_tls_root(firm: Company) -> None:
    """Whoever pins the old root, and has heard of no other, gets in until it is retired; so do old lines to join."""
    laptop = shutil.copytree(firm.laptop / ".daypass", firm.home / "drawer", ignore=shutil.ignore_patterns("*.sock"))
    announced = standing(firm, "tls", "--announce")
    (old, new), version = announced["announced"], announced["trust_version"]
    await_machine(firm, "tls", version, old)
    told = rotate(firm, "tls", "--sign")
    line = f"{firm.url}/#{new}"
    assert f"daypass bootstrap {line}" in told
    await_machine(firm, "tls", version, new)
    wait_until(lambda: root_of(firm) == new, "the new root's leaf")
    for number, pin in enumerate((old, new)):
        joined(firm, f"{firm.url}/#{pin}", firm.home / f"new-{number}")
    drawer = trust.current(Settings.load("", firm.env | {"DAYPASS_HOME": str(laptop)}))
    with drawer.remote() as remote:
        learnt, _ = trust.refresh(drawer, remote)
    assert (len(drawer.trust.tls_roots), len(learnt.trust.tls_roots)) == (1, 2)
    sync(firm, 2)
    firm.sign_in("alice", "--force")
    assert in_by_ssh(firm)
    token = firm.daypass("token", "host", "web-9.demo.test", "--root", str(firm.ca_root)).stdout
    assert token.startswith("dpj1.")
    end_passes(firm)
    rotate(firm, "tls", "--retire")
    await_machine(firm, "tls", version + 1, new)
    firm.sign_in("alice", "--force")
    sync(firm)
    assert in_by_ssh(firm)
    joined(firm, line, firm.home / "new-2")
    wait_until(lambda: not healthy(drawer.remote()), "the old root to be of no use")
    late = firm.daypass("bootstrap", f"{firm.url}/#{old}", env={"DAYPASS_HOME": str(firm.home / "late")}, check=False)
    assert late.returncode != 0


def root_of(firm: Company) -> str:
    """Fingerprint of the root whose key signed the leaf that the CA shows now; "" for none of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("localhost", firm.ca_port)) as plain, context.wrap_socket(plain) as wrapped:
        leaf = x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True) or b"")
    roots = [x509.load_pem_x509_certificate(each.read_bytes()) for each in keys_of(firm).glob("tls_root*.crt")]
    issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    signing = (
        root for root in roots if x509.SubjectKeyIdentifier.from_public_key(root.public_key()).digest == issuer
    )
    return next((fingerprint(root) for root in signing), "")


def keys_of(firm: Company) -> Path:
    return firm.ca_root / "etc/daypass/keys"


def joined(firm: Company, line: str, home: Path) -> None:
    firm.daypass("bootstrap", line, env={"DAYPASS_HOME": str(home)})


def test_who_has_the_machine_the_database_and_the_web_process_gets_no_key_believed(firm: Company) -> None:
    """All of the CA but the offline root: a key of theirs, in the configuration and in a trust document of theirs."""
    file = firm.ca_root / "etc/daypass/trust.json"
    ours = file.read_bytes()
    signed = msgspec.json.decode(ours, type=Signed)
    document = msgspec.json.decode(signed.document, type=TrustDocument)
    thief = firm.daypass("ca", "init", "--root", str(firm.home / "thief"), "--url", firm.url, "--host-domain",
                         "*.demo.test", "--no-passphrase", "--json")  # fmt: skip
    theirs = firm.home / "thief/etc/daypass"
    assert json.loads(thief.stdout)["ca_id"] != document.ca_id
    key = (theirs / "keys/user_ca.pub").read_text().rsplit(" ", 3)[0].strip()
    roots = "".join(document.tls_roots)
    forged = msgspec.structs.replace(document, version=99, user_ca=[*document.user_ca, key])
    before = (firm.host_root / "etc/ssh/daypass/user_ca.pub").read_bytes()
    try:
        for content in (
            (theirs / "trust.json").read_bytes(),
            msgspec.json.encode(Signed(document=msgspec.json.encode(forged).decode(), signature=signed.signature)),
        ):
            file.write_bytes(content)
            wait_until(lambda: not healthy(Remote(firm.url, roots)), "ca serve to notice")
            refused = firm.daypass("host", "sync", "--root", str(firm.host_root), check=False)
            assert refused.returncode != 0
    finally:
        file.write_bytes(ours)
    assert (firm.host_root / "etc/ssh/daypass/user_ca.pub").read_bytes() == before
    wait_until(lambda: healthy(Remote(firm.url, roots)), "ca serve to go on")
    sync(firm)
    firm.sign_in("alice", "--force")
    assert in_by_ssh(firm)


def healthy(remote: Remote) -> bool:
    with remote:
        try:
            remote.trust()
        except DaypassError:
            return False
    return True
