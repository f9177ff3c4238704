"""`daypass host status`: what a server has, and whether anything of it needs looking after."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.exits import Exit
from daypass.cli.host_options import host_paths, json_option, root_option
from daypass.cli.host_word import told, word
from daypass.cli.output import data, duration, json_data, moment, note, printable, show_hint, utc

if TYPE_CHECKING:
    from daypass.host.settings import Paths
    from daypass.host.state import State

__all__ = ["state_facts", "status"]


@click.command(
    epilog="""\b
Examples:
  sudo daypass host status
  sudo daypass host status --json

Exit code 0: enrolled, every certificate is valid, and nothing needs looking after. 1: something does: the CA has been
silent for a day or refuses this host, a renewal is late, daypass-host.service is there and does not run, certificates
are refused, this machine is a copy of another."""
)
@root_option
@json_option
@click.pass_context
def status(context: click.Context, root: Path, as_json: bool) -> None:
    """Show this server's name, and when its certificates end."""
    from daypass.host.state import State
    from daypass.host.worries import worries

    paths = host_paths(root)
    state = State.load(paths.state)
    found = worries(paths, state, time.time()) if state is not None else []
    valid = state is not None and _is_valid(state)
    runs = _service_runs(paths)
    well = valid and runs is not False and not any(each.to_be_acted_on for each in found)
    if as_json:
        more = {"service_runs": runs, "worries": [{"level": each.level.name, "text": each.text} for each in found]}
        facts = {**state_facts(state), **word(state, paths), **more} if state else {}
        json_data({"enrolled": state is not None, "valid": valid, **facts})
    elif state is None:
        data("this machine is not enrolled")
        show_hint("make a token on the CA machine: daypass token host NAME; then here: daypass host enroll")
    else:
        _show_state(state)
        for line in told(state, paths, time.time()):
            data(line)
        if runs is not None:
            how = "runs" if runs else "does NOT run: systemctl status daypass-host"
            data(f"daypass-host.service {how}")
        for each in found:
            note(f"daypass: {each.level.name.lower()}: {printable(each.text)}")
            if each.hint:
                show_hint(each.hint)
    context.exit(Exit.OK if well else Exit.NO)


def _service_runs(paths: Paths) -> bool | None:
    """None where it is not installed: something else calls host sync."""
    from daypass.host import service

    return service.is_active(paths) if service.path(paths).is_file() else None


def _show_state(state: State) -> None:
    now = time.time()
    left = f"{duration(state.expires - now)} left" if state.expires > now else "EXPIRED"
    data(f"{state.name}  ({state.host_id} at {state.url})")
    data(f"certificates until {moment(state.expires)}, {left}")
    for each in state.certificates:
        data(f"  {each.path}  serial {each.serial}{'' if Path(each.path).is_file() else '  MISSING'}")
    data(f"bundle {state.bundle_version} until {moment(state.bundle_expires)}")


def state_facts(state: State) -> dict[str, object]:
    return {
        "name": state.name, "host_id": state.host_id, "ca": state.url, "expires": utc(state.expires),
        "certificates": [{"path": c.path, "serial": c.serial, "expires": utc(c.expires)} for c in state.certificates],
        "trust_version": state.trust_version, "bundle_version": state.bundle_version,
        "bundle_expires": utc(state.bundle_expires), "krl_version": state.krl_version,
    }  # fmt: skip


def _is_valid(state: State) -> bool:
    return state.expires > time.time() and all(Path(each.path).is_file() for each in state.certificates)
