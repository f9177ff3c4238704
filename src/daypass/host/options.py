"""What may stand before a principal in a principals file (sshd(8), AUTHORIZED_KEYS FILE FORMAT), judged on the host.

Only what can't widen anything and can't be read in two ways: `restrict` first, then permits, `from="…"` and
`command="…"`, each once. sshd takes a `#` anywhere for a comment and splits the line at its last blank, so what is
not in quotes has no blank, and nothing has a `#`.
"""

from __future__ import annotations

import re

from daypass.errors import Invalid

__all__ = ["check", "strictness"]

PERMITS = frozenset({"pty", "port-forwarding", "agent-forwarding", "X11-forwarding", "user-rc"})
_MAX = 4096  # characters of one line's options
# In quotes `\"` is a quote and any other backslash itself (opt_dequote in OpenSSH's auth-options.c).
_OPTION = re.compile(r'(?P<word>[A-Za-z0-9-]+)(?:="(?P<value>(?:\\"|\\(?!")|[^"\\])+)")?(?:,|\Z)')
_NETWORKS = re.compile(r"[0-9A-Fa-f.:/]+(?:,[0-9A-Fa-f.:/]+)*")


def check(options: str) -> None:
    """Raises Invalid for anything else."""
    words = [word for word, _ in _parsed(options)]
    if not words or words[0] != "restrict" or len(set(words)) < len(words):
        raise _unfit(options)


def strictness(options: str) -> tuple[bool, bool, int]:
    """Sorts the most restrictive first: sshd goes by the first line that matches (trust 2.2)."""
    words = {word for word, _ in _parsed(options)}
    return "command" not in words, "from" not in words, len(words & PERMITS)


def _parsed(options: str) -> list[tuple[str, str | None]]:
    found, at = list[tuple[str, str | None]](), 0
    while at < len(options) <= _MAX:
        match = _OPTION.match(options, at)
        if match is None or not _known(match["word"], match["value"]):
            raise _unfit(options)
        found.append((match["word"], match["value"]))
        at = match.end()
    if not found or options.endswith(","):
        raise _unfit(options)
    return found


def _known(word: str, value: str | None) -> bool:
    if word == "from":
        return value is not None and _NETWORKS.fullmatch(value) is not None
    if word == "command":
        return value is not None and value.isprintable() and "#" not in value and value.strip() == value
    return value is None and (word == "restrict" or word in PERMITS)


def _unfit(options: str) -> Invalid:
    return Invalid(f"the host bundle has options that can't stand on a line: {options[:80]!r}", code="bundle.options")
