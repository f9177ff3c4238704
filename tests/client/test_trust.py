"""Bootstrap and what follows: one fingerprint, then nothing but what the offline root has signed (trust 5.6)."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import RootResponse
from daypass.client import trust
from daypass.client.settings import Settings
from daypass.errors import Conflict, DaypassError, Invalid, Misconfigured, NotFound, Unauthenticated, Unavailable
from daypass.wire import PublicKey
from tests.client.mini_ca import MiniCa, line, run_mini_ca
from tests.parts.openssh import keygen

HEX = "ab" * 32


@pytest.mark.parametrize(
    ("address", "fingerprint", "expected"),
    [
        (f"https://ca.example.com/#{HEX}", None, "https://ca.example.com"),
        ("https://ca.example.com", HEX, "https://ca.example.com"),
        ("https://ca.example.com:8443/", HEX.upper(), "https://ca.example.com:8443"),
        ("ca.example.com", ":".join(["ab"] * 32), "https://ca.example.com"),
        (f"https://ca.example.com/#{HEX}", HEX, "https://ca.example.com"),
    ],
)
def test_url_and_fingerprint_come_in_two_ways(address: str, fingerprint: str | None, expected: str) -> None:
    assert trust.split_address(address, fingerprint) == (expected, HEX)


@pytest.mark.parametrize("fingerprint", [None, "cd" * 32])
def test_no_fingerprint_or_two_different_ones_are_refused(fingerprint: str | None) -> None:
    address = "https://ca.example.com/" + (f"#{HEX}" if fingerprint else "")
    with pytest.raises(Invalid):
        trust.split_address(address, fingerprint)


def test_bootstrap_pins_tls_roots_and_ca_keys(ca: MiniCa, settings: Settings) -> None:
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    assert member.ca_id == ca.ca_id
    assert member.user_ca == (PublicKey.from_cryptography(ca.user_ca.public_key()),)
    assert trust.current(settings) == member


def test_everything_bootstrap_writes_is_for_the_person_alone(ca: MiniCa, settings: Settings) -> None:
    trust.bootstrap(settings, ca.url, ca.fingerprint)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [settings.home, *settings.home.rglob("*")]}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes


def test_an_empty_krl_that_ssh_keygen_accepts_is_there_from_the_start(ca: MiniCa, settings: Settings) -> None:
    """A file that is named and missing makes ssh refuse every host (trust 6.2)."""
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    assert "KRL version" in keygen("-Q", "-l", "-f", member.context.revoked_host_keys)


def test_a_root_with_another_fingerprint_is_refused(ca: MiniCa, settings: Settings) -> None:
    with run_mini_ca() as other:
        ca.answers[f"/root/{HEX}"] = [(200, RootResponse(other.root_pem))]
        with pytest.raises(Unauthenticated):
            trust.bootstrap(settings, ca.url, HEX)
    assert not settings.home.exists()


def test_a_ca_that_is_not_the_one_behind_the_root_is_refused(ca: MiniCa, settings: Settings) -> None:
    """Someone who serves our public root, but cannot speak TLS under it."""
    with run_mini_ca() as impostor:
        impostor.answers[f"/root/{ca.fingerprint}"] = [(200, RootResponse(ca.root_pem))]
        with pytest.raises(Unavailable, match="pinned root"):
            trust.bootstrap(settings, impostor.url, ca.fingerprint)
    assert not settings.home.exists()


def test_a_ca_without_a_trust_root_is_told_apart(settings: Settings) -> None:
    with run_mini_ca(with_trust_root=False) as step_ca, pytest.raises(Misconfigured) as caught:
        trust.bootstrap(settings, step_ca.url, step_ca.fingerprint)
    assert caught.value.code == "no-trust-root"
    assert "step-ca" in (caught.value.hint or "")


STRANGER = Ed25519PrivateKey.generate()
LIES: list[tuple[str, Callable[[MiniCa], object], type[DaypassError]]] = [
    ("signed by another key", lambda ca: ca.trust(STRANGER), Unauthenticated),
    ("signed by the user CA", lambda ca: ca.trust(ca.user_ca), Unauthenticated),
    ("for another CA", lambda ca: ca.trust(ca_id=HEX), Unauthenticated),
    ("without host CA keys", lambda ca: ca.trust(host_ca=[]), Invalid),
    ("with a host CA key that is none", lambda ca: ca.trust(host_ca=["ssh-ed25519 AAAA"]), Invalid),
    ("of another namespace", lambda ca: _forged(ca), Invalid),
]


def _forged(ca: MiniCa) -> object:
    honest = ca.trust()
    return type(honest)(honest.document.replace('"version":1', '"version":2'), honest.signature)


@pytest.mark.parametrize(("lie", "error"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_a_trust_document_is_not_believed(
    lie: Callable[[MiniCa], object], error: type[DaypassError], ca: MiniCa, settings: Settings
) -> None:
    ca.answers["/v1/trust"] = [(200, lie(ca))]
    with pytest.raises(error):
        trust.bootstrap(settings, ca.url, ca.fingerprint)
    assert settings.current() is None


def test_a_new_ca_key_is_believed_once_the_offline_root_has_signed_it(ca: MiniCa, settings: Settings) -> None:
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    ca.version, ca.user_ca = 2, STRANGER
    with member.remote() as remote:
        newer, _ = trust.refresh(member, remote)
    assert newer.trust.user_ca == [line(STRANGER)]
    assert trust.current(settings) == newer


def test_an_older_trust_document_is_refused_for_good(ca: MiniCa, settings: Settings) -> None:
    ca.version = 2
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    ca.version = 1
    with member.remote() as remote, pytest.raises(Conflict):
        trust.refresh(member, remote)
    with pytest.raises(Conflict):
        trust.bootstrap(settings, ca.url, ca.fingerprint)


def test_joining_the_same_ca_again_does_no_harm(ca: MiniCa, settings: Settings) -> None:
    assert trust.bootstrap(settings, ca.url, ca.fingerprint) == trust.bootstrap(settings, ca.url, ca.fingerprint)


def test_another_ca_under_the_same_address_is_a_conflict(ca: MiniCa, settings: Settings) -> None:
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    with run_mini_ca() as other:
        other.answers[f"/root/{other.fingerprint}"] = []
        moved = member.context.folder.with_name(other.url.removeprefix("https://").replace(":", "-"))
        member.context.folder.rename(moved)
        with pytest.raises(Conflict):
            trust.bootstrap(settings, other.url, other.fingerprint)


def test_machine_defaults_join_without_a_bootstrap(ca: MiniCa, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "etc/daypass").mkdir(parents=True)
    (tmp_path / "etc/daypass/client.toml").write_text(f'url = "{ca.url}"\nfingerprint = "{ca.fingerprint}"\n')
    under_root = Settings.load(str(tmp_path), dict(settings.environ))
    assert trust.current(under_root).ca_id == ca.ca_id
    assert under_root.current() is not None


def test_without_any_company_the_hint_says_how_to_join(settings: Settings) -> None:
    with pytest.raises(NotFound) as caught:
        trust.current(settings)
    assert "daypass bootstrap" in (caught.value.hint or "")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"document":"{}","signature":"x"}'])
def test_damaged_files_are_told_plainly(damage: bytes, ca: MiniCa, settings: Settings) -> None:
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    member.context.trust.write_bytes(damage)
    with pytest.raises(Misconfigured, match="damaged"):
        trust.current(settings)


def test_a_trust_document_changed_on_the_disk_is_noticed(ca: MiniCa, settings: Settings) -> None:
    member = trust.bootstrap(settings, ca.url, ca.fingerprint)
    text = member.context.trust.read_text()
    member.context.trust.write_text(text.replace(line(ca.user_ca), line(STRANGER)))
    with pytest.raises(Misconfigured, match="damaged"):
        trust.current(settings)
