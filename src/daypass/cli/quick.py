"""Commands a shell prompt may run: no click, no network, no cryptography."""

# pathlib costs as much as all the rest of `daypass status`.
# ruff: noqa: PTH118

from __future__ import annotations

import os
import sys
import time

from daypass.cli.output import bold, data, duration, good, json_data, moment, note, printable, utc
from daypass.client import glance, place, rolefiles

TYPE_CHECKING = False  # importing typing for it would cost more than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.client.glance import Glance

__all__ = ["show_status", "status"]


def status(arguments: Sequence[str]) -> int | None:
    """`daypass status [--json] [--context NAME] [--root DIR]`; None for anything else: click explains it better."""
    rest, root, context, as_json = list(arguments), "", "", False
    while rest:
        word = rest.pop(0)
        if word == "--json":
            as_json = True
        elif word == "--root" and rest:
            root = rest.pop(0)
        elif word == "--context" and rest:
            context = rest.pop(0)
        else:
            return None
    return show_status(root, context, as_json)


def show_status(root: str, context: str, as_json: bool) -> int:
    """0 with a valid certificate whose key the agent has, else 1."""
    now = time.time()
    home = place.home(root, os.environ)
    in_use = os.environ.get("DAYPASS_CONTEXT", "")
    wanted = context or in_use
    company = place.current_name(home, wanted)
    folder = os.path.join(home, "contexts", company) if company else ""
    found = glance.look(folder) if folder else None
    roles = rolefiles.look(folder, now) if folder else {}
    if as_json:
        json_data(_fields(company, found, now) | {"roles": _role_fields(roles, now)})
    else:
        elsewhere = company is not None and company != place.current_name(home, in_use)
        login = f"daypass login --context {company}" if elsewhere else "daypass login"
        if company is None or found is None:
            _show_nothing(company, wanted, login)
        else:
            _show(company, found, now, login)
        _show_roles(roles, now, login)
    return 0 if found is not None and found.is_valid(now) else 1


def _show(company: str, found: Glance, now: float, login: str) -> None:
    if not found.is_valid(now):
        note(_why_not(found, now, login))
        return
    left = duration(found.valid_before - now)
    who = bold(printable(found.login), sys.stdout)
    data(f"{good('●', sys.stdout)} {who} at {company}, until {moment(found.valid_before, now)} ({left})")
    data(f"  key id      {printable(found.key_id)}")
    data(f"  principals  {printable(', '.join(found.principals))}")
    data(f"  serial      {found.serial}")
    if found.ends_soon(now):
        note(f"it ends soon; {login} gets the next one")


def _show_roles(roles: dict[str, Glance], now: float, login: str) -> None:
    """Certificates of one role alone, which ssh offers before the day pass."""
    for role, found in roles.items():
        name = bold(printable(role), sys.stdout)
        if found.is_valid(now):
            left = duration(found.valid_before - now)
            data(f"{good('●', sys.stdout)} role {name}, until {moment(found.valid_before, now)} ({left})")
        else:
            note(f"role {printable(role)}: its key is gone from the agent, or locked in it; {login} --role {role}")


def _role_fields(roles: dict[str, Glance], now: float) -> list[dict[str, object]]:
    return [{"role": role, **_certificate(found, now)} for role, found in roles.items()]


def _show_nothing(company: str | None, wanted: str, login: str) -> None:
    if company is None and wanted:
        note("no such company joined; those that are: daypass context list")
    elif company is None:
        note("no company joined; ask your operator for the line that starts: daypass bootstrap")
    else:
        note(f"not signed in at {printable(company)}; run: {printable(login)}")


def _why_not(found: Glance, now: float, login: str) -> str:
    if now >= found.valid_before:
        return f"your certificate expired {duration(now - found.valid_before)} ago; run: {login}"
    if now < found.valid_after:
        return "your certificate is not valid yet by this machine's clock; set the clock"
    return f"your certificate is here, but its key is gone from the agent, or the agent is locked; run: {login}"


def _fields(company: str | None, found: Glance | None, now: float) -> dict[str, object]:
    fields: dict[str, object] = {"valid": found is not None and found.is_valid(now), "company": company}
    return fields | (_certificate(found, now) if found is not None else {})


def _certificate(found: Glance, now: float) -> dict[str, object]:
    return {
        "login": found.login,
        "key_id": found.key_id,
        "principals": list(found.principals),
        "serial": found.serial,
        "valid_after": utc(found.valid_after),
        "valid_before": utc(found.valid_before),
        "seconds_left": max(0, int(found.valid_before - now)),
        "ends_soon": found.ends_soon(now),
        "in_agent": found.in_agent,
    }
