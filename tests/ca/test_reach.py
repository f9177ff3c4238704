"""Which hosts a role reaches, and its line there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.ca.reach import glob, line_options, reaches
from daypass.config.schema import NewAccountsSection
from daypass.model import HostRole, NewAccounts
from tests.ca.staff import policy, role

WEB = "web-1.example.com"


@pytest.mark.parametrize(
    ("where", "labels", "reached"),
    [
        ({"hosts": ["*"]}, {}, True),
        ({"hosts": []}, {}, False),  # empty means no
        ({"hosts": [], "labels": {}}, {"env": "prod"}, False),
        ({"hosts": [WEB]}, {}, True),
        ({"hosts": ["web-1"]}, {}, False),
        ({"hosts": ["web-*"]}, {}, True),
        ({"hosts": ["db-*", "web-?.example.com"]}, {}, True),
        ({"hosts": ["web-?"]}, {}, False),
        ({"hosts": ["*.example.com"]}, {}, True),
        ({"hosts": ["*.example.org"]}, {}, False),
        ({"hosts": ["*xample*"]}, {}, True),
        ({"hosts": ["web.1.example.com"]}, {}, False),  # a dot is a dot
        ({"hosts": ["www.example.com"]}, {}, True),  # its alias
        ({"hosts": [], "labels": {"env": ["prod"]}}, {"env": "prod"}, True),
        ({"hosts": [], "labels": {"env": ["prod"]}}, {"env": "production"}, False),
        ({"hosts": [], "labels": {"env": ["prod"]}}, {}, False),
        ({"hosts": [], "labels": {"env": ["dev", "prod"], "tier": ["web"]}}, {"env": "prod", "tier": "web"}, True),
        ({"hosts": [], "labels": {"env": ["dev", "prod"], "tier": ["web"]}}, {"env": "prod"}, False),
        ({"hosts": [], "labels": {"env": []}}, {"env": ""}, False),
        ({"hosts": ["web-*"], "labels": {"env": ["prod"]}}, {"env": "prod"}, True),
        ({"hosts": ["db-*"], "labels": {"env": ["prod"]}}, {"env": "prod"}, False),
        ({"hosts": ["web-*"], "labels": {"env": ["prod"]}}, {"env": "dev"}, False),
    ],
)
def test_a_host_is_reached_by_its_names_and_its_labels(where: Any, labels: dict[str, str], reached: bool) -> None:
    found = policy(role(**where)).for_host(WEB, ("www.example.com",), labels)
    assert [each.name for each in found] == ["eng"] * reached


PATTERNS = st.lists(st.sampled_from(["*", "w", "?", "b*", "*.c", "w*c", "a.c", "**", "?b", "w?*", "b.c"]), max_size=2)
LABELS = st.dictionaries(st.sampled_from("xy"), st.lists(st.sampled_from("01"), max_size=2), max_size=2)


@given(
    places=st.lists(st.tuples(PATTERNS, LABELS), max_size=6),
    names=st.lists(st.sampled_from(["w", "a.c", "b.c", "wb.c", "bb"]), min_size=1, max_size=2),
    owned=st.dictionaries(st.sampled_from("xyz"), st.sampled_from("01"), max_size=3),
)
def test_looking_up_gives_what_asking_every_role_gives(places: Any, names: list[str], owned: dict[str, str]) -> None:
    sections = [role(f"r{n}", hosts=hosts, labels=labels) for n, (hosts, labels) in enumerate(places)]
    found = policy(*sections).for_host(names[0], tuple(names[1:]), owned)
    assert {each.name for each in found} == {each.name for each in sections if reaches(each, names, owned)}


@pytest.mark.parametrize(
    ("section", "options"),
    [
        ({}, "restrict,pty,port-forwarding"),
        ({"extensions": []}, "restrict"),
        (
            {"extensions": ["permit-user-rc", "permit-pty", "permit-X11-forwarding", "permit-agent-forwarding"]},
            "restrict,pty,agent-forwarding,X11-forwarding,user-rc",
        ),
        ({"source_address": ["10.0.0.0/8", "fd00::/8"]}, 'restrict,pty,port-forwarding,from="10.0.0.0/8,fd00::/8"'),
        ({"source_address": ["192.0.2.7", "FD00::1"], "extensions": []}, 'restrict,from="192.0.2.7/32,fd00::1/128"'),
        ({"force_command": 'echo "a b"'}, 'restrict,pty,port-forwarding,command="echo \\"a b\\""'),
        (
            {"force_command": "x", "source_address": ["10.0.0.0/8"], "extensions": []},
            'restrict,from="10.0.0.0/8",command="x"',
        ),
    ],
)
def test_a_line_begins_with_restrict_and_then_permits(section: Any, options: str) -> None:
    assert line_options(role(**section)) == options


def test_the_most_restrictive_line_stands_first() -> None:
    """The first line that matches wins (trust 2.2, seen; tests/host/test_lines.py)."""
    sections = [
        role("z-command", force_command="x", extensions=["permit-pty"]),
        role("a-command", force_command="x"),
        role("near", source_address=["10.0.0.0/8"]),
        role("bare", extensions=[]),
        role("a"),
        role("b"),
        role("agent", extensions=["permit-pty", "permit-port-forwarding", "permit-agent-forwarding"]),
    ]
    for mixed in (sections, sections[::-1], sections[3:] + sections[:3]):
        assert [each.name for each in policy(*mixed).for_host(WEB, (), {})] == [each.name for each in sections]


def test_what_a_role_means_on_a_host_is_the_same_struct_on_all_of_them() -> None:
    rules = policy(role(accounts=["{login}", "deploy"]))
    assert rules.for_host(WEB, (), {}) is rules.for_host("other.example.com", (), {"a": "b"})
    assert rules.for_host(WEB, (), {}) == (
        HostRole("eng", "restrict,pty,port-forwarding", ("deploy",), own_account=True),
    )


def test_how_long_a_session_may_last_goes_to_hosts_in_seconds() -> None:
    stays = [policy(role(max_session=text)).for_host(WEB, (), {})[0].max_session for text in ("", "1m", "8h")]
    assert stays == [0, 60, 8 * 3600]


def test_accounts_are_made_for_people_only_where_they_have_their_own() -> None:
    section = NewAccountsSection(groups=["dev"], privileged_groups=["docker"])
    (own,) = policy(role(new_accounts=section)).for_host(WEB, (), {})
    assert own.new_accounts == NewAccounts("/bin/bash", ("dev",), ("docker",))
    (shared,) = policy(role(new_accounts=section, accounts=["deploy"])).for_host(WEB, (), {})
    assert shared.new_accounts is None


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_pattern_without_wildcards_is_itself(pattern: str, name: str) -> None:
    if not set(pattern) & set("*?"):
        assert (glob(pattern).fullmatch(name) is not None) == (pattern == name)


def simple(pattern: str, name: str) -> bool:
    """By every way there is."""
    if not pattern or not name:
        return pattern.strip("*") == name
    if pattern[0] == "*":
        return simple(pattern[1:], name) or simple(pattern, name[1:])
    return pattern[0] in ("?", name[0]) and simple(pattern[1:], name[1:])


@given(st.text("ab.*?", max_size=8), st.text("ab.", max_size=8))
def test_stars_and_question_marks_match_what_they_stand_for(pattern: str, name: str) -> None:
    assert (glob(pattern).fullmatch(name) is not None) == simple(pattern, name)


def test_no_pattern_keeps_the_ca_busy() -> None:
    """An operator's token for `*a*a*a…` would have the host that shows it stop everything for years."""
    program = "from daypass.ca.reach import glob; assert glob('*a' * 120 + 'b').fullmatch('a' * 253) is None"
    program += "; from daypass.ca.operators import covers"
    program += "; assert not covers('token:' + '*a' * 120 + 'b', 'token:' + 'a?' * 120)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
