"""Whatever stands in an administrative body: an answer that says whose mistake it is, never a fault of ours."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest
from tests.server.company import Company

from daypass.api import ROUTES, Access, Route

HUGE = 10**30
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "#",
        "#0",
        f"#{HUGE}",
        "#²",
        ":",
        "idp:",
        ":x",
        "a:b:c",
        "é",
        "\u202eroot",
        "x" * 9000,
        "%",
        "*",
    ),
    *("'; --", "{login}", "{0.__class__}", "..", "\u017fecret", "idp:\0", "idp:" + "y" * 300, "alice@example.com"),
)
NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, HUGE)
ADMIN = [route for route in ROUTES if route.access is Access.ADMIN]


def hostile(kind: Any) -> list[Any]:
    if kind in (int, int | None):
        return list(NUMBERS)
    if kind in (str, str | None):
        return list(TEXTS)
    if kind == list[int]:
        return [[], list(NUMBERS), *([number] for number in NUMBERS), [1] * 3000]
    if kind == list[str]:
        return [[], *([text] for text in TEXTS)]
    if kind == dict[str, str]:
        return [{}, *({text: text} for text in TEXTS)]
    return [True, False, []]


def bodies(route: Route) -> list[dict[str, Any]]:
    """One hostile field at a time; the others honest, or as hostile."""
    fields = msgspec.structs.fields(route.body)  # type: ignore[arg-type]
    first = {field.name: hostile(field.type)[2] for field in fields if field.required}
    plain = {field.name: "#1" if field.type is str else hostile(field.type)[1] for field in fields if field.required}
    found = [first]
    for field in fields:
        found += [{**plain, field.name: value} for value in hostile(field.type)]
    return found


@pytest.mark.parametrize("route", ADMIN, ids=[route.name for route in ADMIN])
def test_no_body_of_root_s_is_a_fault_of_ours(company: Company, route: Route) -> None:
    for body in bodies(route):
        answer = company.local.post(route.path, content=msgspec.json.encode(body))
        assert answer.status_code < 500, (body, answer.text)
        assert "Traceback" not in answer.text


MINE = [route for route in ROUTES if route.access is Access.PASS and route.body is not None]


@pytest.mark.parametrize("route", MINE, ids=[route.name for route in MINE])
def test_no_body_that_a_day_pass_speaks_for_is_a_fault_of_ours(company: Company, route: Route) -> None:
    number = count()
    holder = company.person(f"h{next(number)}-{route.name}")
    for body in bodies(route):
        content = msgspec.json.encode(body)
        header = holder.header(route.method, route.path, content)
        answer = company.web.request(route.method, route.path, content=content, headers={"authorization": header})
        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code < 300:
            holder = company.person(f"h{next(number)}-{route.name}")  # they may have given it up


HOSTS = [route for route in ROUTES if route.access is Access.HOST and route.body is not None]


@pytest.mark.parametrize("route", HOSTS, ids=[route.name for route in HOSTS])
def test_no_body_of_a_host_s_is_a_fault_of_ours(company: Company, route: Route) -> None:
    holder = company.host()
    for body in bodies(route):
        content = msgspec.json.encode(body)
        headers = {"authorization": holder.host_header(route.method, route.path, content)}
        with company.web.stream(route.method, route.path, content=content, headers=headers) as answer:
            if answer.status_code < 300:
                continue  # one of them has no end
            text = answer.read().decode()
        # Whoever says that it has heard of newer keys is sent to another machine of the CA.
        assert answer.status_code < 500 or (answer.status_code == 503 and "host-call.behind" in text), (body, text)
