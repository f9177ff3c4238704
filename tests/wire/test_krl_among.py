"""Looking serials up in a KRL without taking it apart says the same as taking it apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.host.fake_ca import FakeCa, public

from daypass.wire import Krl, KrlHeader
from daypass.wire.krl import CertificateSection, refusing, revoked_among

CA = FakeCa()
ONE, OTHER = public(CA.user_ca), public(CA.host_ca)
SERIALS = st.integers(1, 600)  # close together, so that bytes of two neighbours look like a third


@settings(max_examples=60)
@given(st.sets(SERIALS), st.sets(SERIALS), st.sets(SERIALS))
def test_it_finds_what_is_there(ones: set[int], others: set[int], wanted: set[int]) -> None:
    sections = tuple(
        CertificateSection(key, tuple((each * 257, each * 257 + each % 3) for each in sorted(serials)))
        for key, serials in ((ONE, ones), (OTHER, others))
    )
    asked = {each * 257 + 1 for each in wanted} | {each * 257 for each in wanted}
    there = {
        (section.ca_key.fingerprint, serial)
        for section in sections
        for first, last in section.serials
        for serial in asked
        if first <= serial <= last
    }
    data = Krl(1, 1, "test", sections).encode()
    assert revoked_among(data, {ONE.fingerprint: asked, OTHER.fingerprint: asked}) == there


def test_bytes_that_stand_across_two_numbers_are_no_number() -> None:
    data = Krl(1, 1, "", (CertificateSection(ONE, ((0x0101, 0x0101), (0x01010000, 0x01010000))),)).encode()
    across = int.from_bytes(b"\x01\x01\0\0\0\0\x01\x01", "big")
    assert revoked_among(data, {ONE.fingerprint: [across, 0x0101]}) == {(ONE.fingerprint, 0x0101)}


def test_a_list_that_refuses_a_whole_ca_names_no_serial() -> None:
    """A host that has closed by itself ends no session: nobody has revoked anything."""
    assert revoked_among(refusing([ONE], KrlHeader(1, 1, "")), {ONE.fingerprint: [1]}) == set()
