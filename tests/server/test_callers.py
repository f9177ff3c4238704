"""From where a request comes: X-Forwarded-For is anyone's to write, and counts from our proxies alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.server.callers import Callers

OURS = ("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")


def address(peer: str, *lines: str, trusted: tuple[str, ...] = OURS) -> str:
    headers = [(b"x-forwarded-for", line.encode("utf-8")) for line in lines]
    return Callers(trusted).address({"client": (peer, 1), "headers": [(b"host", b"x"), *headers]})


@pytest.mark.parametrize(
    ("peer", "lines", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # nobody we trust says so
        ("192.0.2.8", ["198.51.100.1"], "192.0.2.8"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("192.0.2.7", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the rest is whatever the client wrote
        ("10.1.2.3", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1,10.9.9.9 , 192.0.2.7"], "198.51.100.1"),
        ("10.1.2.3", ["10.4.4.4"], "10.4.4.4"),
        ("10.1.2.3", ["10.4.4.4, 10.5.5.5"], "10.4.4.4"),
        ("10.1.2.3", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.1.2.3", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("10.1.2.3", ["2001:DB8:0::5"], "2001:db8::5"),
        ("2001:db8:1::9", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("10.1.2.3", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["unknown"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1, _hidden"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1, <script>"], "10.1.2.3"),
        ("10.1.2.3", ["fe80::1%<script>"], "10.1.2.3"),  # Python takes anything for a zone, of any length
        ("10.1.2.3", ["198.51.100.1, [2001:db8::5%x y]:4711"], "10.1.2.3"),
        ("fe80::1%eth0", ["198.51.100.1"], "fe80::1"),  # of a neighbour; the kernel says by which wire
        ("10.1.2.3", ["198.51.100.1, garbage, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", [", ".join(["10.0.0.1"] * 500)], "10.0.0.1"),
        ("garbage", ["198.51.100.1"], "unknown"),
    ],
)  # fmt: skip
def test_the_address_is_the_last_that_somebody_we_trust_has_seen(peer: str, lines: list[str], found: str) -> None:
    assert address(peer, *lines) == found


def test_without_trusted_proxies_the_header_is_never_read() -> None:
    assert address("10.1.2.3", "198.51.100.1", trusted=()) == "10.1.2.3"


def test_a_connection_without_an_address_is_of_unknown_origin() -> None:
    assert Callers(OURS).address({"client": None, "headers": []}) == "unknown"


@given(st.text(max_size=60))
def test_whatever_the_header_says_an_address_comes_out(text: str) -> None:
    from ipaddress import ip_address

    assert ip_address(address("10.1.2.3", text))
