"""`daypass revoke`: give up a certificate of one's own, or a host's by its key."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.files_asked import opened
from daypass.cli.files_pin import Named, choose, with_ca
from daypass.cli.options import with_settings
from daypass.cli.output import data, duration, good, json_data, moment, note, printable, show_hint, utc
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.api import MyCertificate
    from daypass.client.settings import Settings

__all__ = ["revoke", "show_mine"]

_MAX_SERIAL = 2**64 - 1


@click.command(
    epilog="""\b
Examples:
  daypass revoke                               which there are
  daypass revoke 7302841934512128 --reason "left the laptop on a train"
  daypass revoke --sshpop-cert key-cert.pub --sshpop-key key
  daypass revoke --serial 7302841934512128 --reason "key leaked"
  daypass revoke --user alice --reason "laptop lost"
  daypass revoke --host web-1.example.com --reason "broken into"

Your day pass speaks for you, so sign in first; you give up what is yours and nothing else. If it is the day pass
itself, it is taken out of the agent as well. Servers hear of it within seconds, or when they next ask. A host gives
up its own with --sshpop-cert and --sshpop-key. An operator (capability revoke) takes back anybody's with --serial,
--host or --user: on the CA's machine by its socket, elsewhere by a sign-in for exactly that."""
)
@click.argument("mine", metavar="[SERIAL]", required=False)
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept in the CA's record.")
@click.option("--reasonCode", "reason_code", type=click.IntRange(0, 10), default=0, hidden=True)
@click.option("--sshpop-cert", metavar="FILE", help="A host's certificate, to be given up by its own key.")
@click.option("--sshpop-key", metavar="FILE", help="The private key of that certificate.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="The passphrase of --sshpop-key."
)
@click.option(
    "--serial", "serials", multiple=True, metavar="SERIAL", help="As an operator: anybody's; may be repeated."
)
@click.option("--host", default="", metavar="NAME", help="As an operator: all certificates of this host.")
@click.option("--user", default="", metavar="PERSON", help="As an operator: all that this person holds.")
@click.option("--remote", is_flag=True, help="As an operator: sign in for it, even on the CA's own machine.")
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="As an operator: the CA's, on its own machine."
)
@click.option("--json", "as_json", is_flag=True, help="As an operator: answer in JSON.")
@with_ca
@with_settings
def revoke(
    mine: str | None, reason: str, reason_code: int, sshpop_cert: str | None, sshpop_key: str | None,
    password_file: Path | None, serials: tuple[str, ...], host: str, user: str, remote: bool, config: Path | None,
    as_json: bool,
    ca_url: str | None, fingerprint: str | None, root_cert: Path | None, settings: Settings,
) -> int:  # fmt: skip
    """Revoke the certificate SERIAL, one of your own. Without SERIAL: list them."""
    if bool(sshpop_cert) != bool(sshpop_key):
        raise click.UsageError("--sshpop-cert and --sshpop-key belong together")
    if serials or host or user:
        if mine is not None or sshpop_cert:
            raise click.UsageError("one's own, or as an operator: not both at once")
        from daypass.api import RevokeRequest
        from daypass.cli.admin_revoke import revoke_any

        asked = RevokeRequest(serials=[_serial(each) for each in serials], host=host, user=user, reason=reason)
        return revoke_any(settings, asked, config=config, remote=remote, as_json=as_json)
    if remote or config or as_json:
        raise click.UsageError("--remote, --config and --json go with --serial, --host or --user")
    wanted = _serial(mine) if mine is not None else None
    if sshpop_cert and sshpop_key:
        named = Named(ca_url, fingerprint, root_cert)
        return _revoke_host(
            settings, named, sshpop_cert, Path(sshpop_key), password_file, wanted, (reason, reason_code)
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
