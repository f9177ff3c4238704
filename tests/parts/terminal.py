"""A person's terminal: tmux, 80 columns by 24 lines, with a shell they type into; and pictures of it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

from playwright.sync_api import Browser
from tests.parts.browser import OUTPUT
from tests.parts.needs import need

__all__ = ["Terminal", "run_terminal"]

COLUMNS, LINES = 80, 24
_CODE = re.compile(r"\x1b\[([0-9;]*)m")  # ECMA-48, SGR
_COLOURS = {"31": "#f47067", "32": "#57ab5a", "33": "#c69026", "34": "#539bf5", "35": "#b083f0", "36": "#39c5cf"}
_PAGE = "<body style='background:#1c2128;margin:12px'><pre style='color:#cdd9e5;font:14px/1.3 monospace'>"


@dataclass(frozen=True, slots=True)
class Terminal:
    """`socket` is tmux's own."""

    socket: Path

    def type(self, line: str) -> None:
        """And Return."""
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def press(self, key: str) -> None:
        """As tmux names keys: `C-c`."""
        self._tmux("send-keys", key)

    def lines(self) -> list[str]:
        """What it shows, line by line, as the screen breaks them."""
        return [line.rstrip() for line in self._tmux("capture-pane", "-p").splitlines()]

    def find(self, pattern: str, seconds: float = 30.0) -> str:
        """The first group of what it shows, as soon as it shows it."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern, "\n".join(self.lines()), re.MULTILINE)) is None:
            assert time.monotonic() < end, "\n".join(self.lines())
            time.sleep(0.05)
        return found[1] if found.re.groups else found[0]

    def picture(self, browser: Browser, name: str) -> None:
        """tests/output/NAME-terminal.png, to be looked at."""
        OUTPUT.mkdir(exist_ok=True)
        page = browser.new_page(viewport={"width": 720, "height": 200})
        page.set_content(_PAGE + _as_html(self._tmux("capture-pane", "-p", "-e").rstrip()))
        page.screenshot(path=OUTPUT / f"{name}-terminal.png", full_page=True)
        page.close()

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self.socket), "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout


@contextmanager
def run_terminal(folder: Path, environ: Mapping[str, str]) -> Iterator[Terminal]:
    """A shell that knows `environ` and nothing else; all that runs in it ends with it."""
    terminal = Terminal(folder / "tmux")
    command = [str(need("tmux")), "-S", str(terminal.socket), "-f", "/dev/null", "new-session", "-d"]
    size = ["-x", str(COLUMNS), "-y", str(LINES)]
    subprocess.run([*command, *size, "sh"], check=True, env={**environ, "PS1": "$ ", "LC_ALL": "C.UTF-8"})
    try:
        terminal.find(r"^\$")
        yield terminal
    finally:
        terminal._tmux("kill-server")


def _as_html(text: str) -> str:
    parts, depth = list[str](), 0
    for index, part in enumerate(_CODE.split(text)):
        if index % 2 == 0:
            parts.append(escape(part))
            continue
        for code in part.split(";"):
            if code in ("", "0", "22", "39"):
                parts.append("</span>" * depth)
                depth = 0
            elif code == "1" or code in _COLOURS:
                parts.append(f"<span style='{f'color:{_COLOURS[code]}' if code != '1' else 'font-weight:bold'}'>")
                depth += 1
    return "".join(parts)
