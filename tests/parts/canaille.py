"""canaille, an OpenID Provider in Python, as a process on loopback (idps/canaille_serve.py)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from tests.parts import visitor
from tests.parts.needs import need
from tests.parts.processes import stop

from daypass.demo import person

__all__ = ["Canaille", "run_canaille"]

_SERVE = Path(__file__).parent / "idps/canaille_serve.py"


@dataclass(frozen=True, slots=True)
class Canaille:
    """People are alice (engineers, night-shift), dave (dba) and boss, who manages them; the password is the name."""

    issuer: str
    process: subprocess.Popen[bytes]
    client_id: str = "daypass"

    def push_to(self, url: str, bearer: str, ca_file: Path) -> None:
        """Everybody now, and whatever changes from now on, by SCIM."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"PUSH {url} {bearer} {ca_file}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"PUSHED\n"

    @contextmanager
    def managing(self) -> Iterator[httpx2.Client]:
        """boss, signed in to its pages."""
        with httpx2.Client(base_url=self.issuer, follow_redirects=True, timeout=20, trust_env=False) as browser:
            visitor.at_forms(browser, "boss", f"{self.issuer}/login")
            yield browser

    def act(self, browser: httpx2.Client, page: str, **fields: str) -> None:
        """What a button on one of its pages sends."""
        form = person.read(browser.get(page))
        answer = browser.post(page, data={"csrf_token": form.fields["csrf_token"], **fields})
        assert answer.status_code == 200, answer.text


@contextmanager
def run_canaille(*redirect_uris: str) -> Iterator[Canaille]:
    """With a client that may be sent back to `redirect_uris`. It ends by itself when this process does."""
    python = need("canaille").with_name("python")
    process = subprocess.Popen(
        [python, _SERVE, *redirect_uris], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        word, _, issuer = process.stdout.readline().decode().strip().partition(" ")
        assert word == "READY", f"canaille did not start: run {python} {_SERVE} by hand to see why"
        yield Canaille(issuer, process)
    finally:
        stop(process)
