"""What a person sees at a terminal of 80 columns, in tmux: the morning, another device, and answers to why."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.parts.browser import fill_in, run_browser
from tests.parts.terminal import Terminal, run_terminal

from daypass.demo.company import Company

Opens = Callable[..., Terminal]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with run_browser("--ignore-certificate-errors") as running:
        yield running


@pytest.fixture
def opens(firm: Company, tmp_path: Path) -> Iterator[Opens]:
    """Opens the terminal, on a machine with more in its environment. `daypass` and `ssh` are the person's words."""
    programs = tmp_path / "bin"
    programs.mkdir()
    write(programs / "daypass", f'exec {sys.executable} -P -m daypass.cli.main "$@"')
    write(programs / "ssh", f'exec {shutil.which("ssh")} -F {shlex.quote(str(firm.ssh_config))} "$@"')
    with ExitStack() as stack:

        def start(**more: str) -> Terminal:
            plain = {name: value for name, value in firm.env.items() if name not in ("NO_COLOR", "TMUX", "BROWSER")}
            path = {"PATH": f"{programs}:{os.environ['PATH']}", "SHELL": "/bin/sh", "TZ": "Europe/Berlin"}
            return stack.enter_context(run_terminal(tmp_path, {**plain, **path, **more}))

        firm.daypass("logout", "--all", check=False)
        forget_logout(firm)
        yield start


def write(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def forget_logout(firm: Company) -> None:
    """As where somebody was never signed in: ssh starts the sign-in."""
    for note in (firm.laptop / ".daypass/contexts").glob("*/signed-out"):
        note.unlink()


def test_plain_ssh_signs_in_and_goes_on(firm: Company, opens: Opens, browser: Browser) -> None:
    stands_in = f"{sys.executable} -m daypass.demo.browser %s"
    terminal = opens(BROWSER=stands_in, DEMO_PERSON="alice")
    terminal.type(f"ssh {firm.host} 'echo in as $LOGNAME'; daypass status")
    terminal.find(r"^  serial ")
    told = "\n".join(terminal.lines())
    assert "daypass: waiting for you to sign in at 127.0.0.1, in your browser\n" in told
    assert f"\nin as {firm.account}\n" in told
    assert terminal.find(r"^daypass: signed in as alice@example.com, until \w{3} \d+ \w{3} \d\d:\d\d (CES?T)$")
    terminal.picture(browser, "morning")


def test_over_ssh_another_device_is_offered_by_itself(firm: Company, opens: Opens, browser: Browser) -> None:
    terminal = opens(SSH_CONNECTION="192.0.2.1 5 192.0.2.2 22")
    terminal.type(f"ssh {firm.host} echo in")
    elsewhere(terminal, browser, "over-ssh")
    terminal.find(r"^in$")
    terminal.type("clear; daypass login --force")
    elsewhere(terminal, browser, "login-over-ssh")
    terminal.find(r"^signed in as alice@example.com, until ")


def elsewhere(terminal: Terminal, browser: Browser, name: str) -> None:
    """The person on another device: reads the terminal, compares, signs in. No line was broken on the way there."""
    page = browser.new_context(ignore_https_errors=True).new_page()
    page.goto(terminal.find(r"(https://localhost:\d+/device)$"))
    page.get_by_label("Code").fill(terminal.find(r"\b([A-Z]{4}-[A-Z]{4})\b"))
    terminal.picture(browser, name)
    page.get_by_role("button", name="Continue").click()
    shown = page.get_by_text("SHA256:").inner_text()
    assert terminal.find(r" key +(SHA256:\S{43})$") in shown
    assert terminal.find(r" machine +(\S+)$") in page.inner_text("main")
    page.get_by_role("button", name="Yes").click()
    fill_in(page, "alice", "alice")
    page.wait_for_url("**/device/done")


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("daypass why nobody@{host}", r"daypass: hint: .*\n(.*\n)?\$"),
        (
            "daypass doctor {host}",
            r"^ok {22}nobody without a certificate of your company can pass\n {24}for it\n(.*\n)+all is well",
        ),
        ("daypass login --force --provider other", r"daypass: hint: .*there is: demo"),
        ("daypass context list", r"signed in as alice@example.com, 1\d h"),
    ],
)
def test_questions_are_answered_on_one_screen(
    line: str, ends: str, firm: Company, opens: Opens, browser: Browser
) -> None:
    firm.sign_in("alice")
    terminal = opens(BROWSER="false")
    terminal.type(f"clear; {line.format(host=firm.host)}")
    terminal.find(ends)
    terminal.picture(browser, line.split()[1])
