"""A machine to enrol."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.host.box import Box, new_box


@pytest.fixture
def box(safe_path: Path) -> Box:
    return new_box(safe_path)
