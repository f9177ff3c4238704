"""A provider's own words send the CA nowhere inside: not to a metadata service, not to a neighbour."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.parts.op import JWKS, Op
from tests.provisioners.desk import Desk

from daypass.errors import Invalid, Unavailable
from daypass.provisioners.outward import require_outward

OUT, IN = "https://8.8.8.8", "https://10.0.0.5"


def goes(url: str, issuer: str) -> bool:
    try:
        asyncio.run(require_outward(url, issuer))
    except Invalid as error:
        assert error.code == "oidc.inside"
        return False
    return True


@pytest.mark.parametrize(
    ("url", "issuer", "fine"),
    [
        ("https://9.9.9.9/jwks", OUT, True),
        ("https://8.8.8.8:8443/jwks", OUT, True),
        ("https://10.0.0.9/jwks", IN, True),  # of one that is inside itself
        ("https://10.0.0.9/jwks", OUT, False),
        ("https://169.254.169.254/latest/meta-data", OUT, False),
        ("https://169.254.169.254/latest/meta-data", IN, False),
        ("https://127.0.0.1/jwks", IN, False),
        ("https://localhost/jwks", IN, False),
        ("https://[::1]/jwks", OUT, False),
        ("https://[fe80::1]/jwks", IN, False),
        ("https://[::ffff:169.254.169.254]/jwks", IN, False),
        ("https://168.63.129.16/jwks", OUT, False),  # Azure's own: an address that looks like anybody's
        ("https://[fd00:ec2::254]/jwks", IN, False),
        ("https://100.100.100.200/jwks", IN, False),
        ("https://[::ffff:10.0.0.5]/jwks", OUT, False),
        ("https://[64:ff9b::a00:5]/jwks", OUT, False),
        ("https://[2002:a00:5::]/jwks", OUT, False),
        ("https://[fd00::1]/jwks", OUT, False),
        ("https://0.0.0.0/jwks", IN, False),
        ("https://192.0.2.1/jwks", OUT, False),
        ("https://no-such-name.invalid/jwks", OUT, True),  # a proxy's to find, or nobody's
    ],
)
def test_where_a_provider_may_send_the_ca(url: str, issuer: str, fine: bool) -> None:
    assert goes(url, issuer) is fine


def test_a_name_is_judged_by_every_address_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: object, **__: object) -> list[tuple[object, ...]]:
        ends = [("9.9.9.9", 443), ("169.254.169.254", 443)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", end) for end in ends]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", found)
    assert not goes("https://keys.example.com", OUT)


def test_a_discovery_document_that_names_a_place_inside_is_not_followed(desk: Desk, op: Op) -> None:
    op.metadata["jwks_uri"] = "https://169.254.169.254/jwks"
    with pytest.raises(Unavailable, match="corp"):
        desk.show(desk.token())
    assert JWKS not in op.hits
