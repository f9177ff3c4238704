"""What a directory says is carried out before it is answered (trust 2.5, 3.5, 6.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.server.inbound.directory import PATCH, USER, Pushing, events, held, later, refused, run_pushing, sign_in

from daypass.ca.scim_ports import Looked

OUT, IN = {"op": "replace", "path": "active", "value": False}, {"op": "replace", "path": "active", "value": True}


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    with run_pushing(groups_from="scim") as found:
        found.group("engineers")
        yield found


def engineer(pushing: Pushing, sub: str, **more: Any) -> dict[str, Any]:
    """In the directory, and in the group that the one role is for; with a certificate."""
    user = pushing.user(sub, sub, **more)
    join(pushing, user["id"])
    assert sign_in(pushing, sub).status_code == 201
    return user


def engineers(pushing: Pushing) -> str:
    found = pushing.web.get("Groups", params={"filter": 'displayName eq "engineers"'}).json()
    return f"Groups/{found['Resources'][0]['id']}"


def join(pushing: Pushing, number: str) -> None:
    pushing.patch(engineers(pushing), {"op": "add", "path": "members", "value": [{"value": number}]})


def leave(pushing: Pushing, number: str) -> None:
    pushing.patch(engineers(pushing), {"op": "remove", "path": f'members[value eq "{number}"]'})


def test_whoever_is_not_in_the_directory_gets_no_certificate(pushing: Pushing) -> None:
    assert refused(sign_in(pushing, "stranger")) == "scim.inactive"


@pytest.mark.parametrize("how", ["patch", "put", "delete", "bulk", "entra"])
def test_whoever_is_taken_out_has_lost_their_certificates_when_the_provider_is_answered(
    pushing: Pushing, how: str
) -> None:
    sub = f"out-{how}"
    user = engineer(pushing, sub)
    where = f"Users/{user['id']}"
    match how:
        case "patch":
            pushing.patch(where, OUT)
        case "entra":  # as Microsoft sends it without aadOptscim062020
            pushing.patch(where, {"op": "Replace", "path": "active", "value": "False"})
        case "put":
            pushing.done("PUT", where, {**user, "active": False}, 200)
        case "delete":
            pushing.delete(where)
        case _:
            operation = {"method": "DELETE", "path": f"/{where}"}
            schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
            pushing.done("POST", "Bulk", {"schemas": [schema], "Operations": [operation]}, 200)
    assert held(pushing, sub) == [False]
    assert refused(sign_in(pushing, sub)) == "scim.inactive"
    assert [each["by"] for each in events(pushing, "person.lock") if each["subject"] == sub] == ["scim:idp"]


def test_whoever_is_active_again_may_sign_in_again(pushing: Pushing) -> None:
    user = engineer(pushing, "again")
    pushing.patch(f"Users/{user['id']}", OUT)
    pushing.patch(f"Users/{user['id']}", IN)
    assert sign_in(pushing, "again", **later(pushing)).status_code == 201
    assert sorted(held(pushing, "again")) == [False, True]


def test_a_lock_by_an_operator_is_not_undone_by_the_directory(pushing: Pushing) -> None:
    user = engineer(pushing, "kept-out")
    answer = pushing.company.local.post("/v1/admin/lock", json={"person": "idp:kept-out", "reason": "test"})
    assert answer.status_code == 200, answer.text
    pushing.patch(f"Users/{user['id']}", OUT)
    pushing.patch(f"Users/{user['id']}", IN)
    assert sign_in(pushing, "kept-out").status_code == 403


def test_the_same_again_ends_nothing_more(pushing: Pushing) -> None:
    user = engineer(pushing, "retried")
    for _ in range(3):
        pushing.patch(f"Users/{user['id']}", OUT)
    assert len([each for each in events(pushing, "person.lock") if each["subject"] == "retried"]) == 1


def test_what_came_before_a_crash_is_carried_out_by_whoever_looks_next(pushing: Pushing) -> None:
    user, company = engineer(pushing, "crashed"), pushing.company
    store = company.heart.store
    found = company.wait(company.heart.authority.directory.find("idp", looked(user["id"])))[0]

    said = store.scim_put(
        "idp", replace(found, active=False), expected=found.version, now=int(company.heart.clock.now())
    )
    company.wait(said)  # and then the process dies
    assert held(pushing, "crashed") == [True]
    company.wait(company.heart.authority.directory.settle())
    assert held(pushing, "crashed") == [False]


def looked(number: str) -> Any:
    return Looked(types=("User",), id=number)


def test_whoever_leaves_a_group_loses_what_was_given_for_it(pushing: Pushing) -> None:
    user = engineer(pushing, "mover")
    leave(pushing, user["id"])
    assert held(pushing, "mover") == [False]
    assert refused(sign_in(pushing, "mover", groups=["engineers"])).startswith("policy.")  # whatever the token says
    join(pushing, user["id"])
    assert sign_in(pushing, "mover").status_code == 201


def test_a_group_within_a_group_counts(pushing: Pushing) -> None:
    user = pushing.user("nested", "nested")
    inner = pushing.group("inner", user["id"])
    join(pushing, inner["id"])
    assert sign_in(pushing, "nested").status_code == 201
    pushing.delete(f"Groups/{inner['id']}")
    assert held(pushing, "nested") == [False]


def test_a_user_who_stands_for_another_sign_in_now_leaves_nothing_to_the_first(pushing: Pushing) -> None:
    user = engineer(pushing, "first")
    pushing.patch(f"Users/{user['id']}", {"op": "replace", "path": "externalId", "value": "second"})
    assert held(pushing, "first") == [False]
    assert refused(sign_in(pushing, "first")) == "scim.inactive"
    assert sign_in(pushing, "second").status_code == 201


def test_two_users_never_stand_for_one_sign_in(pushing: Pushing) -> None:
    pushing.user("only", "only")
    said = pushing.done("POST", "Users", {"schemas": [USER],
                                          "userName": "other", "externalId": "only"}, 409)  # fmt: skip
    assert said["scimType"] == "uniqueness"


def test_a_word_about_nobody_on_record_is_an_alarm(pushing: Pushing) -> None:
    user = pushing.user("never-came", "never-came")
    pushing.delete(f"Users/{user['id']}")
    told = [each for each in events(pushing, "provider.unmatched") if each["name"] == "never-came"]
    assert [(each["value"], each["why"]) for each in told] == [("never-came", "nobody on record")]


def test_a_user_without_what_they_are_matched_by_is_an_alarm_too(pushing: Pushing) -> None:
    body = {"schemas": [USER], "userName": "matchless"}
    user = pushing.done("POST", "Users", body, 201)
    pushing.delete(f"Users/{user['id']}")
    told = [each for each in events(pushing, "provider.unmatched") if each["name"] == "matchless"]
    assert [each["why"] for each in told] == ["it has nothing to match by"]


SILENT: dict[str, dict[str, Any]] = {
    "put": {},
    "patch": {"op": "remove", "path": "active"},
}


@pytest.mark.parametrize("method", SILENT)
def test_whoever_is_out_stays_out_where_nothing_is_said_of_it(pushing: Pushing, method: str) -> None:
    name = f"silent-{method}"
    user = engineer(pushing, name)
    where = f"Users/{user['id']}"
    pushing.patch(where, OUT)
    if method == "put":
        body = {"schemas": [USER], "userName": name, "externalId": name, "displayName": "S"}
        assert "active" not in pushing.done("PUT", where, body, 200)
    else:
        pushing.web.patch(where, json={"schemas": [PATCH], "Operations": [SILENT[method]]})
    assert refused(sign_in(pushing, name, **later(pushing))) in ("policy.locked", "scim.inactive")
    pushing.patch(where, IN)
    assert sign_in(pushing, name, **later(pushing)).status_code == 201
