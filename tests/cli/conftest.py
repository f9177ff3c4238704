"""The laptop of the client's tests, and a shell at home on it; and a CA in a folder."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from tests.cli.kit import TRIAL, Admin
from tests.client.laptop import ca, company, home, joined, other, other_ca, said, settings, sign_in

from daypass.cli.exits import Exit
from daypass.client.settings import Settings
from daypass.signers import generate

__all__ = ["at_home", "ca", "company", "home", "joined", "other", "other_ca", "said", "settings", "sign_in"]


@pytest.fixture
def at_home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Commands run here find this home folder, and no agent or path of whoever runs the tests."""
    for name in ("HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, settings.environ[name])
    for name in ("DAYPASS_HOME", "XDG_DATA_HOME", "SSH_AUTH_SOCK", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # BROWSER is read with the first use, once a process
    return settings


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Admin:
    """What a passphrase costs is not looked at here."""
    monkeypatch.setattr(generate, "BCRYPT_ROUNDS", 1)
    return Admin(tmp_path / "ca", capsys)


@pytest.fixture
def admin(empty: Admin) -> Admin:
    assert empty("ca", "init", *TRIAL)[0] == Exit.OK
    return empty
