"""`daypass login` as it is typed: early and late, on a terminal without a browser, stopped by a key."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from tests.cli.kit import converse
from tests.client.laptop import shells_that_wait
from tests.client.mini_ca import MiniCa
from tests.parts.openssh import Agent as Part
from tests.parts.processes import wait_until

from daypass import api
from daypass.cli.exits import Exit
from daypass.cli.main import main
from daypass.client.agents.agent import Agent
from daypass.client.settings import Settings
from daypass.wire import Certificate

FOLLOW = f"{sys.executable} -c 'import httpx2, sys; httpx2.get(sys.argv[1], follow_redirects=True)' %s"


@pytest.fixture
def at_work(company: MiniCa, at_home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Joined, with a browser that signs in by itself."""
    monkeypatch.setenv("BROWSER", FOLLOW)
    monkeypatch.setenv("NO_PROXY", "*")
    assert main(["bootstrap", company.url, "--fingerprint", company.fingerprint]) == 0
    return at_home


def held(settings: Settings) -> Certificate:
    context = settings.current()
    assert context is not None
    return Certificate.from_line(context.certificate.read_text())


def aged(company: MiniCa, hours: float, left: float) -> None:
    """Certificates of a day pass of so many hours, with so many hours left."""
    now = int(time.time())
    times = {"valid_after": now - int((hours - left) * 3600), "valid_before": now + int(left * 3600)}
    company.change = lambda draft: dataclasses.replace(draft, **times)  # type: ignore[arg-type]


PASSES = [(16, 15, False), (16, 2.5, False), (16, 1.9, True), (16, 0.1, True), (4, 1, False), (4, 0.4, True)]


@pytest.mark.parametrize(("hours", "left", "replaced"), PASSES)
def test_a_pass_near_its_end_is_replaced_and_an_earlier_one_is_not(
    hours: float, left: float, replaced: bool, company: MiniCa, at_work: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    aged(company, hours, left)
    assert main(["login"]) == 0
    first = held(at_work)
    aged(company, 16, 16)
    capsys.readouterr()
    assert main(["login"]) == 0
    err = capsys.readouterr().err
    assert ("your day pass ends in" in err, "already signed in as alice" in err) == (replaced, not replaced)
    assert ("daypass login --force replaces it" in err) is not replaced
    assert (held(at_work) != first) is replaced


def test_however_often_it_is_replaced_the_agent_has_one_entry_of_ours(company: MiniCa, at_work: Settings) -> None:
    aged(company, 16, 1)
    for _ in range(4):
        assert main(["login"]) == 0
    context = at_work.current()
    assert context is not None
    (only,) = Agent(context.agent.read_text().strip()).identities()
    assert only.blob == held(at_work).encode()


@pytest.fixture
def machine_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of /etc/daypass/client.toml."""
    path, real = tmp_path / "client.toml", Settings.load
    monkeypatch.setattr(Settings, "load", lambda *a, **k: dataclasses.replace(real(*a, **k), machine_file=path))
    return path


def test_what_the_owner_of_the_machine_set_holds_where_nothing_else_was_said(
    company: MiniCa, at_work: Settings, machine_file: Path
) -> None:
    machine_file.write_text('lifetime = "2h"\n')
    assert main(["login"]) == 0 and company.seen[-1].validBefore == "7200s"
    company.seen.clear()
    assert main(["login"]) == 0 and not company.seen  # it is no wish for another certificate
    assert main(["login", "--lifetime", "30m"]) == 0 and company.seen[-1].validBefore == "1800s"


def test_the_owner_s_provider_is_taken_where_the_company_has_it(
    company: MiniCa, at_work: Settings, machine_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another company may know nothing of it."""
    machine_file.write_text('provider = "op"\n')
    other = api.OidcLogin(name="other", issuer="https://x.invalid", client_id="c")
    company.providers = [*company.providers, other]
    assert main(["login"]) == 0
    machine_file.write_text('provider = "elsewhere"\n')
    company.providers.pop()
    assert main(["login", "--force"]) == 0
    assert main(["login", "--force", "--provider", "elsewhere"]) == Exit.INVALID
    assert "there is: op" in capsys.readouterr().err


def test_the_owner_may_have_every_use_confirmed_and_every_end_told(
    company: MiniCa, at_work: Settings, agent: Part, machine_file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    machine_file.write_text("confirm = true\nnotify = true\n")
    assert main(["login"]) == 0
    assert not _signs(at_work, agent, tmp_path)
    assert "nothing will tell you when the day pass ends" in capsys.readouterr().err


def test_confirm_has_the_agent_ask_before_each_use(
    company: MiniCa, at_work: Settings, agent: Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent here has nobody to ask, so it says no (ssh-add(1) -c)."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    for options, signs in ([], True), (["--confirm"], False):
        assert main(["login", "--force", *options]) == 0
        assert _signs(at_work, agent, tmp_path) is signs


def test_notify_leaves_one_shell_that_waits_for_the_end_of_the_pass(
    company: MiniCa, at_work: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "notify-send"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    context = at_work.current()
    assert context is not None
    assert main(["login"]) == 0 and not shells_that_wait(context.certificate)
    for arguments in (["--force", "--notify"], ["--notify"], []):
        assert main(["login", *arguments]) == 0
        wait_until(lambda: len(shells_that_wait(context.certificate)) == 1, "one shell to wait")
    (shell,) = shells_that_wait(context.certificate)
    os.kill(shell, signal.SIGTERM)


def _signs(settings: Settings, agent: Part, folder: Path) -> bool:
    context = settings.current()
    assert context is not None
    (folder / "text").write_text("x")
    command = ["ssh-keygen", "-Y", "sign", "-n", "test", "-f", str(context.certificate), str(folder / "text")]
    done = subprocess.run(
        command, env={**os.environ, **agent.env, "DISPLAY": ""}, stdin=subprocess.DEVNULL, capture_output=True
    )
    (folder / "text.sig").unlink(missing_ok=True)
    return done.returncode == 0


# -- on a terminal ------------------------------------------------------------------------------------------------


def start(*arguments: str, **environ: str) -> tuple[subprocess.Popen[bytes], int]:
    """`daypass login` on a terminal of its own, in a session without a browser.

    Not measured by coverage: Ctrl-C in the middle of its lock leaves that locked, and the program waits for ever.
    """
    dropped = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "COVERAGE_PROCESS_CONFIG")
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    env |= {"NO_COLOR": "1"} | environ
    import pty

    terminal, far_side = pty.openpty()
    command = [sys.executable, "-m", "daypass.cli.main", "login", *arguments]
    process = subprocess.Popen(
        command, env=env, stdin=far_side, stdout=far_side, stderr=far_side, start_new_session=True
    )
    os.close(far_side)
    return process, terminal


@pytest.fixture
def hosted(company: MiniCa) -> MiniCa:
    company.providers = [msgspec.structs.replace(company.providers[0], hosted=True)]
    return company


SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}


def test_over_ssh_a_code_is_shown_to_be_typed_on_another_device(hosted: MiniCa, at_work: Settings) -> None:
    hosted.device_states = ["seen", "issued"]
    process, terminal = start(**SSH)
    shown = converse(process, terminal, {})
    assert process.wait(20) == 0, shown
    for text in ("no browser can be opened here", f"{hosted.url}/device", "BCDF-GHJK", "signed in as alice"):
        assert text in shown
    (asked,) = hosted.asked
    assert asked.machine in shown and held(at_work).public_key.fingerprint in shown


@pytest.mark.parametrize("option", ["--device", "--no-browser"])
def test_the_other_device_can_be_asked_for_anywhere(option: str, hosted: MiniCa, at_work: Settings) -> None:
    hosted.device_states = ["issued"]
    process, terminal = start(option, BROWSER="false")
    assert "BCDF-GHJK" in converse(process, terminal, {})
    assert process.wait(20) == 0


def test_a_key_pressed_while_the_code_is_shown_stops_it_and_leaves_nothing(hosted: MiniCa, at_work: Settings) -> None:
    hosted.device_states = ["waiting"]
    process, terminal = start("--device")
    shown = b""
    while b"Ctrl-C stops" not in shown:
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    rest = converse(process, terminal, {})
    assert process.wait(20) == 130 and "Traceback" not in rest
    context = at_work.current()
    assert context is not None and not context.certificate.exists()
    assert main(["status"]) == 1


def test_a_browser_that_waits_when_the_sign_in_is_stopped_is_shown_that(
    company: MiniCa, at_work: Settings, tmp_path: Path
) -> None:
    """The CA is asked for the certificate, and Ctrl-C comes before its answer."""
    asked, answer = threading.Event(), threading.Event()
    sign = company.sign

    def wait_and_sign(request: api.SshSignRequest) -> api.SshSignResponse:
        asked.set()
        answer.wait(20)
        return sign(request)

    company.sign = wait_and_sign  # type: ignore[method-assign]
    page = tmp_path / "page"
    keep = (
        f"pathlib.Path({str(page)!r}).write_bytes(httpx2.get(sys.argv[1], follow_redirects=True, timeout=20).content)"
    )
    process, terminal = start(BROWSER=f'{sys.executable} -c "import httpx2, pathlib, sys; {keep}" %s')
    assert asked.wait(20)
    process.send_signal(signal.SIGINT)
    shown = converse(process, terminal, {})
    assert process.wait(20) == 130 and "Traceback" not in shown
    answer.set()
    wait_until(lambda: page.exists() and b"</html>" in page.read_bytes(), "the browser to be told")
    assert "The sign-in was stopped in the terminal." in page.read_text()
    context = at_work.current()
    assert context is not None and not context.certificate.exists()


def test_where_the_ca_has_no_page_the_address_is_shown(company: MiniCa, at_work: Settings) -> None:
    process, terminal = start(**SSH)
    shown = b""
    while b"/authorize?" not in shown:
        shown += os.read(terminal, 4096)
    assert b"open this address" in shown
    process.send_signal(signal.SIGINT)
    converse(process, terminal, {})
    assert process.wait(20) == 130


def test_data_stays_off_stdout(hosted: MiniCa, at_work: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    hosted.device_states = ["issued"]
    assert main(["login", "--device"]) == 0
    out, err = capfd.readouterr()
    assert out == "" and "BCDF-GHJK" in err
    assert main(["status", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["valid"]
