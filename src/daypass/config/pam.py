"""People who sign in at a PAM stack of the CA's machine: what their tables may say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from daypass.config.problem import Problem, error, quoted, warning
from daypass.config.schema import Config, PamSection
from daypass.config.values import Fault, duration_fault, path_fault, said, seconds
from daypass.model import is_host_name

__all__ = ["pam_faults"]

_SERVICE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")  # a file's name, and libpam asks for it in small letters
LEAST, MOST = 10, 600  # seconds of a conversation


def pam_faults(config: Config) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, section in enumerate(config.pam):
        path = f"pam[{index}]"
        yield from _pam(section, path)
        if (section.folder, section.service) in seen:
            yield warning(f"{path}.service", f"{quoted(section.service)} is another table's, too", "one will do")
        seen.add((section.folder, section.service))


def _pam(section: PamSection, path: str) -> Iterator[Problem]:
    if not _SERVICE.fullmatch(section.service):
        hint = "the name of a file in /etc/pam.d: small letters, digits, _ and -"
        yield error(f"{path}.service", f"{quoted(section.service)} is not a PAM service", hint)
    if section.service in ("other", "login", "sshd", "su", "sudo"):
        fault = f"{quoted(section.service)} is what something else goes by: its stack changes for other reasons"
        yield warning(f"{path}.service", fault, "a file of its own: docs/guide/pam.md")
    if section.folder:
        yield from said(f"{path}.folder", path_fault(Path(section.folder)))
    if section.email_domain and not is_host_name(section.email_domain):
        lower = section.email_domain.lower().lstrip("@")
        suggestion = f"did you mean {quoted(lower)}?" if is_host_name(lower) else ""
        yield error(f"{path}.email_domain", f"{quoted(section.email_domain)} is not a domain", suggestion)
    yield from said(f"{path}.timeout", _timeout_fault(section.timeout))


def _timeout_fault(text: str) -> Fault:
    fault = duration_fault(text)
    if fault is None and not LEAST <= (seconds(text) or 0) <= MOST:
        return f"{quoted(text)} is not how long a person takes to sign in", f'"{LEAST}s" to "{MOST // 60}m"'
    return fault
