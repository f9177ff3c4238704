"""Keys that are opened in a moment: what their passphrase costs is not looked at here."""

from __future__ import annotations

import pytest

from daypass.signers import generate


@pytest.fixture(autouse=True)
def quick_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "BCRYPT_ROUNDS", 1)
