"""One desk for each kind of provisioner: what the contract suite and the cross-use matrix sit down at.

`kinds/KIND.py` has one function, a context manager that gets the loop everything runs on:

    @contextmanager
    def open_desk(runner: asyncio.Runner) -> Iterator[Desk]: ...

It is found by being there (`KINDS`), and from then on every test of `test_contract.py` and `test_cross_use.py` runs
over it. Tokens are made, and looked at, by a clock that stands still at `NOW`, for the CA `CA_ID` at `CA_URL`. Open
it cheaply (nothing above a tenth of a second, no container, no sleep): it is opened some ten times. What is of one
kind alone (its fields, its bounds, its real backend) belongs into `tests/provisioners/test_KIND.py`.

    Desk(
        provisioner=…,      # as assemble makes it, strict: without allow_unbound; its table admits `make()`
        clock=…,            # the StillClock it reads
        runner=runner,
        make=…,             # a fresh credential, as its honest holder shows it: see Made
        life=300,           # seconds after which it is refused (the last second in which it passes is life - 1)
        early=60,           # how far before its time it passes; None where it says nothing of when it was made
        unbound=(),         # of "key", "ca", "act": what the token itself is not bound to
        outage=None,        # outage(True): what it depends on is down; outage(False): it is back. None: asks nobody
        mends=60,           # seconds on its clock until it asks again
        routes=("sign",),   # of `yard.ROUTES`: where it is to be shown, and nowhere else
        tampered=bits,      # other tokens by somebody on the way; none of them may pass
        secrets=whole,      # what of a token may stand in no log, error or repr
        bare=None,          # the cryptography that this token takes and nothing else, ready to run: `bench`'s floor
    )

`make(Made(…))` is called with what it is to be made for. It may ignore what the token is not bound to (say so in
`unbound`); two calls give two different uses (another jti, another instance), as two honest holders would have.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct
from tests.provisioners.desk import CA_ID, KEY, NOW, OTHER_KEY, StillClock

from daypass.ca.ports import Finding, Provisioner
from daypass.model import Credential, Proof
from daypass.wire import PublicKey

__all__ = [
    "CA_ID",
    "CA_URL",
    "KEY",
    "KINDS",
    "NOW",
    "OTHER_KEY",
    "Desk",
    "Made",
    "bits",
    "es256",
    "open_kind",
    "rs256",
    "whole",
]

CA_URL = "https://ca.example.com"
KINDS = tuple(sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")))
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Made(Struct, frozen=True):
    """What a credential is made for, and by whom."""

    at: float = NOW
    ca_id: bytes = CA_ID
    ca_url: str = CA_URL
    key: PublicKey = KEY  # the one key that it shows, and is bound to
    act: bytes | None = None  # None: the kind's own; any bytes at all, and a kind that has no such act makes its own
    known: bool = True  # False: well-formed, and signed by someone (with a secret) that the CA has never heard of


def bits(token: str) -> Iterator[str]:
    """The token with one bit changed, at some thirty places spread over all of it; cut short; with more behind it."""
    for at in range(0, len(token), max(1, len(token) // 31)):
        change = _flipped(token, at)
        if change != token:
            yield change
    yield from (token[:-1], token[: len(token) // 2], f"{token}A", f"{token}.", f" {token}", f"{token}\n")


def whole(token: str) -> tuple[str, ...]:
    """The token, and what is behind its last dot."""
    return token, token.rpartition(".")[2]


def rs256(pem: bytes) -> Callable[[str], Callable[[], object]]:
    """`bare` of a JWS by this key: one RSA verification, through pyca/cryptography."""
    key = load_pem_public_key(pem)
    assert isinstance(key, RSAPublicKey)

    def bare(token: str) -> Callable[[], object]:
        signed, _, signature = token.rpartition(".")
        raw = urlsafe_b64decode(f"{signature}==")
        return lambda: key.verify(raw, signed.encode(), PKCS1v15(), SHA256())

    return bare


def es256(key: EllipticCurvePublicKey) -> Callable[[str], Callable[[], object]]:
    """The same of one by a P-256 key, whose signature JOSE writes as r and s (RFC 7518 section 3.4)."""

    def bare(token: str) -> Callable[[], object]:
        signed, _, signature = token.rpartition(".")
        raw = urlsafe_b64decode(f"{signature}==")
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        return lambda: key.verify(der, signed.encode(), ECDSA(SHA256()))

    return bare


@dataclass(slots=True)
class Desk:
    """See the head of this file."""

    provisioner: Provisioner
    clock: StillClock
    runner: asyncio.Runner
    make: Callable[[Made], Credential]
    life: int
    early: int | None
    routes: tuple[str, ...]
    unbound: tuple[str, ...] = ()
    outage: Callable[[bool], object] | None = None
    mends: float = 60
    tampered: Callable[[str], Iterator[str]] = bits
    secrets: Callable[[str], tuple[str, ...]] = whole
    bare: Callable[[str], Callable[[], object]] | None = None

    def show(self, credential: Credential) -> Proof:
        return self.runner.run(self.provisioner.authenticate(credential))

    def test(self) -> list[Finding]:
        return list(self.runner.run(self.provisioner.test()))


def open_kind(kind: str, runner: asyncio.Runner) -> AbstractContextManager[Desk]:
    opened: AbstractContextManager[Desk] = import_module(f"tests.provisioners.kinds.{kind}").open_desk(runner)
    return opened


def _flipped(token: str, at: int) -> str:
    """The character at `at` for its neighbour in base64url; one that is not in there, for an A."""
    here = token[at]
    other = _ALPHABET[_ALPHABET.index(here) ^ 1] if here in _ALPHABET else "A"
    return f"{token[:at]}{other}{token[at + 1 :]}"
