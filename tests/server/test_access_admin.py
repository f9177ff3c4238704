"""Every administrative route, and everybody who could call it."""

from __future__ import annotations

import pytest
from tests.server.company import Company

from daypass.api import ROUTES

ADMIN_ROUTES = {
    *("approvals", "approve", "explain", "join_token", "ledger", "refuse", "revoke", "who"),
    *("lock", "unlock", "person_link", "person_list", "person_rename", "person_reserve", "person_show"),
}


@pytest.mark.parametrize("name", sorted(ADMIN_ROUTES))
def test_an_administrative_route_opens_to_no_day_pass(company: Company, name: str) -> None:
    route = next(each for each in ROUTES if each.name == name)
    for headers in ({}, {"authorization": company.person().header("POST", route.path, b"{}")}):
        assert company.web.post(route.path, content=b"{}", headers=headers).status_code == 401
