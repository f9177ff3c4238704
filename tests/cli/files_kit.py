"""A command line and what it says; a laptop whose person has signed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.cli.main import main
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership

Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Exit code, stdout and stderr of a command line."""

    def tell(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
        return code, *capsys.readouterr()

    return tell


@pytest.fixture
def signed_in(at_home: Settings, sign_in: Callable[..., Login], joined: Membership) -> Membership:
    sign_in().run()
    return joined
