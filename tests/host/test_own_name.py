from __future__ import annotations

import socket

import pytest

from daypass.host.own_name import own_name


@pytest.mark.parametrize(
    ("hostname", "resolved", "name"),
    [
        ("web-1.example.com", "never.asked", "web-1.example.com"),
        ("web-1", "web-1.example.com", "web-1.example.com"),
        ("WEB-1", "Web-1.Example.com.", "web-1.example.com"),
        ("web-1", "web-1", ""),
        ("localhost", "localhost", ""),
        ("web_1", "web_1.example.com", ""),
        ("web-1", "1.0.0.127.in-addr.arpa\n", ""),
        ("10.0.0.7", "never.asked", ""),
    ],
)
def test_a_machine_calls_itself_by_its_full_name_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, hostname: str, resolved: str, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    monkeypatch.setattr(socket, "getfqdn", lambda _: resolved)
    assert own_name() == name
