"""Which CA is meant, and where it listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from daypass.cli.admin_options import ADMIN_SOCKET, Where
from daypass.config import CaSection
from daypass.errors import Misconfigured

FILE = Path("/etc/daypass/daypass.toml")


def where(root: Path, text: str) -> Where:
    (root / "etc/daypass").mkdir(parents=True)
    (root / "etc/daypass/daypass.toml").write_text(text)
    return Where(FILE, root)


def test_the_default_socket_is_the_configuration_s() -> None:
    assert str(CaSection(name="x", url="https://ca.example.com").admin_socket) == ADMIN_SOCKET


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ("[ca]\n", "run/daypass/admin.sock"),
        ('[ca]\nadmin_socket = "/tmp/a.sock"\n[[roles]]\nname = "no good"\n', "tmp/a.sock"),
    ],
)
def test_the_socket_is_found_below_the_root_whatever_else_is_wrong_in_the_file(
    text: str, socket: str, tmp_path: Path
) -> None:
    assert where(tmp_path, text).socket() == tmp_path / socket


@pytest.mark.parametrize(
    "text", ["", "ca = 1", "[ca", "[ca]\nadmin_socket = 7", '[ca]\nadmin_socket = "a.sock"', "x = " + "[" * 5000]
)
def test_a_file_that_names_none_is_told_what_is_wrong(text: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        where(tmp_path, text).socket()
