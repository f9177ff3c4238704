"""`daypass renew` and `rekey`: the next host certificate, by the one there is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.files_asked import opened
from daypass.cli.files_pin import Named, choose, remember, with_ca
from daypass.cli.options import with_settings
from daypass.cli.output import bold, duration, good, moment, note, printable

if TYPE_CHECKING:
    from daypass.client.settings import Settings
    from daypass.wire import Certificate
    from daypass.wire.pyca import PrivateKey

__all__ = ["rekey", "renew"]

_PASSWORD = click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="The key's passphrase is its first line."
)


@click.command(
    epilog="""\b
Examples:
  daypass renew ssh_host_ed25519_key-cert.pub ssh_host_ed25519_key
  daypass renew --out new-cert.pub key-cert.pub key
  daypass needs-renewal key-cert.pub && daypass renew key-cert.pub key

CERT is replaced in one step once the new certificate is found to be right: for the same key, from the CA's host
key, with no name more. Whatever fails, the old one stays. sshd sees the new one at its next start or reload.
A person's certificate is not renewed: sign in anew (daypass login).

On an enrolled host it asks that host's CA (as root); elsewhere your company's, or the one of --ca-url."""
)
@click.argument("cert")
@click.argument("key")
@click.option("--out", "--output-file", metavar="FILE", help="Write it there, and leave CERT as it is.")
@click.option("-f", "--force", is_flag=True, help="Replace what stands at --out.")
@_PASSWORD
@with_ca
@with_settings
def renew(
    cert: str, key: str, out: str | None, force: bool, password_file: Path | None, ca_url: str | None,
    fingerprint: str | None, root_cert: Path | None, settings: Settings,
) -> int:  # fmt: skip
    """Renew the host certificate CERT with its private key KEY."""
    from daypass.client.files import certfiles, hostcerts

    before, comment, private, _ = _mine(cert, key, password_file)
    target = Path(out) if out else Path(cert).resolve()
    certfiles.check_free([target], force=force or not out)
    made = hostcerts.renew(choose(settings, Named(ca_url, fingerprint, root_cert)), before, private)
    line = certfiles.NewFile(target, f"{made.line(comment)}\n".encode(), _mode(target))
    certfiles.write_together([line], force=force or not out)
    remember(settings, target, made)
    _tell("renewed", target, made)
    return 0


@click.command(
    epilog="""\b
Examples:
  daypass rekey --out new key-cert.pub key     new, new.pub and new-cert.pub
  daypass rekey --force key-cert.pub key       in their place

The new key is of the old one's kind, and protected by the same passphrase if there is one. All files are written,
or none; with --force the old key is gone then. The old certificate goes on being valid until it expires, or
until it is given up: daypass revoke --sshpop-cert."""
)
@click.argument("cert")
@click.argument("key")
@click.option("--out", metavar="FILE", help="Where the new key goes; its certificate to FILE-cert.pub.")
@click.option("-f", "--force", is_flag=True, help="Replace files that are there.")
@click.option("--no-password", is_flag=True, help="Leave the new key without a passphrase.")
@click.option("--insecure", is_flag=True, hidden=True, expose_value=False, help="For scripts written for step.")
@_PASSWORD
@with_ca
@with_settings
def rekey(
    cert: str, key: str, out: str | None, force: bool, no_password: bool, password_file: Path | None,
    ca_url: str | None, fingerprint: str | None, root_cert: Path | None, settings: Settings,
) -> int:  # fmt: skip
    """Make a new key and move the host certificate CERT of KEY to it."""
    from daypass.client.files import certfiles, hostcerts, keyfiles
    from daypass.client.signin.subject import signer
    from daypass.wire import PublicKey

    before, comment, private, passphrase = _mine(cert, key, password_file)
    trio = certfiles.Trio.of(out or key)
    certificate = trio.certificate if out else Path(cert)
    certfiles.check_free([trio.key, trio.public, certificate], force=force)
    new = keyfiles.generate_like(private)
    public = PublicKey.from_cryptography(new.public_key())
    pin = choose(settings, Named(ca_url, fingerprint, root_cert))
    made = hostcerts.rekey(pin, before, private, public, signer(new))
    files = [
        certfiles.NewFile(trio.key, keyfiles.encode(new, None if no_password else passphrase), 0o600),
        certfiles.NewFile(trio.public, f"{public.line(comment)}\n".encode()),
        certfiles.NewFile(certificate, f"{made.line(comment)}\n".encode()),
    ]
    certfiles.write_together(files, force=force)
    remember(settings, certificate.resolve(), made)
    _tell("wrote", trio.key, made)
    return 0


def _mine(cert: str, key: str, password_file: Path | None) -> tuple[Certificate, str, PrivateKey, bytes | None]:
    """The certificate and its comment, the key and its passphrase; found to belong together, and to be a host's."""
    from daypass.client.files import hostcerts, keyfiles
    from daypass.client.files.sshfile import entries, only_certificate
    from daypass.wire import Certificate, PublicKey

    certificate = Certificate.parse(only_certificate(cert).blob)
    comment = "".join(each for each in entries(cert)[0].comment if each.isprintable())
    hostcerts.check_kind(certificate)
    private, passphrase = opened(Path(key), password_file, keyfiles.load)
    hostcerts.check_mine(certificate, PublicKey.from_cryptography(private.public_key()), time.time())
    return certificate, comment, private, passphrase


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o644


def _tell(what: str, path: Path, made: Certificate) -> None:
    left = duration(made.valid_before - time.time())
    note(f"{good(what)} {bold(printable(str(path)))}, until {moment(made.valid_before)} ({left})")
