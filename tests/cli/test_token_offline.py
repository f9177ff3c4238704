"""Tokens made by a provisioner's key, with no word to the CA: what the commands print is what the CA believes."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.parts.clientcert import make_root
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds.jwk import nothing_on_record

from daypass.ca.ports import Provisioner
from daypass.cli.host_ways import X5c
from daypass.cli.main import main
from daypass.config import JwkSection, X5cSection
from daypass.errors import DaypassError
from daypass.model import Credential, HostFacts, Proof, Secret
from daypass.provisioners.jwk import JwkProvisioner
from daypass.provisioners.x5c import X5cProvisioner
from daypass.wire import PublicKey, jwkfile
from daypass.wire.binding import login_act
from daypass.wire.jwkfile import is_encrypted
from daypass.wire.onetime import Site, site_of

KEY = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
CA = f"https://ca.example.com:8443/#{'ab' * 32}"
Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command that works, in a folder of its own; gives what it prints."""
    monkeypatch.setattr(jwkfile, "ROUNDS", 1000)
    monkeypatch.setenv("DAYPASS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("word").write_text("correct horse\n")
    Path("alice.pub").write_text(f"{KEY.line()}\n")

    def run(*words: str, code: int = 0) -> str:
        assert main([*words]) == code
        return capsys.readouterr().out.strip()

    return run


@pytest.fixture
def table(say: Say) -> JwkSection:
    """What `provisioner key` printed, for people and hosts."""
    printed = tomllib.loads(say("ca", "provisioner", "key", "ops", "--passphrase-file", "word"))
    (found,) = printed["jwk"]
    return msgspec.convert(found | {"hosts": ["*.example.com"], "users": True}, JwkSection)


def show(provisioner: Provisioner, token: str, act: bytes = b"login") -> Proof:
    credential = Credential(Secret(token), (KEY,), act=act, possessed=True)
    return asyncio.run(provisioner.authenticate(credential))


def gate(table: JwkSection) -> Provisioner:
    return JwkProvisioner(table, ["ca.example.com"], nothing_on_record, StillClock(time.time()))


BY_LEAF = ("--x5c-cert", "leaf.pem", "--x5c-key", "leaf.key", "--provisioner", "mesh")
BY_KEY = ("--provisioner", "ops", "--key", "ops.jwe", "--passphrase-file", "word", "--ca", CA)


def test_a_new_keys_private_half_is_encrypted_and_nobody_elses_to_read(say: Say, table: JwkSection) -> None:
    assert is_encrypted(Path("ops.jwe").read_text())
    assert Path("ops.jwe").stat().st_mode & 0o777 == 0o600
    assert '"d"' not in table.key
    say("ca", "provisioner", "key", "ops", "--passphrase-file", "word", code=7)  # it is there already


def test_a_persons_token_is_believed_by_the_ca_and_bound_to_their_key(say: Say, table: JwkSection) -> None:
    token = say("token", "user", "alice@example.com", *BY_KEY, "--for", "alice.pub", "--group", "oncall",
                "--role", "dba")  # fmt: skip
    proof = show(gate(table), token, login_act("dba"))
    assert (proof.identity.login, proof.identity.groups, proof.bound) == ("alice", frozenset({"oncall"}), True)


def test_a_hosts_token_has_its_names_and_labels_and_says_where_its_ca_is(say: Say, table: JwkSection) -> None:
    token = say("token", "host", "web-1.example.com", "--alias", "www.example.com", "--label", "env=prod", *BY_KEY)
    assert show(gate(table), token, b"enrol").enrolment == HostFacts(
        "web-1.example.com", ("www.example.com",), {"env": "prod"}
    )
    assert site_of(token) == Site("https://ca.example.com:8443", "ab" * 32, "host")


def test_a_host_with_a_certificate_of_a_root_makes_its_own(say: Say) -> None:
    root = make_root(time.time() - 60)
    client = root.intermediate().client([x509.DNSName("web-1.example.com")])
    Path("leaf.key").write_bytes(client.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain = [x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in client.chain]
    Path("leaf.pem").write_bytes(b"".join(chain))
    token = say("token", "host", "web-1.example.com", "--provisioner", "mesh", "--key", "leaf.key",
                "--x5c-cert", "leaf.pem", "--ca", CA)  # fmt: skip
    section = X5cSection(name="mesh", roots=[root.pem], kind="host", hosts=["*.example.com"])
    proof = show(X5cProvisioner(section, ["ca.example.com"], StillClock(time.time())), token, b"enrol")
    assert proof.enrolment == HostFacts("web-1.example.com")
    assert site_of(token).fingerprint == "ab" * 32


def test_a_host_shows_its_x509_certificate_for_its_own_keys_and_no_others(say: Say) -> None:
    root, url = make_root(time.time() - 60), CA.split("/#")[0]
    client = root.client([x509.DNSName("web-1.example.com")])
    Path("leaf.key").write_bytes(client.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    chain = [x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in client.chain]
    Path("leaf.pem").write_bytes(b"".join(chain))
    machine: Any = SimpleNamespace(keys=[SimpleNamespace(public_key=KEY)])
    token = X5c(Path("leaf.pem"), Path("leaf.key"), "mesh").word("web-1.example.com", (url, "ab" * 32), machine)
    section = X5cSection(name="mesh", roots=[root.pem], kind="host", hosts=["*.example.com"])
    gate = X5cProvisioner(section, ["ca.example.com"], StillClock(time.time()))
    proof = show(gate, token, b"enrol")
    assert proof.bound and proof.enrolment == HostFacts("web-1.example.com")
    other = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
    with pytest.raises(DaypassError):
        asyncio.run(gate.authenticate(Credential(Secret(token), (other,), act=b"enrol", possessed=True)))


@pytest.mark.parametrize(
    "words",
    [
        ("token", "user", "alice", "--provisioner", "ops", "--ca", CA),
        ("token", "user", "alice", *BY_KEY, "--lifetime", "2h"),
        ("token", "user", "alice", *BY_KEY[:-2]),  # no CA is joined here
        ("token", "user", "alice", *BY_KEY, "--for", "word"),
        ("token", "user", "alice", *BY_KEY, "--key", "word"),
        ("token", "host", "web-1.example.com", *BY_KEY, "--uses", "2"),
        ("ca", "provisioner", "key", "new", "--passphrase-file", "alice"),
        ("login", "--x5c-cert", "leaf.pem"),
        ("host", "enroll", "--x5c-cert", "leaf.pem", "--name", "web-1.example.com", "--ca", CA),
        ("host", "enroll", *BY_LEAF, "--ca", CA),
        ("host", "enroll", *BY_LEAF, "--ca", CA, "--name", "web-1.example.com", "--port22"),
        ("host", "enroll", *BY_LEAF, "--ca", CA, "--name", "web-1.example.com", "--token-file", "word"),
        ("login", "--token-file", "nothing-there"),
    ],
)
def test_what_can_not_be_made_is_refused_and_nothing_is_printed(
    say: Say, table: JwkSection, words: tuple[str, ...]
) -> None:
    assert table.users
    assert main([*words]) != 0


@pytest.mark.parametrize("token", ["", "a.b.c", "e30.e30.e30", "x" * 20_000])
def test_what_is_no_token_says_nothing_of_a_ca(token: str) -> None:
    from daypass.errors import Invalid

    with pytest.raises(Invalid):
        site_of(token)
