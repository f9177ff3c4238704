"""A host with homes."""

from __future__ import annotations

import pytest
from tests.host.box import Box
from tests.host.conftest import box as box
from tests.host.remains.homes import Homes
from tests.parts.needs import need


@pytest.fixture
def homes(box: Box) -> Homes:
    need("root with mount namespaces")
    return Homes(box)
