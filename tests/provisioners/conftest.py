from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.parts.op import Op
from tests.provisioners.desk import Desk, open_desk


@pytest.fixture
def desk(op: Op) -> Iterator[Desk]:
    with open_desk(op) as desk:
        yield desk
