"""`daypass revoke`: a certificate of one's own, a host's by its key, or as an operator anybody's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.ending_options import ending_options
from daypass.cli.files_asked import opened
from daypass.cli.files_pin import Named, choose, with_ca
from daypass.cli.options import with_settings
from daypass.cli.output import data, duration, good, json_data, moment, note, printable, show_hint, utc
from daypass.cli.proof import wait_options
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.api import MyCertificate
    from daypass.client.settings import Settings

__all__ = ["revoke", "show_mine"]

_MAX_SERIAL = 2**64 - 1
_NOBODY_NAMED = (
    "--remote, --config, --json, --dry-run and --wait are for operators, who name what is to end: "
    "PERSON, --serial, --key, --host, --signin or --role"
)


@click.command(
    epilog="""\b
Examples:
  daypass revoke                               which there are of one's own
  daypass revoke 7302841934512128 --reason "left the laptop on a train"
  daypass revoke --sshpop-cert key-cert.pub --sshpop-key key
As an operator:
  daypass revoke alice --reason "laptop lost" --wait
  daypass revoke --key ~/found.pub --dry-run
  daypass revoke --role db-admin --person alice --reason "no longer on call"
  daypass revoke --host web-1.example.com --reason "broken into"

Your day pass speaks for you, so sign in first; you give up what is yours and nothing else. If it is the day pass
itself, it is taken out of the agent as well. A host gives up its own with --sshpop-cert and --sshpop-key. An operator
(capability revoke) takes back anybody's: on the CA's machine by its socket, elsewhere by a sign-in for exactly that.
Hosts refuse what was revoked within seconds, and end its open sessions."""
)
@click.argument("what", metavar="[SERIAL|PERSON]", required=False)
@ending_options
@wait_options
@click.option("--reasonCode", "reason_code", type=click.IntRange(0, 10), default=0, hidden=True)
@click.option("--sshpop-cert", metavar="FILE", help="A host's certificate, to be given up by its own key.")
@click.option("--sshpop-key", metavar="FILE", help="The private key of that certificate.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="The passphrase of --sshpop-key."
)
@click.option(
    "--serial", "serials", multiple=True, metavar="SERIAL", help="As an operator: anybody's; may be repeated."
)
@click.option("--key", default="", metavar="FILE|SHA256:…", help="As an operator: all certificates of this key.")
@click.option("--host", default="", metavar="NAME", help="As an operator: all certificates of this host.")
@click.option("--signin", default="", metavar="ID", help="As an operator: all that came of this sign-in.")
@click.option("--role", default="", metavar="NAME", help="As an operator: all certificates with this role.")
@click.option("--person", default="", metavar="PERSON", help="With --role: this person's alone.")
@click.option("--remote", is_flag=True, help="As an operator: sign in for it, even on the CA's own machine.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="As an operator: the CA's, on its own machine."
)
@click.option("--json", "as_json", is_flag=True, help="As an operator: answer in JSON.")
@with_ca
@with_settings
def revoke(
    what: str | None, reason: str, dry_run: bool, yes: bool, wait: int | None, reason_code: int,
    sshpop_cert: str | None, sshpop_key: str | None, password_file: Path | None, serials: tuple[str, ...],
    key: str, host: str, signin: str, role: str, person: str, remote: bool, config: Path | None, as_json: bool,
    ca_url: str | None, fingerprint: str | None, root_cert: Path | None, settings: Settings,
) -> int:  # fmt: skip
    """Take certificates back: SERIAL, one of your own; or as an operator all of a PERSON.

    Without anything: list your own.
    """
    if bool(sshpop_cert) != bool(sshpop_key):
        raise click.UsageError("--sshpop-cert and --sshpop-key belong together")
    mine = what if what is not None and _is_number(what) else None
    named = [bool(each) for each in (serials, key, host, signin, role, what is not None and mine is None)]
    if any(named):
        if sum(named) != 1 or mine is not None or sshpop_cert:
            raise click.UsageError("name one: a certificate of your own, or as an operator a person, a key …")
        if person and not role:
            raise click.UsageError("--person goes with --role")
        from daypass.api import RevokeRequest
        from daypass.cli.admin_revoke import key_of, revoke_any

        asked = RevokeRequest(
            person=what or person, serials=[_serial(each) for each in serials], key=key_of(key), host=host,
            signin=signin, role=role, reason=reason, dry_run=dry_run, wait=0 if dry_run else wait or 0,
        )  # fmt: skip
        return revoke_any(settings, asked, config=config, remote=remote, as_json=as_json, yes=yes)
    if remote or config or as_json or dry_run or person or wait:
        raise click.UsageError(
            _NOBODY_NAMED if not person else "--person goes with --role; all of theirs: daypass revoke PERSON"
        )
    wanted = _serial(mine) if mine is not None else None
    if sshpop_cert and sshpop_key:
        pinned = Named(ca_url, fingerprint, root_cert)
        return _revoke_host(
            settings, pinned, sshpop_cert, Path(sshpop_key), password_file, wanted, (reason, reason_code)
        )
    if ca_url or fingerprint or root_cert:
        raise click.UsageError("your own certificates are at your company's CA: --context says which")
    if wanted is None:
        show_mine(settings, as_json=False)
        show_hint("name one: daypass revoke SERIAL")
        return 2
    return _revoke_mine(settings, wanted, reason)


def show_mine(settings: Settings, *, as_json: bool) -> None:
    """One's own certificates that have not expired, as the CA has them on record."""
    from daypass.client import mine

    found, now = mine.certificates(settings), time.time()
    if as_json:
        json_data([_fields(each) for each in found])
        return
    for each in found:
        state = f"revoked {moment(each.revoked_at)}" if each.revoked_at else _until(each, now)
        data(f"{each.serial}  {printable(each.key_id)}  {state}")


def _revoke_mine(settings: Settings, serial: int, reason: str) -> int:
    from daypass.client import mine

    _, was_pass = mine.revoke(settings, serial, reason)
    note(f"{good('revoked')} {serial}{'; it was your day pass, which is out of the agent now' if was_pass else ''}")
    return 0


def _revoke_host(
    settings: Settings, named: Named, cert: str, key: Path, password_file: Path | None, wanted: int | None,
    why: tuple[str, int],
) -> int:  # fmt: skip
    from daypass.client.files import hostcerts, keyfiles
    from daypass.client.files.sshfile import only_certificate
    from daypass.wire import Certificate, PublicKey

    certificate = Certificate.parse(only_certificate(cert).blob)
    if wanted not in (None, certificate.serial):
        raise Invalid(f"{cert} has the serial {certificate.serial}, and not {wanted}", code="serial")
    hostcerts.check_kind(certificate)
    private, _ = opened(key, password_file, keyfiles.load)
    hostcerts.check_mine(certificate, PublicKey.from_cryptography(private.public_key()), time.time())
    hostcerts.revoke(choose(settings, named), certificate, private, *why)
    note(f"{good('revoked')} {certificate.serial} ({printable(', '.join(certificate.principals))})")
    return 0


def _is_number(text: str) -> bool:
    """Whether it is meant as a serial: no login name begins with a digit."""
    return text[:1].isdigit() or text[:2] == "-1"


def _serial(text: str) -> int:
    try:
        serial = int(text, 0)
    except ValueError:
        serial = 0
    if not 1 <= serial <= _MAX_SERIAL:
        hint = "daypass revoke without one lists your own; daypass inspect shows a certificate's"
        raise Invalid(f"{printable(text[:40])} is no serial number", code="serial", hint=hint)
    return serial


def _until(each: MyCertificate, now: float) -> str:
    return f"until {moment(each.valid_before)} ({duration(each.valid_before - now)} left)"


def _fields(each: MyCertificate) -> dict[str, object]:
    return {
        "serial": each.serial,
        "key_id": each.key_id,
        "principals": each.principals,
        "valid_after": utc(each.valid_after),
        "valid_before": utc(each.valid_before),
        "revoked_at": utc(each.revoked_at) if each.revoked_at else None,
    }
