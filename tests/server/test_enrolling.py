"""What an enrolment brings along beside token and keys: the name a host proposes, and where it calls from."""

from __future__ import annotations

from pathlib import Path
from ssl import create_default_context

import httpx2
import pytest
from tests.server.company import enrolment
from tests.server.kit import GOOD, Double, Root, key, public_info, running

from daypass.model import Credential

FORGED = {"x-forwarded-for": "10.0.0.7"}


def enrolled(home: Path, headers: dict[str, str], *proxies: str, name: str = "web-1.example.com") -> Credential:
    """What the heart is shown by an enrolment from 127.0.0.1."""
    root, heart = Root(), Double()
    with running(home / "s", heart, root=root, info=public_info(root, trusted_proxies=proxies)) as server:
        context = create_default_context(cadata=root.pem)
        body = enrolment(*key(), GOOD) | {"name": name}
        url = f"{server.url}/v1/host/enroll"
        answer = httpx2.post(url, json=body, headers=headers, verify=context, trust_env=False)
    assert answer.status_code == 201, answer.text
    return heart.asked[0][1]


@pytest.mark.parametrize(
    ("headers", "proxies", "address"),
    [
        ({}, (), "127.0.0.1"),
        (FORGED, (), "127.0.0.1"),
        (FORGED, ("192.0.2.1",), "127.0.0.1"),
        (FORGED, ("127.0.0.1",), "10.0.0.7"),
        ({"x-forwarded-for": "10.0.0.7, 192.0.2.9"}, ("127.0.0.1",), "192.0.2.9"),
    ],
)
def test_where_a_host_calls_from_is_the_connection_or_a_trusted_proxy_s_word(
    tmp_path: Path, headers: dict[str, str], proxies: tuple[str, ...], address: str
) -> None:
    assert enrolled(tmp_path, headers, *proxies).address == address


@pytest.mark.parametrize("name", ["web-1.example.com", "", "\x1b[2J", "a" * 254])
def test_a_proposed_name_goes_on_as_it_is_and_no_longer_than_a_name_can_be(tmp_path: Path, name: str) -> None:
    assert enrolled(tmp_path, {}, name=name).name == name
    assert enrolled(tmp_path, {}, name=name + "b" * 9000).name == (name + "b" * 254)[:254]
