"""`daypass check-host`: whether a host has enrolled, asked of what this laptop has. No click: ssh may run it."""

from __future__ import annotations

import os

from daypass.cli.output import data, note, printable
from daypass.client import names, place

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check", "check_host"]


def check_host(arguments: Sequence[str]) -> int | None:
    """`daypass check-host HOST [--verbose] [--context NAME] [--root DIR]`; None for anything else."""
    rest, hosts, given, verbose = list(arguments), list[str](), {"--root": "", "--context": ""}, False
    while rest:
        word = rest.pop(0)
        if word in given and rest:
            given[word] = rest.pop(0)
        elif word in ("--verbose", "-v"):
            verbose = True
        elif word.startswith("-"):
            return None
        else:
            hosts.append(word)
    if len(hosts) != 1:
        return None
    return check(hosts[0], given["--root"], given["--context"], verbose=verbose)


def check(host: str, root: str, context: str, *, verbose: bool) -> int:
    home = place.home(root, os.environ)
    wanted = context or os.environ.get("DAYPASS_CONTEXT", "")
    candidates = names.companies(home, wanted)
    found = [each for each in names.known(home, candidates) if each.has(host)]
    data("true" if found else "false")
    if verbose:
        note(_why(printable(host), [each.company for each in found], candidates))
    return 0 if found else 1


def _why(host: str, found: list[str], candidates: list[str]) -> str:
    if found:
        return f"{host} is enrolled at {', '.join(found)}"
    if not candidates:
        return "no company joined"
    return f"{host} is not among the hosts that have enrolled at {', '.join(candidates)}, as far as this laptop knows"
