"""The laptop of the client's tests, and a shell at home on it."""

from __future__ import annotations

import pytest
from tests.client.laptop import ca, company, home, joined, said, settings, sign_in

from daypass.client.settings import Settings

__all__ = ["at_home", "ca", "company", "home", "joined", "said", "settings", "sign_in"]


@pytest.fixture
def at_home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Commands run here find this home folder, and no agent or path of whoever runs the tests."""
    monkeypatch.setenv("HOME", settings.environ["HOME"])
    for name in ("DAYPASS_HOME", "XDG_DATA_HOME", "SSH_AUTH_SOCK", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    return settings
