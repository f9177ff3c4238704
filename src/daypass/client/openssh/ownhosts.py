"""Names that a person's own ssh configuration leads elsewhere: `Host web-1` with a `HostName`.

A short name of the company's may be one that somebody has used for years, for another machine or for one that DNS
does not know. It stays theirs. Looked for in the file itself, in `Host` blocks; what is included there is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from daypass.client.settings import Settings

__all__ = ["aliases"]

_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*")
_MAX_BYTES = 1024 * 1024


def aliases(settings: Settings) -> Mapping[str, str]:
    """Name in a `Host` line -> the first HostName that it is given, both in lower case."""
    try:
        with (settings.ssh_folder / "config").open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for name, hostname in _pairs(text):
        found.setdefault(name, hostname)
    return found


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    names: list[str] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        keyword, value = (match[1].lower(), match[2].replace('"', "").lower()) if match else ("", "")
        words = value.partition("#")[0].split()
        if keyword in ("host", "match"):
            names = [each for each in words if not set("*?!") & set(each)] if keyword == "host" else []
        elif keyword == "hostname" and words:
            yield from ((name, words[0].replace("%h", name)) for name in names)
