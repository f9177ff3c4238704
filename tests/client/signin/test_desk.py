"""Whether a browser can be opened where the person sits, from facts that are handed in."""

from __future__ import annotations

import pytest

from daypass.client.signin.desk import has_browser

SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
X = {"DISPLAY": ":0"}
LINUX, MAC, WINDOWS = "linux", "darwin", "win32"
DOCKER, PODMAN, WSL = "/.dockerenv", "/run/.containerenv", "/proc/sys/fs/binfmt_misc/WSLInterop"

DESKS: list[tuple[str, dict[str, str], str, set[str], bool]] = [
    ("X11", X, LINUX, set(), True),
    ("Wayland", {"WAYLAND_DISPLAY": "wayland-0"}, LINUX, set(), True),
    ("a text console", {}, LINUX, set(), False),
    ("an empty DISPLAY", {"DISPLAY": ""}, LINUX, set(), False),
    ("ssh", SSH, LINUX, set(), False),
    ("ssh with w3m there", SSH, LINUX, {"w3m", "lynx"}, False),
    ("ssh -X", SSH | X, LINUX, set(), True),
    ("a Mac", {}, MAC, set(), True),
    ("ssh to a Mac", SSH, MAC, set(), False),
    ("ssh -X to a Mac", SSH | X, MAC, set(), False),
    ("Windows", {}, WINDOWS, set(), True),
    ("ssh to Windows", SSH, WINDOWS, set(), False),
    ("WSL by its variable", {"WSL_DISTRO_NAME": "Ubuntu"}, LINUX, set(), True),
    ("WSL by its mark", {}, LINUX, {WSL}, True),
    ("ssh to WSL", SSH | {"WSL_DISTRO_NAME": "Ubuntu"}, LINUX, {WSL}, False),
    ("Docker", {}, LINUX, {DOCKER}, False),
    ("Docker with a display and no browser", X, LINUX, {DOCKER}, False),
    ("a toolbox", X, LINUX, {PODMAN, "xdg-open"}, True),
    ("BROWSER over ssh", SSH | {"BROWSER": "x"}, LINUX, set(), True),
    ("BROWSER in Docker", {"BROWSER": "x"}, LINUX, {DOCKER}, True),
]


@pytest.mark.parametrize(
    ("environ", "platform", "there", "wanted"), [row[1:] for row in DESKS], ids=[row[0] for row in DESKS]
)
def test_a_browser_is_tried_where_the_person_would_see_it(
    environ: dict[str, str], platform: str, there: set[str], wanted: bool
) -> None:
    assert has_browser(environ, platform, there.__contains__, there.__contains__) is wanted
