"""A code that the person types on another device, and the page where they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from daypass.errors import Misconfigured

__all__ = ["Code", "say_code"]

_PAGE = re.compile(r"(https://|http://(127\.0\.0\.1|localhost)[:/])[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]{1,500}")
_CODE = re.compile(r"[!-~]{1,64}(?: [!-~]{1,64})?")


@dataclass(frozen=True, slots=True)
class Code:
    """What is shown on the terminal. `machine` and `fingerprint` stand on the page too, so that the person can
    compare; they are empty where the page shows neither. Raises Misconfigured for what no terminal should show.
    """

    page: str
    code: str
    minutes: int
    machine: str = ""
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not (_PAGE.fullmatch(self.page) and _CODE.fullmatch(self.code)):
            raise Misconfigured(
                "what was sent for the sign-in on another device is no page and code",
                code="device.answer",
                hint="tell the CA's operator",
            )


def say_code(code: Code, say: Callable[[str], None]) -> None:
    """In plain lines, for where nothing better is known."""
    say(f"on a device with a browser, open {code.page}")
    say(f"and type the code {code.code} (good for {code.minutes} min)")
    if code.fingerprint:
        say("go on there only if the page shows the same")
        say(f"  machine  {code.machine}")
        say(f"  key      {code.fingerprint}")
