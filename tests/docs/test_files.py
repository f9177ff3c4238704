"""docs/reference/files.md names every file and every variable that the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, tables

from daypass.client.platform import Platform
from daypass.client.settings import Context, Settings
from daypass.config import CaSection
from daypass.founding import CONFIG_FILE, Plan
from daypass.host.settings import Paths

TABLES = dict(tables(ROOT / "docs/reference/files.md"))
LISTED = {name for rows in TABLES.values() for row in rows for name in re.split(r"`, `", row[0])}
NOT_OURS = {"sshd_config", "host_keys", "passwd", "shadow", "group"}  # read on a server, or described in words


def places(owner: object) -> dict[str, Path]:
    """Every property that is a path."""
    found = {name: getattr(owner, name) for name, each in vars(type(owner)).items() if isinstance(each, property)}
    return {name: path for name, path in found.items() if isinstance(path, Path) and name not in NOT_OURS}


@pytest.mark.parametrize(("name", "path"), places(Context("NAME", Path("HOME/contexts/NAME"))).items())
def test_every_file_of_a_company_is_listed(name: str, path: Path) -> None:
    assert str(path) in LISTED, name


def test_every_other_file_of_a_laptop_is_listed() -> None:
    settings = Settings(Path("HOME"), Path("~/.ssh"), Path("/etc/daypass/client.toml"), {}, Platform.here())
    for path in (*places(settings).values(), settings.machine_file, Path("HOME/current"), Path("~/.ssh/config")):
        assert str(path) in LISTED


@pytest.mark.parametrize(("name", "path"), places(Paths()).items())
def test_every_file_of_a_server_is_listed(name: str, path: Path) -> None:
    assert any(listed == str(path) or listed.startswith(f"{path}/") for listed in LISTED), name


def test_the_files_of_the_ca_are_where_the_configuration_puts_them() -> None:
    starter = Plan(name="Example", url="https://ca.example.com", host_domains=("*.example.com",)).starter()
    assert {str(CONFIG_FILE), str(starter.trust), str(starter.admin_socket), f"{starter.state}/ca.sqlite"} <= LISTED
    assert f"{starter.keys}/user_ca" in LISTED
    defaults = CaSection(name="Example", url="https://ca.example.com")
    assert (starter.trust, starter.admin_socket, starter.state) == (
        defaults.trust,
        defaults.admin_socket,
        defaults.state,
    )


def test_every_variable_of_ours_is_listed() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py") if "demo" not in path.parts]
    named = {
        name for text in sources for name in re.findall(r"\"(DAYPASS_[A-Z_]+|NO_COLOR|SSH_AUTH_SOCK|BROWSER)\"", text)
    }
    assert "DAYPASS_HOME" in named
    assert named <= LISTED
