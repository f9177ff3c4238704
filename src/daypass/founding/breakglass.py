"""Break-glass (trust 8.5): an offline key that hosts let into one account while everything else is down.

    create    the key, wherever it is to be kept: no CA is needed for it
    install   its public half and the account, in the trust document; only the offline root can sign that
    sign      a certificate for a person's own key, with nothing but the offline key; written down before it is made

Hosts take it from the trust document alone, so whoever owns the web process or the database adds none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import msgspec
from msgspec.structs import replace

from daypass.api import TrustDocument
from daypass.ca.ports import Signer
from daypass.errors import Conflict, Invalid, Misconfigured
from daypass.model import LOGIN_NAME
from daypass.trusted import BREAK_GLASS, break_glass_problem
from daypass.wire import Certificate, CertType, PublicKey

__all__ = ["LONGEST", "announced", "sign_certificate", "taken_back"]

LONGEST = 86400  # seconds that a certificate may hold for
_EXTENSIONS = (("permit-pty", ""),)


def announced(before: TrustDocument, keys: Sequence[PublicKey], account: str, *, now: int) -> TrustDocument:
    """The next trust document: with just these keys, none for none. Raises Invalid for what no host would take.

    What was revoked stays so for ever: a key that comes back must not bring back what it has signed, and hosts take
    no list of revoked certificates that says more than this document.
    """
    if keys and not LOGIN_NAME.fullmatch(account):
        raise Invalid(
            f"{account[:64]!r} can't be an account", code="break-glass.account", hint="--account breakglass"
        )
    after = replace(
        before,
        version=before.version + 1,
        issued_at=now,
        break_glass=[key.line() for key in keys],
        break_glass_account=account if keys else "",
    )
    if (problem := break_glass_problem(after)) is not None:
        raise Invalid(problem, code="break-glass.key", hint="make one of its own: daypass ca break-glass create")
    return after


def taken_back(before: TrustDocument, serials: Sequence[int], *, now: int) -> TrustDocument:
    """The next trust document, by which every list of revoked certificates names these serials, too."""
    if not before.break_glass:
        raise Conflict("no break-glass key is installed", code="break-glass.none")
    known = {number for first, last in before.break_glass_revoked for number in range(first, last + 1)}
    wanted = sorted({*known, *serials})
    if any(not 1 <= each < 2**63 for each in wanted):
        raise Invalid("a serial is 1 or greater", code="break-glass.serial")
    after = replace(before, version=before.version + 1, issued_at=now)
    return replace(after, break_glass_revoked=[[each, each] for each in wanted])


async def sign_certificate(
    signer: Signer, key: PublicKey, who: str, *, now: float, lifetime: int, networks: Sequence[str] = (), record: Path
) -> Certificate:
    """For this key, on record in the file `record` first. `who` stands in hosts' logs.

    Raises Invalid for a time, a name or a network that won't do, Misconfigured where it can't be written down.
    """
    if not 60 <= lifetime <= LONGEST:
        raise Invalid("a break-glass certificate holds for a minute at least, and a day at most", code="duration")
    certificate = Certificate(
        nonce=os.urandom(32),
        public_key=key,
        serial=int(now * 1000),
        type=CertType.USER,
        key_id=f"{BREAK_GLASS}:{_name(who)}",
        principals=(BREAK_GLASS,),
        valid_after=int(now) - 60,
        valid_before=int(now) + lifetime,
        critical_options=(("source-address", ",".join(map(_network, networks))),) if networks else (),
        extensions=_EXTENSIONS,
        signature_key=signer.public_key,
    )
    _write_down(record, certificate)
    made = certificate.with_signature(await signer.sign(certificate.to_be_signed()))
    made.verify_signature()
    return made


def _name(who: str) -> str:
    if not who or len(who) > 100 or not all(each.isascii() and (each.isalnum() or each in "._@+-/") for each in who):
        text = "who it is for is told by letters, digits and . _ @ + - /"
        raise Invalid(text, code="break-glass.who", hint="--for alice@example.com")
    return who


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise Invalid(f"{text[:64]!r} is no network", code="break-glass.network", hint="--from 10.0.0.0/8") from error


def _write_down(record: Path, certificate: Certificate) -> None:
    """A line a certificate, so that one that is lost can be revoked by its serial."""
    entry = {
        "serial": certificate.serial, "key_id": certificate.key_id, "key": certificate.public_key.fingerprint,
        "valid_before": certificate.valid_before,
    }  # fmt: skip
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(record, flags, 0o600), "ab") as file:  # noqa: PTH123  O_NOFOLLOW
            file.write(msgspec.json.encode(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        hint = "name a place where it can be written down: --record FILE"
        raise Misconfigured(
            f"{record} can't be written: {error.strerror}", code="break-glass.record", hint=hint
        ) from error
