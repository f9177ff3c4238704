"""`daypass inspect` and `fingerprint`: what is in a key's or a certificate's file."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from daypass.cli.output import data, duration, json_data, moment, note, printable, utc

if TYPE_CHECKING:
    from daypass.client.files.shown import ShownCertificate, ShownKey
    from daypass.client.files.sshfile import Entry

__all__ = ["fingerprint", "inspect"]

_FOREVER = 2**64 - 1
_MAX_TIME = 253402300799  # the end of the year 9999, the last that has four digits
_FORMATS: dict[str, Callable[[bytes], str]] = {  # step's names for them
    "hex": bytes.hex,
    "base64": lambda digest: b64encode(digest).decode(),
    "base64-url": lambda digest: urlsafe_b64encode(digest).decode(),
    "base64-raw": lambda digest: b64encode(digest).decode().rstrip("="),
    "base64-url-raw": lambda digest: urlsafe_b64encode(digest).decode().rstrip("="),
}
_USER_OPTIONS = ("force-command", "source-address", "verify-required")


@click.command(
    epilog="""\b
Examples:
  daypass inspect ~/.ssh/id_ed25519-cert.pub
  daypass inspect --format json id-cert.pub | jq -r .valid_before
  ssh-keyscan web-1 2>/dev/null | daypass inspect -

Reads certificates, public keys, known_hosts and authorized_keys, and the public half of an OpenSSH private key. It
shows what is written there, and says where sshd would refuse it; whom the certificate's signer speaks for is not
asked. JSON is one object for one key, else a list of them."""
)
@click.argument("file", default="-")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def inspect(file: str, form: str) -> int:
    """Show what a certificate or key says. FILE is - for standard input."""
    from daypass.client.files.sshfile import entries

    found, now = entries(file), time.time()
    if form == "json":
        shown = [_fields(each, now) for each in found]
        json_data(shown[0] if len(shown) == 1 else shown)
        return 0
    for each in found:
        where = "(stdin)" if file == "-" else printable(file)
        data(f"{where}:{each.line}:" if file == "-" or len(found) > 1 else f"{where}:")
        for line in _lines(each, now):
            data(f"        {line}")
        for problem in _problems(each.key, now):
            note(f"daypass: note: {problem}")
    return 0


@click.command(
    epilog="""\b
Examples:
  daypass fingerprint ~/.ssh/id_ed25519.pub
  daypass fingerprint id-cert.pub                  of the key in it
  daypass fingerprint --certificate id-cert.pub    of this very certificate
  daypass fingerprint --json known_hosts | jq -r '.[].fingerprint'"""
)
@click.argument("file", default="-")
@click.option("--certificate", "whole", is_flag=True, help="Of the whole certificate, not of the key in it.")
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="base64-raw", help="How to write it.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects, one for each key.")
def fingerprint(file: str, whole: bool, form: str, as_json: bool) -> int:
    """Print the fingerprints of the keys in FILE, as ssh-keygen -l does. FILE is - for standard input."""
    from daypass.client.files.sshfile import entries

    found = entries(file)
    if as_json:
        json_data([_print_fields(each, whole, form) for each in found])
    else:
        for each in found:
            data(_print_line(each, whole, form))
    return 0


def _print_line(entry: Entry, whole: bool, form: str) -> str:
    key = entry.key
    comment = printable(entry.comment or _hosts(entry) or "no comment")
    return f"{key.bits} {_written(entry, whole, form)} {comment} ({key.name})"


def _print_fields(entry: Entry, whole: bool, form: str) -> dict[str, object]:
    key = entry.key
    return {
        "fingerprint": _written(entry, whole, form),
        "bits": key.bits,
        "key_type": key.type,
        "comment": entry.comment,
    }


def _written(entry: Entry, whole: bool, form: str) -> str:
    """`SHA256:…`, in the writing asked for."""
    name, _, text = (entry.key.whole_fingerprint if whole else entry.key.fingerprint).partition(":")
    return f"{name}:{_FORMATS[form](b64decode(text + '='))}"


def _hosts(entry: Entry) -> str:
    """known_hosts' names, if that is what stands before the key."""
    words = entry.before.split()
    return words[-1] if words and not any(each in entry.before for each in ('"', "=")) else ""


def _lines(entry: Entry, now: float) -> list[str]:
    key, certificate = entry.key, entry.key.certificate
    lines = _certificate_lines(key, certificate, now) if certificate else [
        f"Type: {key.type} public key",
        f"Public key: {key.name} {key.fingerprint}",
        f"Size: {key.bits} bits",
    ]  # fmt: skip
    if entry.before:
        lines.append(f"Before it: {printable(entry.before)}")
    if entry.comment and not certificate:
        lines.append(f"Comment: {printable(entry.comment)}")
    return lines


def _certificate_lines(key: ShownKey, certificate: ShownCertificate, now: float) -> list[str]:
    signer = certificate.signer
    algorithm = printable(certificate.signature_algorithm)
    return [
        f"Type: {key.type} {certificate.kind} certificate",
        f"Public key: {key.name} {key.fingerprint}",
        f"Signing CA: {signer.name} {signer.fingerprint} (using {algorithm})",
        f'Key ID: "{printable(certificate.key_id)}"',
        f"Serial: {certificate.serial}",
        f"Valid: {_validity(certificate, now)}",
        *_block("Principals", [printable(each) for each in certificate.principals]),
        *_block("Critical Options", [_option(*each) for each in certificate.critical_options]),
        *_block("Extensions", [_option(*each) for each in certificate.extensions]),
    ]


def _block(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"        {line}" for line in lines)] if lines else [f"{title}: (none)"]


def _option(name: str, value: str | None) -> str:
    return printable(name if value is None else f"{name} {value}")


def _validity(certificate: ShownCertificate, now: float) -> str:
    start, end = certificate.valid_after, certificate.valid_before
    span = " ".join(
        [*([f"from {_moment(start)}"] if start else []), *([f"to {_moment(end)}"] if end != _FOREVER else [])]
    )
    if now < start:
        return f"{span} (NOT YET VALID{_distance(', in ', start - now)})"
    if now >= end:
        return f"{span} (EXPIRED{_distance(' ', now - end, ' ago')})"
    left = f" ({duration(end - now)} left)" if end <= _MAX_TIME else ""
    return (span or "forever") + left


def _moment(when: int) -> str:
    return moment(when) if when <= _MAX_TIME else "a time that has no date"


def _distance(before: str, seconds: float, behind: str = "") -> str:
    return f"{before}{duration(seconds)}{behind}" if seconds <= _MAX_TIME else ""


def _problems(key: ShownKey, now: float) -> list[str]:
    """Why sshd, or ssh, would not take it."""
    certificate = key.certificate
    if certificate is None:
        return []
    found = []
    if now >= certificate.valid_before:
        found.append("this certificate has expired")
    if now < certificate.valid_after:
        found.append("this certificate is not valid yet")
    if certificate.kind == "user" and not certificate.principals:
        found.append("it names no principal, so sshd takes it for nobody")
    known = _USER_OPTIONS if certificate.kind == "user" else ()
    unknown = [name for name, _ in certificate.critical_options if name not in known]
    if unknown:
        found.append(f"unknown critical options, for which it is refused: {printable(', '.join(unknown))}")
    return found + _signature_problems(key)


def _signature_problems(key: ShownKey) -> list[str]:
    from daypass.errors import Invalid
    from daypass.wire import Certificate

    try:
        certificate = Certificate.parse(key.blob, strict=False)
    except Invalid as error:
        return [f"its signature was not checked: {printable(error.message)}"]
    try:
        certificate.verify_signature()
    except Invalid:
        return ["its signature does not hold: it was changed, or never signed"]
    return []


def _fields(entry: Entry, now: float) -> dict[str, object]:
    key, certificate = entry.key, entry.key.certificate
    fields: dict[str, object] = {
        "type": f"{certificate.kind} certificate" if certificate else "public key",
        "key_type": key.type,
        "bits": key.bits,
        "fingerprint": key.fingerprint,
        "before": entry.before,
        "comment": entry.comment,
    }
    return fields | (_certificate_fields(key, certificate, now) if certificate else {})


def _certificate_fields(key: ShownKey, certificate: ShownCertificate, now: float) -> dict[str, object]:
    inside = certificate.valid_after <= now < certificate.valid_before
    state = "valid" if inside else "expired" if now >= certificate.valid_before else "not-yet-valid"
    return {
        "certificate_fingerprint": key.whole_fingerprint,
        "ca_fingerprint": certificate.signer.fingerprint,
        "ca_key_type": certificate.signer.type,
        "signature_algorithm": certificate.signature_algorithm,
        "key_id": certificate.key_id,
        "serial": certificate.serial,
        "principals": certificate.principals,
        "valid_after": _utc(certificate.valid_after),
        "valid_before": _utc(certificate.valid_before),
        "validity": state,
        "critical_options": dict(certificate.critical_options),
        "extensions": dict(certificate.extensions),
        "problems": _problems(key, now),
    }


def _utc(when: int) -> str | None:
    """None for what has no date: forever, above all."""
    return utc(when) if when <= _MAX_TIME else None
