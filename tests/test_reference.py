"""The committed documents say what the code says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from daypass.api import ROUTES
from daypass.server import openapi
from tests.reference import DOCUMENTS, ROOT


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_bytes() == DOCUMENTS[name](), "run make docs"


def test_every_route_is_an_operation_with_its_statuses() -> None:
    found = openapi.document()["paths"]
    for route in ROUTES:
        operation = found[route.path][route.method.lower()]
        assert operation["operationId"] == route.name
        assert set(operation["responses"]) == {str(route.status), "default"}
        assert ("requestBody" in operation) == (route.body is not None)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        name = re.fullmatch(r"#/components/schemas/(\w+)", reference)
        assert name is not None, reference
        assert name[1] in schemas


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for each in node for found in _references(each)]
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for each in node.values() for found in _references(each)]
    return []
