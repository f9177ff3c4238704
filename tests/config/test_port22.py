"""`[[port22]]`: who could enrol, and where the CA could be sent."""

from __future__ import annotations

import pytest
from tests.config.test_jwk_x5c import ERROR, WARNING, told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"hosts": []}, [(".hosts", ERROR)]),
        ({"hosts": ["OLD-1.example.com"]}, [(".hosts[0]", ERROR)]),
        ({"hosts": ["10.0.0.1"]}, [(".hosts[0]", ERROR)]),
        ({"hosts": ["old-1.elsewhere.test"]}, [(".hosts[0]", ERROR)]),
        ({"hosts": ["*"]}, [(".hosts", WARNING)]),
        ({"networks": []}, [(".networks", ERROR)]),
        ({"networks": ["10.0.0.1/8"]}, [(".networks[0]", ERROR)]),
        ({"networks": ["0.0.0.0/0"]}, [(".networks[0]", ERROR)]),
        ({"networks": ["web-1"]}, [(".networks[0]", ERROR)]),
        ({"port": 0}, [(".port", ERROR)]),
        ({"port": 65536}, [(".port", ERROR)]),
        ({"labels": {"a=b": "c"}}, [(".labels.'a=b'", ERROR)]),
        ({"labels": {"a": ""}}, [(".labels.a", ERROR)]),
        ({"labels": {"a": "b\n"}}, [(".labels.a", ERROR)]),
    ],
)
def test_a_table_says_who_and_where(change: dict[str, object], said: list[tuple[str, str]]) -> None:
    found = told("port22", **change)
    assert [severity for _, severity in found] == [severity for _, severity in said]
    assert [path.replace('"', "'") for path, _ in found] == [path for path, _ in said]
