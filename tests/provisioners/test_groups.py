"""Groups that a token leaves out: asked of the provider, by nobody but the person themselves, or a clear no."""

from __future__ import annotations

import hashlib
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from tests.parts.op import DISCOVERY, DOWN, Answer, Op, redirect
from tests.provisioners.desk import NONCE, NOW, Desk, open_desk

from daypass import model
from daypass.errors import DaypassError, Misconfigured, Unauthenticated, Unavailable
from daypass.model import MAX_TOKEN, Secret

ACCESS = "the-access-token"
TENANT, OID = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
OVERAGE: dict[str, object] = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "https://evil.example.com/g"}},
}
HONEST: dict[str, object] = {"iat": NOW, "exp": NOW + 300, "auth_time": NOW - 30, "nonce": NONCE}
GROUP = "#microsoft.graph.group"


def says(desk: Desk, path: str, answer: object, status: int = 200) -> None:
    desk.op.answers[path] = Answer(status=status, body=json.dumps(answer).encode())


@pytest.fixture
def asking(op: Op) -> Iterator[Desk]:
    """Of a provider that has userinfo."""
    op.metadata["userinfo_endpoint"] = f"{op.issuer}/userinfo"
    with open_desk(op, groups_from="userinfo") as desk:
        says(desk, "/userinfo", {"sub": "alice-1", "groups": ["from-userinfo"], "email": "ceo@example.com"})
        yield desk


@pytest.fixture
def entra(op: Op, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Entra, with Microsoft Graph at the same place."""
    monkeypatch.setitem(model.GRAPH, "127.0.0.1", op.issuer)
    op.claims |= {"tid": TENANT, "oid": OID}
    with open_desk(op, groups_from="graph", tenants=[TENANT]) as desk:
        says(desk, "/v1.0/me", {"id": OID})
        says(desk, "/v1.0/me/transitiveMemberOf", {"value": [{"@odata.type": GROUP, "id": "g-1"}]})
        yield desk


NO_GROUPS = ("groups",)


def found(desk: Desk, claims: dict[str, object] | None = None, without: tuple[str, ...] = NO_GROUPS) -> set[str]:
    """The groups of somebody whose token is `without` some claims, beside the right access token."""
    token = desk.op.mint(without=without, **(HONEST | (claims or {})))  # type: ignore[arg-type]
    return set(desk.show(token, access_token=Secret(ACCESS)).identity.groups)


def failure(
    desk: Desk, claims: dict[str, object] | None = None, without: tuple[str, ...] = NO_GROUPS, access: str = ACCESS
) -> DaypassError:
    token = desk.op.mint(without=without, **(HONEST | (claims or {})))  # type: ignore[arg-type]
    with pytest.raises(DaypassError) as refused:
        desk.show(token, access_token=Secret(access) if access else None)
    assert refused.value.hint and ACCESS not in f"{refused.value.message}{refused.value.hint}"
    return refused.value


# -- where groups come from -----------------------------------------------------------------------------------


def test_a_token_that_has_groups_asks_nobody(asking: Desk) -> None:
    assert found(asking, without=()) == {"engineers"}
    assert found(asking, {"groups": []}, without=()) == set()
    assert asking.op.hits["/userinfo"] == 0


@pytest.mark.parametrize(
    ("name", "claims", "groups"),
    [
        ("/realm_access/roles", {"realm_access": {"roles": ["dba"]}}, {"dba"}),
        ("/realm_access/roles", {"realm_access": {}}, set()),
        ("/realm_access/roles", {"/realm_access/roles": ["dba"], "realm_access.roles": ["dba"]}, set()),
        ("/a~1b/c~0d", {"a/b": {"c~d": "dba"}}, {"dba"}),
        ("https://example.com/groups", {"https://example.com/groups": ["dba"]}, {"dba"}),
        ("https://example.com/groups", {"https:": {"": {"example.com": {"groups": ["dba"]}}}}, set()),
        ("realm_access.roles", {"realm_access": {"roles": ["dba"]}}, set()),
    ],
)
def test_a_path_leads_into_a_claim_and_any_other_name_is_one(
    op: Op, name: str, claims: dict[str, object], groups: set[str]
) -> None:
    with open_desk(op, groups_claim=name) as desk:
        assert found(desk, claims) == groups


@pytest.mark.parametrize("outer", [["roles"], "roles", 1, True, {"roles": {"dba": True}}, {"roles": [1]}])
def test_a_path_that_meets_something_else_is_no_list(op: Op, outer: object) -> None:
    with open_desk(op, groups_claim="/realm_access/roles") as desk:
        assert failure(desk, {"realm_access": outer}).code == "oidc.claim"


def test_what_is_not_at_the_path_is_asked_for_and_found_there(asking: Desk) -> None:
    with open_desk(asking.op, groups_claim="/realm_access/roles", groups_from="userinfo") as desk:
        says(desk, "/userinfo", {"sub": "alice-1", "realm_access": {"roles": ["dba"]}})
        assert found(desk) == {"dba"}


def test_what_the_token_leaves_out_comes_from_userinfo_and_nothing_else_does(asking: Desk) -> None:
    proof = asking.show(asking.token(without=("groups",)), access_token=Secret(ACCESS))
    assert proof.identity.groups == {"from-userinfo"}
    assert proof.identity.email == "alice@example.com"
    (asked,) = asking.op.asked["/userinfo"]
    assert asked.headers["authorization"] == f"Bearer {ACCESS}"
    assert asking.op.hits["/g"] == 0


def test_the_address_of_userinfo_is_not_asked_for_each_time(asking: Desk) -> None:
    for _ in range(3):
        assert found(asking) == {"from-userinfo"}
    assert asking.op.hits[DISCOVERY] == 2  # once for the keys


@pytest.mark.parametrize("cut", [OVERAGE, {"hasgroups": True}, {"hasgroups": "true"}], ids=str)
def test_a_list_that_is_cut_short_is_fetched_wherever_it_points(asking: Desk, cut: dict[str, object]) -> None:
    assert found(asking, cut) == {"from-userinfo"}
    assert found(asking, {"groups": ["only-some"], **cut}, without=()) == {"from-userinfo"}


@pytest.mark.parametrize("cut", [OVERAGE, {"hasgroups": True}], ids=str)
def test_a_list_that_is_cut_short_and_not_fetched_names_the_setting(desk: Desk, cut: dict[str, object]) -> None:
    error = failure(desk, cut)
    assert isinstance(error, Misconfigured)
    assert error.code == "oidc.groups-cut"
    assert 'groups_from = "userinfo"' in (error.hint or "") and '"corp"' in (error.hint or "")


def test_what_is_left_out_elsewhere_is_none_of_ours(op: Op) -> None:
    with open_desk(op, groups_claim="roles") as desk:
        assert found(desk, {"roles": ["dba"], "hasgroups": True}, without=()) == {"dba"}
        assert found(desk, {"_claim_names": {"groups": "src1"}}) == set()


def test_a_userinfo_that_is_cut_short_too_is_no_list(asking: Desk) -> None:
    says(asking, "/userinfo", {"sub": "alice-1", **OVERAGE})
    assert failure(asking).code == "oidc.groups-cut"


# -- whose groups they are ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sub", ["bob-1", None, "", ["alice-1"], "ALICE-1"])
def test_another_persons_groups_are_not_taken(asking: Desk, sub: object) -> None:
    """Core section 5.3.2: a colleague's access token beside one's own ID token."""
    says(asking, "/userinfo", {"sub": sub, "groups": ["admins"]})
    assert failure(asking).code == "oidc.access-token"


def at_hash(algorithm: str, of: str = ACCESS) -> str:
    digest = {"RS256": hashlib.sha256, "ES256": hashlib.sha256, "EdDSA": hashlib.sha512}[algorithm](
        of.encode()
    ).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_an_access_token_belongs_to_its_id_token_where_that_says_so(asking: Desk, algorithm: str) -> None:
    asking.op.rotate(algorithm)
    assert found(asking, {"at_hash": at_hash(algorithm)}) == {"from-userinfo"}
    for wrong in (at_hash(algorithm, "another"), at_hash(algorithm)[:-1], "", 7):
        assert failure(asking, {"at_hash": wrong}).code == "oidc.access-token"


@pytest.mark.parametrize("access", ["", "two words", "line\nbreak", "umläut", "a" * 20_000, "=equals", "x\x00"])
def test_an_access_token_that_is_none_is_shown_to_nobody(
    asking: Desk, access: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = failure(asking, access=access)
    assert isinstance(error, Unauthenticated)
    assert asking.op.hits["/userinfo"] == 0
    assert not access or repr(access)[1:-1] not in caplog.text


def test_a_client_that_sends_none_is_told_so(asking: Desk) -> None:
    error = failure(asking, access="")
    assert error.code == "oidc.access-token" and "step" in (error.hint or "")


# -- a provider that answers amiss ----------------------------------------------------------------------------

AMISS = [
    (DOWN, Unavailable),
    (Answer(status=500, body=b""), Unavailable),
    (Answer(status=404, body=b""), Unavailable),
    (redirect("http://127.0.0.1:1/"), Unavailable),
    (Answer(body=b"not JSON"), Unavailable),
    (Answer(body=b"[]"), Unavailable),
    (Answer(body=b"eyJhbGciOiJub25lIn0.e30."), Unavailable),
    (Answer(body=b'{"sub": "alice-1", "groups": ["' + b"x" * 300_000 + b'"]}'), Unavailable),
    (Answer(body=b'{"sub": "alice-1"}', headers={"Content-Encoding": "gzip"}), Unavailable),
    (Answer(status=401, body=b""), Unauthenticated),
    (Answer(status=403, body=b""), Unauthenticated),
    (Answer(body=b'{"sub": "alice-1", "groups": [{"id": 1}]}'), Unauthenticated),
    (Answer(body=b'{"sub": "alice-1", "groups": {"a": "b"}}'), Unauthenticated),
]


@pytest.mark.parametrize(("answer", "kind"), AMISS, ids=lambda each: str(each)[:60])
def test_a_provider_that_answers_amiss_loses_nobody_their_groups_in_silence(
    asking: Desk, answer: Answer, kind: type[DaypassError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asking.op.answers["/userinfo"] = answer
    assert type(failure(asking)) is kind
    assert ACCESS not in caplog.text


@pytest.mark.parametrize(
    "address", ["http://idp.example.com/u", "ftp://127.0.0.1/u", 7, None, "https://a@b.example/u"]
)
def test_userinfo_that_is_no_https_is_not_asked(asking: Desk, address: object) -> None:
    asking.op.metadata["userinfo_endpoint"] = address
    assert isinstance(failure(asking), Unavailable)


def test_the_access_token_is_shown_at_the_providers_own_address_alone(asking: Desk) -> None:
    """Each of these answers, and would be taken: by a redirect, in plain over the network, by a name in the URL."""
    says(asking, "/elsewhere", {"sub": "alice-1", "groups": ["admins"]})
    port = urlsplit(asking.op.issuer).port
    asking.op.answers["/userinfo"] = redirect(f"{asking.op.issuer}/elsewhere")
    assert isinstance(failure(asking), Unavailable)
    for unsafe in (f"http://0.0.0.0:{port}/elsewhere", f"http://u:p@127.0.0.1:{port}/elsewhere"):
        asking.op.metadata["userinfo_endpoint"] = unsafe
        with open_desk(asking.op, groups_from="userinfo") as anew:
            assert isinstance(failure(anew), Unavailable)
    assert asking.op.hits["/elsewhere"] == 0


# -- Microsoft Graph ------------------------------------------------------------------------------------------


def test_groups_of_entra_come_from_graph_page_by_page(entra: Desk) -> None:
    first = {"value": [{"@odata.type": GROUP, "id": f"g-{n}"} for n in range(999)]}
    says(entra, "/v1.0/me/transitiveMemberOf", first | {"@odata.nextLink": f"{entra.op.issuer}/v1.0/more?$skip=x"})
    last = [{"@odata.type": GROUP, "id": "last"}, {"@odata.type": "#microsoft.graph.directoryRole", "id": "role"}]
    says(entra, "/v1.0/more", {"value": last})
    assert found(entra, OVERAGE) == {"last", *(f"g-{n}" for n in range(999))}


def test_graph_is_asked_whose_the_access_token_is(entra: Desk) -> None:
    for somebody in ({"id": "33333333-3333-3333-3333-333333333333"}, {"id": None}, {}):
        says(entra, "/v1.0/me", somebody)
        assert failure(entra, OVERAGE).code == "oidc.access-token"
    assert entra.op.hits["/v1.0/me/transitiveMemberOf"] == 0


def test_graph_leads_nowhere_else(entra: Desk) -> None:
    for elsewhere in ("https://evil.example.com/v1.0/x", f"{entra.op.issuer}.evil.example/v1.0/", 7):
        says(entra, "/v1.0/me/transitiveMemberOf", {"value": [], "@odata.nextLink": elsewhere})
        assert isinstance(failure(entra, OVERAGE), Unavailable)
    says(entra, "/elsewhere", {"value": [{"@odata.type": GROUP, "id": "admins"}]})
    says(entra, "/v1.0/me/transitiveMemberOf", {"value": [], "@odata.nextLink": f"{entra.op.issuer}/elsewhere"})
    assert isinstance(failure(entra, OVERAGE), Unavailable)
    assert entra.op.hits["/elsewhere"] == 0


def test_graph_that_never_ends_is_left(entra: Desk) -> None:
    many = [{"@odata.type": GROUP, "id": f"g-{n}"} for n in range(2000)]
    again = {"value": many, "@odata.nextLink": f"{entra.op.issuer}/v1.0/me/transitiveMemberOf"}
    says(entra, "/v1.0/me/transitiveMemberOf", again)
    assert failure(entra, OVERAGE).code == "oidc.groups"
    assert entra.op.hits["/v1.0/me/transitiveMemberOf"] < 8


def test_graph_is_entras_alone(op: Op) -> None:
    with pytest.raises(Misconfigured, match="Entra"), open_desk(op, groups_from="graph"):
        pass


# -- many, and odd ones ---------------------------------------------------------------------------------------


def test_hundreds_of_groups_are_read_and_ten_thousand_are_no_token(desk: Desk) -> None:
    """A page of Entra's holds 200; what is longer than MAX_TOKEN is told before anything of it is read."""
    some = [f"g-{n:03d}" for n in range(1000)]
    assert found(desk, {"groups": some}, without=()) == set(some)
    many = desk.token(groups=[f"g-{n:05d}" for n in range(10_000)])
    assert len(many) > MAX_TOKEN and not desk.provisioner.recognises(many)
    with pytest.raises(Unauthenticated, match="larger than"):
        desk.show(many)


SHAPES = [7, 1.5, True, {"a": "b"}, [{"id": "a"}], [["a"]], ["a", None], ["a", 7], ["a", ["b"]], ["x" * 257]]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda each: repr(each)[:30])
def test_groups_of_another_shape_are_nobodys_wherever_they_come_from(asking: Desk, shape: object) -> None:
    assert failure(asking, {"groups": shape}, without=()).code == "oidc.claim"
    says(asking, "/userinfo", {"sub": "alice-1", "groups": shape})
    assert failure(asking).code == "oidc.claim"


def test_one_group_may_stand_alone_and_none_be_left_out(asking: Desk) -> None:
    for said, groups_of_it in (("one", {"one"}), ("a,b", {"a,b"}), ([], set()), (None, set()), ("", set())):
        says(asking, "/userinfo", {"sub": "alice-1", "groups": said})
        assert found(asking) == groups_of_it
