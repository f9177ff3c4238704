"""Every kind of token at every provisioner, and at every route: none passes but where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest
from tests.parts.op import run_op
from tests.provisioners.kinds import KINDS, Made
from tests.provisioners.yard import ROUTES, Yard, made_for, open_yard

from daypass.errors import Denied, Invalid, Unauthenticated


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with run_op() as op, open_yard(op, tmp_path_factory.mktemp("yard")) as yard:
        yield yard


def test_provisioners_have_a_name_each_and_no_two_take_one_token_for_theirs(yard: Yard) -> None:
    assert len({desk.provisioner.name for desk in yard.desks.values()}) == len(KINDS)
    for kind, desk in yard.desks.items():
        token = desk.make(Made()).token.reveal()
        assert [each for each in KINDS if yard.desks[each].provisioner.recognises(token)] == [kind]


@pytest.mark.parametrize(("kind", "at"), list(permutations(KINDS, 2)))
def test_a_token_of_one_kind_is_worth_nothing_at_another(yard: Yard, kind: str, at: str) -> None:
    with pytest.raises((Unauthenticated, Denied, Invalid)):
        yard.desks[at].show(yard.desks[kind].make(Made()))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_token_passes_at_its_own_routes_and_at_no_other(yard: Yard, kind: str, route: str) -> None:
    desk = yard.desks[kind]
    if route in desk.routes:
        _, passed = yard.show(route, desk.make(made_for(route)))
        assert [proof.identity.provider for proof in passed] == [desk.provisioner.name]
        return
    before = yard.issued()
    for made in (Made(), made_for(route)):
        status, _ = yard.show(route, desk.make(made))
        assert 400 <= status < 500
    assert yard.issued() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_for_one_route_is_worth_nothing_at_another_of_its_own(yard: Yard, kind: str) -> None:
    desk = yard.desks[kind]
    for made, route in permutations(desk.routes, 2):
        if made_for(made) != made_for(route) and "act" not in desk.unbound:
            assert yard.show(route, desk.make(made_for(made))) == (401, [])
