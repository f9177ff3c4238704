"""The day pass and narrow roles (trust 2.3, 2.4): which role goes where, until when, and what it permits."""

from __future__ import annotations

from typing import Any

import pytest

from daypass.errors import Denied
from daypass.model import Grant
from tests.ca.staff import HOUR, MONDAY_10, grant, identity, policy, role

WORK = "mon-fri 08:00-18:00 UTC"
DAY = 16 * HOUR
DBA = role("dba", accounts=["postgres"], day_pass=False, lifetime="1h", source_address=["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("narrow", "asked", "roles", "length"),
    [
        ({}, {}, ("eng", "x"), DAY),
        ({"day_pass": False}, {}, ("eng",), DAY),
        ({"day_pass": False}, {"lifetime": HOUR}, ("eng",), HOUR),  # never, however short
        ({"lifetime": "4h"}, {}, ("eng",), DAY),
        ({"lifetime": "4h"}, {"lifetime": 4 * HOUR}, ("eng", "x"), 4 * HOUR),
        ({"windows": [WORK]}, {}, ("eng",), DAY),
        ({"windows": [WORK]}, {"lifetime": 8 * HOUR}, ("eng", "x"), 8 * HOUR),
        ({"windows": [WORK]}, {"lifetime": 9 * HOUR}, ("eng",), 9 * HOUR),
        ({"windows": [WORK, "mon 18:00-24:00 UTC", "tue 00:00-12:00 UTC"]}, {}, ("eng", "x"), DAY),  # without a gap
        ({"max_auth_age": "2h"}, {}, ("eng",), DAY),
        ({"max_auth_age": "2h"}, {"lifetime": 2 * HOUR}, ("eng", "x"), 2 * HOUR),
        ({"max_auth_age": "2h", "windows": [WORK], "lifetime": "1h"}, {"lifetime": HOUR}, ("eng", "x"), HOUR),
    ],
)
def test_a_role_that_ends_before_the_day_pass_is_not_in_it(
    narrow: dict[str, Any], asked: dict[str, Any], roles: tuple[str, ...], length: int
) -> None:
    given = grant(policy(role(), role("x", **narrow)), **asked)
    assert (given.roles, given.valid_before - MONDAY_10) == (roles, length)
    assert given.narrow == tuple({"x"} - set(roles))


@pytest.mark.parametrize(
    ("sections", "signed_in", "length"),
    [
        ([{"lifetime": "4h"}, {"lifetime": "1h"}], 0, 4 * HOUR),
        ([{"windows": [WORK]}], 0, 8 * HOUR),
        ([{"windows": [WORK], "lifetime": "2h"}], 0, 2 * HOUR),
        ([{"max_auth_age": "3h"}], HOUR, 2 * HOUR),
        ([{"max_auth_age": "16h"}], 90, DAY - 90),
        ([{}, {"max_auth_age": "16h"}], 90, DAY - 90),  # what typing a password takes puts no role aside
        ([{}, {"max_auth_age": "16h"}], 600, DAY),
    ],
)
def test_the_day_pass_ends_with_the_first_of_what_is_in_it(sections: Any, signed_in: int, length: int) -> None:
    rules = policy(*(role(f"r{n}", **section) for n, section in enumerate(sections)))
    assert grant(rules, who=identity(auth_time=MONDAY_10 - signed_in)).valid_before - MONDAY_10 == length


def test_a_retry_a_minute_later_is_decided_for_the_same_end() -> None:
    rules = policy(role(windows=[WORK]))
    first = grant(rules, lifetime=8 * HOUR)
    assert grant(rules, now=MONDAY_10 + 60, valid_before=first.valid_before).roles == first.roles


@pytest.mark.parametrize("asked", [{}, {"lifetime": 8 * HOUR}, {"lifetime": 1800}])
def test_a_narrow_role_is_had_alone_with_its_own_bounds(asked: dict[str, Any]) -> None:
    given = grant(policy(role(git={"github.com": "login"}), DBA), role="dba", **asked)
    assert (given.roles, given.principals, given.narrow) == (("dba",), ("role:dba",), ())
    assert given.valid_before - MONDAY_10 == min(HOUR, asked.get("lifetime", HOUR))
    assert given.critical_options == (("source-address", "10.0.0.0/8,fd00::/8"),)
    assert given.extensions == (("permit-port-forwarding", ""), ("permit-pty", ""))


def test_the_day_pass_carries_no_source_address_which_would_bind_its_other_roles() -> None:
    """On our hosts the role's own line holds it (trust 2.2)."""
    given = grant(policy(role(), role("near", source_address=["10.0.0.0/8"])))
    assert (given.roles, given.critical_options) == (("eng", "near"), ())


def test_any_role_can_be_had_alone() -> None:
    assert grant(policy(role(), role("ops")), role="ops").principals == ("role:ops:alice",)


@pytest.mark.parametrize(
    ("section", "asked", "code", "words"),
    [
        ({}, "nope", "policy.role.unknown", 'there is no role "nope"'),
        ({"groups": ["dba"]}, "x", "policy.role.groups", 'it is for the groups "dba"; theirs: "eng"'),
        ({"emails": ["b@example.com"]}, "x", "policy.role.emails", 'role "x" is not for alice@example.com: '),
        ({"domains": ["example.org"]}, "x", "policy.role.domains", '"example.org"'),
        ({"claims": {"dep": ["db"]}}, "x", "policy.role.claims", 'it is for the claim "dep" of "db"; theirs: none'),
        ({"amr": ["hwk"]}, "x", "policy.role.amr", 'role "x" is not for alice@example.com now: '),
        ({"acr": ["gold"]}, "x", "policy.role.acr", "gold"),
        ({"max_auth_age": "1h"}, "x", "policy.role.age", 'may be "1 h" old; this one was "2 h ago"'),
        ({"windows": ["sat 00:00-24:00 UTC"]}, "x", "policy.role.window", '"sat 00:00-24:00 UTC", and not now'),
        ({"provider": "other"}, "x", "policy.role.provider", '"other"'),
        ({"windows": ["mon 09:00-10:03 UTC"]}, "x", "policy.lifetime", 'role "x" ends in 3 min'),
    ],
)
def test_a_role_that_is_asked_for_in_vain_is_told_with_what_failed(
    section: dict[str, Any], asked: str, code: str, words: str
) -> None:
    rules = policy(role(provider="idp"), role("x", **({"provider": "idp"} | section)), providers=("idp", "other"))
    with pytest.raises(Denied) as caught:
        grant(rules, role=asked, who=identity(auth_time=MONDAY_10 - 2 * HOUR))
    assert (caught.value.code, words in caught.value.message, bool(caught.value.hint)) == (code, True, True)


@pytest.mark.parametrize(
    ("sections", "code", "words"),
    [
        ([], "policy.no-role", "no role is for alice@example.com"),
        ([{"groups": ["dba"]}], "policy.no-role", 'nearest is "r0": it is for the groups "dba"; theirs: "eng"'),
        ([{"groups": ["dba"], "emails": ["b@example.com"]}, {"domains": ["b.com"]}], "policy.no-role", 'is "r1"'),
        ([{"groups": ["dba"]}, {"windows": ["sat 00:00-24:00 UTC"]}], "policy.role.window", 'role "r1" is not for'),
        ([{"groups": ["dba"]}, {"amr": ["hwk"]}], "policy.role.amr", 'role "r1" is not for alice@example.com now'),
        ([{"day_pass": False}, {"day_pass": False}], "policy.role.alone", 'each is had alone: "r0", "r1"'),
        ([{"windows": ["mon 09:00-10:03 UTC"]}], "policy.lifetime", 'role "r0" ends in 3 min'),
    ],
)
def test_a_denied_day_pass_names_the_nearest_role_and_what_failed(sections: Any, code: str, words: str) -> None:
    with pytest.raises(Denied) as caught:
        grant(policy(*(role(f"r{n}", **section) for n, section in enumerate(sections))))
    assert caught.value.code == code and words in caught.value.message and caught.value.hint


def test_those_who_have_narrow_roles_only_are_told_the_command() -> None:
    with pytest.raises(Denied) as caught:
        grant(policy(role(day_pass=False)))
    assert caught.value.hint == "daypass login --role eng"


def extensions(given: Grant) -> set[str]:
    return {name.removeprefix("permit-") for name, _ in given.extensions}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ([{}], {"pty", "port-forwarding"}),
        ([{"extensions": []}], set()),
        ([{"extensions": ["permit-pty"]}], {"pty"}),
        ([{"extensions": []}, {}], {"pty", "port-forwarding"}),
        ([{"extensions": ["permit-pty", "permit-agent-forwarding"]}, {}],
         {"pty", "port-forwarding", "agent-forwarding"}),
        ([{"extensions": ["permit-pty", "permit-agent-forwarding"]}, {"bare_hosts": True}],
         {"pty", "port-forwarding"}),
        ([{"extensions": ["permit-pty", "permit-port-forwarding", "permit-user-rc"], "bare_hosts": True}, {}],
         {"pty", "port-forwarding", "user-rc"}),
    ],
)  # fmt: skip
def test_extensions_are_those_of_any_role_but_never_more_on_bare_hosts(sections: Any, expected: set[str]) -> None:
    assert extensions(grant(policy(*(role(f"r{n}", **section) for n, section in enumerate(sections))))) == expected


@pytest.mark.parametrize("login", ["role", "role-eng", "eng", "dba"])
def test_somebody_called_like_a_role_has_their_own_name_and_no_more(login: str) -> None:
    rules = policy(role(bare_hosts=True), role("dba", groups=["dba"], accounts=["postgres"]))
    given = grant(rules, who=identity(login=login, names=(login,), email=f"{login}@example.com"))
    assert given.principals == (f"role:eng:{login}", login)


@pytest.mark.parametrize("login", ["role:eng", "role:eng:bob", "role:dba", "a:b", "root,alice", "alice@example.com"])
def test_no_login_name_has_the_shape_of_a_role_s_principal(login: str) -> None:
    with pytest.raises(Denied) as caught:
        grant(policy(role(bare_hosts=True)), who=identity(login=login, names=(login,)))
    assert caught.value.code == "policy.login-name"


def test_a_role_named_root_is_a_name_like_others_and_opens_no_account_root() -> None:
    """`role:root` is inert where there is no line for it (trust 1.1); the bare `root` takes `bare_hosts`."""
    given = grant(policy(role("root", accounts=["{login}", "deploy"])))
    assert given.principals == ("role:root:alice", "role:root")
    bare = policy(role("root", accounts=["root"], bare_hosts=True))
    assert grant(bare).principals == ("role:root", "root")


def test_a_role_without_the_account_of_its_host_gives_no_principal_for_it() -> None:
    assert grant(policy(role("eng", accounts=["web", "deploy"]))).principals == ("role:eng",)
