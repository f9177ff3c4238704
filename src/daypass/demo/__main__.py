"""`make demo`: the main job on a whole company in one folder, a lost laptop, refusals, a role that explains
itself, somebody who leaves.

`--keep` leaves it running.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from daypass.demo.company import Company, find
from daypass.demo.idp import Idp, run_idp
from daypass.errors import DaypassError

PROGRAMS = ("ssh", "sshd", "ssh-agent", "ssh-keygen")


class Failed(Exception):
    """Something did not go as the demo says it does."""


class Show:
    """One line a step: what happened, how long it took, what a person would type."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._start = time.monotonic()

    def title(self, text: str) -> None:
        self._write("\n" + self._paint("1", text))

    @contextmanager
    def step(self, text: str, command: str = "") -> Iterator[None]:
        start = time.monotonic()
        if sys.stdout.isatty():
            sys.stdout.write(f"  … {text}")
            sys.stdout.flush()
        yield
        took = f"{time.monotonic() - start:5.2f} s"
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        self._write(f"{clear}  {self._paint('32', '✓')} {text:<68} {took}")
        if command:
            self.note(f"$ {command}")

    def note(self, text: str) -> None:
        for line in text.strip().splitlines():
            self._write("      " + self._paint("2", line))

    def end(self) -> None:
        self._write(f"\nAll of it took {time.monotonic() - self._start:.1f} s.")

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def _write(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def set_up(show: Show, demo: Company) -> None:
    show.title("The company")
    with show.step("a CA has its keys, its database and an offline trust root", "daypass ca init …"):
        demo.found_ca()
    with show.step(f"the CA answers at {demo.url}", "daypass ca serve"):
        demo.start_ca()
    show.note(f"the identity provider at {demo.idp.issuer} knows alice, bob and carol")
    with show.step(f"{demo.host} runs a real sshd", "sshd"):
        demo.start_sshd()
    with show.step("it enrolled: a host certificate for 30 days, nobody was asked", "daypass host enroll"):
        demo.enrol_host()
    with show.step("its agent listens to the CA, and will renew that by itself", "daypass host run"):
        demo.start_agent()
    show.title("A laptop, once")
    with show.step("the CA's roots are pinned, ssh knows what to do", demo.bootstrap_line):
        demo.join()
    show.note("$ daypass ssh-config")


def main_job(show: Show, demo: Company) -> None:
    show.title("Before the day's sign-in")
    refused(show, demo, "ssh without a certificate is refused", demo.host)
    show.title("The day's sign-in")
    real = has_display()
    who = "in your browser: alice, password alice" if real else "no display, so the demo fills in the form"
    with show.step(f"alice signed in ({who})", "daypass login"):
        done = sign_in_really(demo) if real else demo.sign_in("alice")
    show.note(done.stderr or done.stdout)
    allowed(show, demo)


def allowed(show: Show, demo: Company) -> None:
    show.title("After that, plain ssh")
    with show.step(f"ssh {demo.host} works: no password, no question about the host"):
        done = demo.ssh(demo.host, "echo I am $(whoami) on $(echo $SSH_CONNECTION | cut -d' ' -f3,4)")
        if done.returncode != 0:
            raise Failed(f"ssh failed: {done.stderr}")
    show.note(f"$ ssh {demo.host}\n{done.stdout}")
    refused(show, demo, "and she gets into no other account", f"nobody@{demo.host}")


def next_morning(show: Show, demo: Company) -> None:
    show.title("The next morning, or after a restart")
    demo.restart_laptop()
    with show.step("plain ssh starts the sign-in by itself, and goes on", f"ssh {demo.host}"):
        done = demo.ssh(demo.host, "echo in", at_the_browser="alice")
        if done.stdout != "in\n":
            raise Failed(f"ssh failed: {done.stderr}")
    show.note(done.stderr)


def revocation(show: Show, demo: Company) -> None:
    show.title("A lost laptop")
    before = demo.revoked()
    with show.step("an operator takes back what alice holds", 'daypass revoke alice --reason "laptop lost"'):
        demo.daypass("revoke", "alice", "--reason", "laptop lost", "--root", str(demo.ca_root))
    with show.step(f"{demo.host} has heard of it by itself"):
        demo.await_revocation(before)
    refused(show, demo, "her certificate is refused there", demo.host)


def refusals(show: Show, demo: Company) -> None:
    show.title("And what is refused")
    with show.step("alice logs out: the certificate is gone from the agent", "daypass logout"):
        demo.daypass("logout")
    refused(show, demo, "after that, ssh", demo.host)
    denied(show, demo, "bob", "bob may sign in at the provider, but no role is for him")


def roles(show: Show, demo: Company) -> None:
    show.title("A role for bob, and an answer to why")
    ca, at = ("--root", str(demo.ca_root)), f"{demo.account}@{demo.host}"
    explained(show, demo, "why is he kept out?", "bob@example.com", at, *ca, "--with", "group=contractors", code=1)
    demo.write_another_role()
    with show.step("what a new role would change, and for whom", "daypass policy diff daypass.toml"):
        done = demo.daypass("policy", "diff", str(demo.config), *ca, check=False)
    show.note(done.stdout)
    with show.step("it is put in force; the CA runs on", "daypass ca reload"):
        done = demo.daypass("ca", "reload", *ca)
    show.note(done.stdout)
    with show.step(f"{demo.host} has heard of it by itself"):
        demo.await_principal("contractors")
    with show.step("bob asks for that role alone", "daypass login --role contractors    (as bob)"):
        done = demo.sign_in("bob", "--role", "contractors")
    show.note(done.stderr or done.stdout)
    with show.step(f"ssh {demo.host} does the one thing he may do there", f"ssh {demo.host} rm -rf /"):
        done = demo.ssh(demo.host, "rm -rf /")
        if done.returncode != 0 or "load average" not in done.stdout:
            raise Failed(f"bob's role should have run uptime: {done.stdout} {done.stderr}")
    show.note(done.stdout)
    explained(show, demo, "why may he?", "bob@example.com", at, *ca, code=0)


def leaving(show: Show, demo: Company, idp: Idp) -> None:
    show.title("Somebody leaves the company")
    demo.daypass("logout")  # bob, who has shared this laptop with her
    with show.step("alice has signed in, as every day", "daypass login"):
        demo.sign_in("alice")
    before = demo.revoked()
    with show.step("the identity provider disables her, and tells the CA of it"):
        idp.disable("alice")
        demo.post_logout(idp.logout_token("alice"))
    with show.step(f"{demo.host} has heard of it by itself"):
        demo.await_revocation(before)
    refused(show, demo, "her certificate is refused there", demo.host)
    denied(show, demo, "alice", "and she gets no other")
    with show.step("the proof of it, kept", "daypass revocations list"):
        done = demo.daypass("revocations", "list", "--root", str(demo.ca_root))
    show.note(done.stdout)
    idp.enable("alice")


def explained(show: Show, demo: Company, text: str, *arguments: str, code: int) -> None:
    with show.step(text, f"daypass explain {' '.join(arguments[:2])}"):
        done = demo.daypass("explain", *arguments, check=False)
        if done.returncode != code:
            raise Failed(f"explain said {done.returncode}: {done.stdout} {done.stderr}")
    show.note(done.stdout + done.stderr)


def refused(show: Show, demo: Company, text: str, target: str) -> None:
    with show.step(text, f"ssh {target}"):
        done = demo.ssh(target, "true")
        if done.returncode != 255 or "Permission denied" not in done.stderr:
            raise Failed(f"ssh {target} should have been refused: {done.returncode} {done.stderr}")
    show.note(done.stderr.strip().splitlines()[-1])


def denied(show: Show, demo: Company, person: str, text: str) -> None:
    with show.step(text, f"daypass login    (as {person})"):
        done = demo.sign_in(person, "--force", check=False)
        if done.returncode == 0:
            raise Failed(f"{person} should not have been let in")
    show.note("\n".join(line for line in done.stderr.splitlines() if line.startswith("daypass: ")))


def has_display() -> bool:
    if not sys.stdin.isatty() or not (sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)):
        return False
    try:
        return not isinstance(webbrowser.get(), webbrowser.GenericBrowser)
    except webbrowser.Error:
        return False


def sign_in_really(demo: Company) -> subprocess.CompletedProcess[str]:
    """The person's own browser and time; what daypass says goes straight to the terminal."""
    argv = [sys.executable, "-m", "daypass.cli.main", "login"]
    display = {name: value for name, value in os.environ.items() if name.startswith("XDG_") or name == "HOME"}
    env = demo.env | display | {"DAYPASS_HOME": demo.env["DAYPASS_HOME"]}
    done = subprocess.run(argv, env=env, text=True, check=False)
    if done.returncode != 0:
        raise Failed("the sign-in did not come through")
    return subprocess.CompletedProcess(argv, 0, "", "")


def what_to_type(demo: Company) -> str:
    daypass = Path(sys.executable).with_name("daypass")
    home = demo.env["DAYPASS_HOME"]
    return f"""
It goes on running. In another terminal:

  export DAYPASS_HOME={home}
  {daypass} login          # people: alice, bob, carol; the password is the name
  {daypass} status
  ssh -F {demo.ssh_config} {demo.host}
  {daypass} ledger verify --root {demo.ca_root}

Press Ctrl-C here to end it all."""


def need_openssh() -> None:
    """OpenSSH where it is missing and we may; otherwise the name of the package."""
    missing = [program for program in PROGRAMS if not _is_there(program)]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing openssh-server and openssh-client (apt-get) …", flush=True)  # noqa: T201
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=env, **quiet)  # type: ignore[call-overload]
        command = ["apt-get", "install", "-y", "-qq", "openssh-server", "openssh-client"]
        subprocess.run(command, check=False, env=env, **quiet)  # type: ignore[call-overload]
        missing = [program for program in PROGRAMS if not _is_there(program)]
    if missing:
        raise Failed(f"{', '.join(missing)} is missing; on Debian and Ubuntu: apt-get install openssh-server")


def _is_there(program: str) -> bool:
    try:
        find(program)
    except DaypassError:
        return False
    return True


def run(keep: bool, home: Path) -> None:
    show = Show()
    print(f"daypass demo: a whole company in {home}")  # noqa: T201
    with run_idp() as idp:
        demo = Company(home, idp)
        try:
            parts: list[Callable[[Show, Company], None]] = [
                set_up,
                main_job,
                next_morning,
                revocation,
                refusals,
                roles,
                partial(leaving, idp=idp),
            ]
            for part in parts:
                part(show, demo)
            show.end()
            if keep:
                print(what_to_type(demo), flush=True)  # noqa: T201
                while True:
                    time.sleep(3600)
        finally:
            demo.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running (make demo KEEP=1)")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends the demo, it tidies up
    try:
        need_openssh()
        with tempfile.TemporaryDirectory(prefix="daypass-demo-") as home:
            run(keep, Path(home))
    except KeyboardInterrupt:
        return 0 if keep else 130
    except (Failed, DaypassError) as error:
        hint = getattr(error, "hint", None)
        sys.stderr.write(f"\ndemo: {error}\n" + (f"hint: {hint}\n" if hint else ""))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
