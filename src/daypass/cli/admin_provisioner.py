"""`daypass ca provisioner`: every way in that the CA has, and how well each stands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import json_option
from daypass.cli.administration import Administration, administering
from daypass.cli.exits import Exit
from daypass.cli.output import data, good, json_data, note, printable, warn
from daypass.cli.provisioner_key import key

if TYPE_CHECKING:
    from daypass.api import ProvisionerLine, ProvisionerTest

__all__ = ["provisioner"]


@click.group(
    epilog="""\b
Examples:
  sudo daypass ca provisioner list
  sudo daypass ca provisioner test corp

A provisioner answers who somebody is; roles say what they get. Operators need the capability audit."""
)
def provisioner() -> None:
    """Every way in: list them, try one, make a key for one."""


provisioner.add_command(key)


@provisioner.command(
    "list",
    epilog="""\b
Examples:
  sudo daypass ca provisioner list
  daypass ca provisioner list --remote --json | jq -r '.provisioners[].name'""",
)
@administering
@json_option
def list_(ca: Administration, as_json: bool) -> None:
    """List the ways in, whom each is for, and whose word it takes."""
    from daypass.api import ProvisionerList, ProvisionerListRequest

    found = ca.call("provisioner_list", ProvisionerListRequest(), ProvisionerList, "list the ways in").provisioners
    if as_json:
        json_data({"provisioners": [_fields(each) for each in found]})
        return
    names, types = max(len(each.name) for each in found), max(len(each.type) for each in found)
    for each in found:
        serves = " and ".join(each.serves) or "nobody"
        data(printable(f"{each.name:<{names}}  {each.type:<{types}}  {serves:<16}  {each.source}".rstrip()))


@provisioner.command(
    epilog="""\b
Examples:
  sudo daypass ca provisioner test corp
  sudo daypass ca provisioner test corp --json | jq .findings

\b
Nobody is signed in, and nothing is changed. The process of the CA that
answers is the one that tries.
Exit code: 0 all is well, 1 something is not."""
)
@click.argument("name")
@administering
@json_option
def test(ca: Administration, name: str, as_json: bool) -> None:
    """Try what the provisioner NAME depends on, and say what was seen."""
    from daypass.api import ProvisionerTest, ProvisionerTestRequest

    tried = ca.call("provisioner_test", ProvisionerTestRequest(name=name), ProvisionerTest, f"try provisioner {name}")
    if as_json:
        findings = [{"ok": each.ok, "what": each.what, "hint": each.hint} for each in tried.findings]
        about = _fields(tried.provisioner)
        json_data({"provisioner": about, "ok": tried.ok, "findings": findings, "register": tried.register})
    else:
        _tell(tried)
    if not tried.ok:
        raise click.exceptions.Exit(Exit.NO)


def _tell(tried: ProvisionerTest) -> None:
    for each in tried.findings:
        mark = good("ok     ", sys.stdout) if each.ok else warn("problem", sys.stdout)
        data(f"{mark}  {printable(each.what)}")
        if each.hint:
            data(f"{'':9}→ {printable(each.hint)}")
    for address in tried.register:
        note(printable(f"redirect address to register there: {address}"))
    problems = sum(not each.ok for each in tried.findings)
    note(good("all is well") if tried.ok else f"{problems} problem(s) found")


def _fields(line: ProvisionerLine) -> dict[str, object]:
    return {"name": line.name, "type": line.type, "serves": line.serves, "source": line.source}
