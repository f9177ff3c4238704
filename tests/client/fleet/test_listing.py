"""The list of hosts to take over: what it may say, and that a mistake is found before anything happens."""

from __future__ import annotations

import pytest

from daypass.client.fleet.listing import Target, read_list
from daypass.errors import Invalid

GOOD = [
    ("web-1.example.com", Target("web-1.example.com", "web-1.example.com")),
    ("web-1.example.com admin@10.0.0.7", Target("web-1.example.com", "admin@10.0.0.7")),
    ("web-1.example.com 10.0.0.7:2222", Target("web-1.example.com", "10.0.0.7", 2222)),
    ("web-1.example.com root@[2001:db8::7]:22", Target("web-1.example.com", "root@2001:db8::7", 22)),
    ("web-1.example.com old_alias", Target("web-1.example.com", "old_alias")),
    (
        "web-1.example.com tier=gold alias=www.example.com # the shop",
        Target("web-1.example.com", "web-1.example.com", None, ("www.example.com",), {"tier": "gold"}),
    ),
]
BAD = [
    ("web-1", "no full host name"),
    ("WEB.example.com", "no full host name"),
    ("*.example.com", "no full host name"),
    ("web-1.example.com -oProxyCommand=id", "neither a label nor an alias|no destination"),
    ("web-1.example.com -lroot", "no destination"),
    ("web-1.example.com root@-x", "no destination"),
    ("web-1.example.com $(id)@web", "no destination"),
    ("web-1.example.com web;id", "no destination"),
    ("web-1.example.com a@b@c", "no destination"),
    ("web-1.example.com web:99999", "no port"),
    ("web-1.example.com web:0", "no port"),
    ("web-1.example.com web alias=*", "neither a label nor an alias"),
    ("web-1.example.com web =x", "neither a label nor an alias"),
    ("web-1.example.com web tier=", "neither a label nor an alias"),
    ("web-1.example.com\nweb-1.example.com", "twice"),
    ("web-1.example.com\nweb-2.example.com alias=web-1.example.com", "twice"),
    ("", "1 to 10000"),
    ("# nothing\n\n", "1 to 10000"),
]


@pytest.mark.parametrize(("line", "target"), GOOD)
def test_a_line_says_name_destination_and_labels(line: str, target: Target) -> None:
    assert read_list(line) == (target,)


@pytest.mark.parametrize(("text", "said"), BAD)
def test_a_list_with_a_mistake_is_refused_as_a_whole(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_list(f"good.example.com\n{text}" if text and "twice" not in said and "#" not in text else text)


def test_every_mistake_is_told_with_its_line() -> None:
    with pytest.raises(Invalid) as caught:
        read_list("one\ntwo.example.com\nthree")
    assert "line 1" in caught.value.message and "line 3" in caught.value.message
    assert "line 2" not in caught.value.message
