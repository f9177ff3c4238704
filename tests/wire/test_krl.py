"""Revocation lists, judged by ssh-keygen -Q."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.making import private_key, public_key, signed
from tests.wire.openssh import Keyring, attempt, run

from daypass.errors import Invalid
from daypass.wire import Certificate, CertificateSection, Krl, KrlHeader, PublicKey, string, uint32, uint64
from daypass.wire.krl import refusing

OURS, OTHER = private_key(1), private_key(9)
NOW = 1767225600


def revoking(*serials: tuple[int, int]) -> Krl:
    return Krl(7, NOW, "test", (CertificateSection(public_key(1), serials),))


def revoked(krl: Krl, certificate: Certificate, folder: Path) -> bool:
    """What ssh-keygen -Q says; a list it can't load is an error, not a verdict."""
    (folder / "krl").write_bytes(krl.encode())
    (folder / "id-cert.pub").write_text(certificate.line() + "\n")
    done = attempt("ssh-keygen", "-Q", "-f", folder / "krl", folder / "id-cert.pub")
    verdict = done.stdout.decode().strip().rpartition(": ")[2]
    assert (done.returncode, verdict) in [(0, "ok"), (1, "REVOKED")], done
    return verdict == "REVOKED"


@pytest.mark.parametrize(
    ("serials", "hit", "missed"),
    [
        ((), [], [1, 7]),
        (((7, 7),), [7], [1, 6, 8]),
        (((1, 1), (3, 3), (5, 9)), [1, 3, 5, 6, 9], [2, 4, 10]),
        (((1 << 32, (1 << 32) + 999), (1 << 40, 1 << 40)), [1 << 32, (1 << 32) + 500, 1 << 40], [999, 1 << 41]),
        (((2**64 - 2, 2**64 - 1),), [2**64 - 1], [2**64 - 3]),
        (((1, 2**64 - 1),), [1, 2**63, 2**64 - 1], []),
    ],
)
def test_ssh_keygen_finds_exactly_the_revoked_serials(
    tmp_path: Path, serials: tuple[tuple[int, int], ...], hit: list[int], missed: list[int]
) -> None:
    krl = revoking(*serials)
    for serial in hit:
        assert revoked(krl, signed(serial=serial), tmp_path)
    for serial in missed:
        assert not revoked(krl, signed(serial=serial), tmp_path)


def test_an_empty_list_loads_and_revokes_nothing(tmp_path: Path) -> None:
    assert not revoked(Krl(1, NOW, ""), signed(), tmp_path)


def test_another_cas_certificate_with_the_same_serial_is_untouched(tmp_path: Path) -> None:
    krl = revoking((7, 7))
    assert revoked(krl, signed(OURS, serial=7), tmp_path)
    assert not revoked(krl, signed(OTHER, serial=7), tmp_path)


def test_a_refused_ca_key_takes_all_its_certificates_and_nobody_elses(tmp_path: Path) -> None:
    for certificate, code in ((signed(OURS), 1), (signed(OTHER), 0)):
        (tmp_path / "krl").write_bytes(refusing([public_key(1), public_key(1)], KrlHeader(7, NOW, "closed")))
        (tmp_path / "id-cert.pub").write_text(certificate.line() + "\n")
        assert attempt("ssh-keygen", "-Q", "-f", tmp_path / "krl", tmp_path / "id-cert.pub").returncode == code


def test_every_ca_has_its_own_section(tmp_path: Path) -> None:
    krl = Krl(
        1, NOW, "", (CertificateSection(public_key(1), ((3, 3),)), CertificateSection(public_key(9), ((4, 4),)))
    )
    found = {
        (ca, serial): revoked(krl, signed(private_key(ca), serial=serial), tmp_path)
        for ca in (1, 9)
        for serial in (3, 4)
    }
    assert found == {(1, 3): True, (1, 4): False, (9, 3): False, (9, 4): True}


@pytest.mark.parametrize("many", [10_000, pytest.param(1_000_000, marks=pytest.mark.exhaustive)])
def test_scattered_serials_load(tmp_path: Path, many: int) -> None:
    """sshd refused a list in which ssh-keygen had packed scattered serials into bitmaps (trust 6.1)."""
    krl = revoking(*((serial, serial) for serial in range(1, many * 3_000_000, 3_000_000)))
    assert revoked(krl, signed(serial=1 + (many - 1) * 3_000_000), tmp_path)
    assert not revoked(krl, signed(serial=2), tmp_path)


def test_ssh_keygen_shows_what_the_list_says(tmp_path: Path) -> None:
    (tmp_path / "krl").write_bytes(revoking((3, 3), (5, 9)).encode())
    shown = run("ssh-keygen", "-Q", "-l", "-f", tmp_path / "krl")
    assert "# KRL version 7\n" in shown
    assert public_key(1).fingerprint in shown
    assert "serial: 3\n" in shown and "serial: 5-9\n" in shown


def test_the_header_of_ssh_keygens_own_list_is_read(keyring: Keyring, tmp_path: Path) -> None:
    made, spec = tmp_path / "krl", tmp_path / "spec"
    spec.write_text("serial: 5-9\nid: someone\n")
    public = keyring.private("ed25519", "ca").with_suffix(".pub")
    run("ssh-keygen", "-q", "-k", "-z", "99", "-s", public, "-f", made, spec)
    assert KrlHeader.parse(made.read_bytes()).version == 99
    with pytest.raises(Invalid, match="not read here"):
        Krl.parse(made.read_bytes())


def test_ssh_keygens_own_range_is_read(keyring: Keyring, tmp_path: Path) -> None:
    made, spec = tmp_path / "krl", tmp_path / "spec"
    spec.write_text("serial: 5-900\n")
    public = keyring.private("ed25519", "ca").with_suffix(".pub")
    run("ssh-keygen", "-q", "-k", "-s", public, "-f", made, spec)
    (section,) = Krl.parse(made.read_bytes()).sections
    assert section == CertificateSection(PublicKey.from_line(keyring.line("ed25519", "ca")), ((5, 900),))


@given(
    st.sets(st.integers(1, 2**64 - 1), max_size=12),
    st.integers(0, 2**64 - 1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_any_list_comes_back(bounds: set[int], version: int, comment: str) -> None:
    ends = sorted(bounds)
    pairs = tuple(zip(ends[::2], ends[1::2], strict=False))
    lone = ((ends[-1], ends[-1]),) if len(ends) % 2 else ()
    krl = Krl(version, NOW, comment, (CertificateSection(public_key(1), pairs + lone),))
    assert Krl.parse(krl.encode()) == krl
    assert KrlHeader.parse(krl.encode()) == krl.header


@pytest.mark.parametrize(
    ("sin", "serials"),
    [
        ("serial 0, which OpenSSH never revokes", [(0, 0)]),
        ("a range from 0", [(0, 9)]),
        ("a range downwards", [(9, 5)]),
        ("65 bits", [(1, 2**64)]),
        ("out of order", [(5, 5), (3, 3)]),
        ("overlapping", [(1, 5), (5, 9)]),
        ("twice", [(5, 5), (5, 5)]),
    ],
)
def test_serials_that_can_not_be_revoked_are_refused(sin: str, serials: list[tuple[int, int]]) -> None:
    with pytest.raises(Invalid):
        revoking(*serials)


def crafted(
    body: bytes,
    kind: int = 1,
    ca: bytes = public_key(1).blob,
    flags: int = 0,
    reserved: bytes = b"",
    section_reserved: bytes = b"",
) -> bytes:
    head = b"SSHKRL\n\0" + uint32(1) + uint64(1) + uint64(NOW) + uint64(flags) + string(reserved) + string("")
    return head + bytes([kind]) + string(string(ca) + string(section_reserved) + body)


LIST = b"\x20" + string(uint64(5))


def test_the_crafted_list_is_good_before_it_is_made_bad() -> None:
    assert Krl.parse(crafted(LIST)).sections[0].serials == ((5, 5),)


@pytest.mark.parametrize(
    ("sin", "data"),
    [
        ("nothing", b""),
        ("another magic", b"SSHKRL\n\1" + crafted(LIST)[8:]),
        ("format 2", b"SSHKRL\n\0" + uint32(2) + crafted(LIST)[12:]),
        ("unknown flags", crafted(LIST, flags=1)),
        ("something reserved", crafted(LIST, reserved=b"x")),
        ("something reserved in a section", crafted(LIST, section_reserved=b"x")),
        ("a section without CA key, which means every CA", crafted(LIST, ca=b"")),
        ("a certificate for a CA key (CVE-2025-49825)", crafted(LIST, ca=signed().encode())),
        ("a section of explicit keys", crafted(LIST, kind=2)),
        ("a bitmap", crafted(b"\x22" + string(uint64(1) + string(b"\x01")))),
        ("a key id", crafted(b"\x23" + string(string("alice")))),
        ("seven bytes of a serial", crafted(b"\x20" + string(bytes(7)))),
        ("half a range", crafted(b"\x21" + string(uint64(1)))),
        ("serial 0", crafted(b"\x20" + string(uint64(0)))),
        ("the same serial twice", crafted(LIST + LIST)),
        ("a byte behind the last section", crafted(LIST) + b"\1"),
    ],
)
def test_a_bad_list_is_refused(sin: str, data: bytes) -> None:
    with pytest.raises(Invalid):
        Krl.parse(data)
