"""Whatever comes in, it is read or refused: no other error, no hang, and what is read is canonical."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.vectors.make import BLOBS, FOLDER, good
from tests.wire.making import damaged, nested

from daypass.errors import Invalid
from daypass.wire import Certificate, Krl, KrlHeader, PublicKey, SshSignature, agent, string, uint32

Encoded = Callable[[bytes], bytes]


def _loose(blob: bytes) -> bytes:
    return Certificate.parse(blob, strict=False).encode()


CANONICAL: dict[str, Encoded] = {
    "key": lambda blob: PublicKey.parse(blob).blob,
    "certificate": lambda blob: Certificate.parse(blob).encode(),
    "certificate, not strict": _loose,
    "sshsig": lambda blob: SshSignature.parse(blob).encode(),
}
GOOD = good()


def kept_or_refused(read: Encoded, blob: bytes) -> None:
    try:
        assert read(blob) == blob
    except Invalid as error:
        assert error.message


@pytest.mark.parametrize("what", CANONICAL)
@settings(max_examples=300)
@given(blob=damaged(st.sampled_from(sorted(GOOD.values()))))
@example(blob=b"")
@example(blob=nested(2))
def test_damaged_input_is_refused_or_comes_back_byte_for_byte(what: str, blob: bytes) -> None:
    kept_or_refused(CANONICAL[what], blob)


@pytest.mark.parametrize("name", [name for name in GOOD if name.startswith("key")])
@given(numbers=st.binary(max_size=80), tail=st.binary(max_size=6))
def test_noise_is_no_signature_of_any_key(name: str, numbers: bytes, tail: bytes) -> None:
    key = PublicKey.parse(GOOD[name])
    blob = string(key.signature_algorithms[0]) + string(numbers) + tail
    with pytest.raises(Invalid):
        key.verify(blob, b"data")


@given(damaged(st.just(GOOD["certificate"])))
def test_a_damaged_certificate_never_verifies(blob: bytes) -> None:
    try:
        Certificate.parse(blob, strict=False).verify_signature()
    except Invalid:
        return
    assert blob == GOOD["certificate"]


@given(blob=st.binary(max_size=500))
def test_noise_is_refused(blob: bytes) -> None:
    for read in CANONICAL.values():
        kept_or_refused(read, blob)


@given(damaged(st.just(GOOD["krl"])))
def test_a_damaged_krl_is_refused_or_means_the_same_again(blob: bytes) -> None:
    try:
        krl = Krl.parse(blob)
    except Invalid:
        return
    assert Krl.parse(krl.encode()) == krl
    assert KrlHeader.parse(blob) == krl.header


@given(st.text(max_size=300))
def test_any_text_is_refused_as_a_line_or_as_armor(text: str) -> None:
    for read in (PublicKey.from_line, Certificate.from_line, SshSignature.from_armor):
        with pytest.raises(Invalid):
            read(text)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_truncation_is_refused(name: str) -> None:
    blob = GOOD[name]
    read: Callable[[bytes], object] = Krl.parse if name == "krl" else CANONICAL[name.split(" ")[0]]
    read(blob)
    for size in range(0, len(blob), 3):
        if name != "krl" or size not in _section_ends(blob):
            with pytest.raises(Invalid):
                read(blob[:size])


def _section_ends(blob: bytes) -> set[int]:
    """A KRL ends well behind its header and behind each section."""
    krl = Krl.parse(blob)
    ends = {len(krl.header.encode())}
    for section in krl.sections:
        ends.add(max(ends) + len(section.encode()))
    return ends


@pytest.mark.parametrize(
    ("bomb", "read"),
    [
        ("15,000 empty principals", CANONICAL["certificate, not strict"]),
        ("certificates nested as deep as they go", CANONICAL["certificate"]),
        ("an RSA key of a megabyte", CANONICAL["key"]),
        ("a signature of a megabyte", CANONICAL["sshsig"]),
        ("four billion identities", lambda blob: repr(agent.identities(blob)).encode()),
    ],
)
def test_a_bomb_costs_nothing(bomb: str, read: Encoded) -> None:
    blobs = {
        "15,000 empty principals": GOOD["certificate"].replace(string(string("alice")), string(string("") * 15000)),
        "certificates nested as deep as they go": nested(150),
        "an RSA key of a megabyte": string("ssh-rsa") + string(b"\x03") + string(b"\x7f" * 2**20),
        "a signature of a megabyte": b"SSHSIG" + uint32(1) + string(bytes(2**20)),
        "four billion identities": b"\x0c" + b"\xff" * 4 + bytes(2**18),
    }
    started = time.process_time()
    with pytest.raises(Invalid):
        read(blobs[bomb])
    assert time.process_time() - started < 0.2


@pytest.mark.parametrize("name", sorted(BLOBS))
def test_a_stored_sinner_is_refused(name: str) -> None:
    read = Krl.parse if name.startswith("krl-") else CANONICAL[name.split("-")[0]]
    with pytest.raises(Invalid):
        read((FOLDER / f"{name}.bin").read_bytes())


def test_the_stored_sinners_are_the_ones_the_script_makes() -> None:
    assert {path.stem: path.read_bytes() for path in FOLDER.glob("*.bin")} == BLOBS
