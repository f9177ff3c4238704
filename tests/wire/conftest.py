"""Keys of every type, made once by the real ssh-keygen."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.wire.openssh import Keyring


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    folder: Path = tmp_path_factory.mktemp("keys")
    return Keyring(folder)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A case is named by its sin, not by the kilobytes that commit it."""
    long = isinstance(val, bytes | bytearray) or (isinstance(val, str) and len(val) > 80)
    return "data" if long else None
