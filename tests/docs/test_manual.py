"""Man pages: one for every command, clean to groff, and installed with the program."""

from __future__ import annotations

import subprocess
import tomllib

import pytest
from tests.docs import manual
from tests.parts.needs import need
from tests.reference import ROOT

NAMES = manual.names()


def test_there_is_no_page_of_a_command_that_is_gone() -> None:
    assert sorted(f"docs/man/{path.name}" for path in (ROOT / "docs/man").iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_groff_has_nothing_to_say_against_a_page(name: str) -> None:
    done = subprocess.run(
        [need("groff"), "-ww", "-man", "-Tutf8", "-Kutf8", "-z", ROOT / name], capture_output=True, text=True
    )
    assert done.stderr == ""


def test_a_page_says_what_help_says() -> None:
    shown = subprocess.run(
        [need("groff"), "-man", "-Tascii", "-P-cbou", ROOT / "docs/man/daypass-login.1"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for part in ("NAME", "daypass login --lifetime 1h", "--force", "EXAMPLES", "SEE ALSO", "daypass(1)"):
        assert part in shown


def test_pages_come_with_the_package() -> None:
    """Below share/man of the environment, where man looks."""
    packaging = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    found = {path for pattern in packaging["share/man/man1"] for path in ROOT.glob(pattern)}
    assert found == {ROOT / name for name in NAMES}
