"""Signing in by a one-time token that somebody made, or by an X.509 client certificate (wire.onetime)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from daypass.api import OidcLogin
from daypass.client.files import keyfiles
from daypass.client.signin.attempt import Attempt
from daypass.client.signin.oidc import Tokens
from daypass.errors import Invalid
from daypass.wire import Certificate
from daypass.wire.onetime import Wish, one_time_token

__all__ = ["Shown", "by_certificate", "by_token", "chain_of"]

MAX_FILE = 64 * 1024  # bytes of a file with certificates


@dataclass(frozen=True, slots=True)
class Shown:
    """`name`: the provisioner's; `make` gives the token for the key that is to be certified."""

    name: str
    make: Callable[[Attempt], str]

    @property
    def login(self) -> OidcLogin:
        """As far as a sign-in needs it."""
        return OidcLogin(name=self.name, issuer=self.name, client_id="")

    def sign_in(self, attempt: Attempt) -> Certificate:
        return attempt.certify(Tokens(id_token=self.make(attempt)), salted=False)


def by_token(token: str) -> Shown:
    """One that was handed over."""
    return Shown("one-time token", lambda _: token)


def by_certificate(name: str, certificate: Path, key: Path, passphrase: bytes | None = None) -> Shown:
    """`name`: the provisioner's. Raises Invalid for files that hold no such thing."""
    chain, private = chain_of(certificate), keyfiles.load(key, passphrase)

    def make(attempt: Attempt) -> str:
        role = {"role": attempt.subject.role} if attempt.subject.role else {}
        wish = Wish(name, "user", keys=(attempt.subject.key,), more=role)
        url = attempt.membership.url
        return one_time_token(private, wish, issuer=name, url=url, now=int(time.time()), chain=chain)

    return Shown(name, make)


def chain_of(path: Path) -> tuple[bytes, ...]:
    """DER of every certificate in a PEM file, the leaf first. Raises Invalid."""
    try:
        content = path.read_bytes()
        if len(content) > MAX_FILE:
            raise ValueError
        found = x509.load_pem_x509_certificates(content)
    except (OSError, ValueError) as error:
        raise Invalid(
            f"{path} holds no X.509 certificate in PEM", code="x5c.file", hint="the leaf first, then its issuers"
        ) from error
    return tuple(each.public_bytes(Encoding.DER) for each in found)
