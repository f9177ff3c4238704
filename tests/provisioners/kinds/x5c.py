"""A one-time token by the key of a SPIFFE workload's X.509 certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from tests.parts.clientcert import Client, Root, make_root
from tests.parts.onetime import one_time
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_URL, NOW, Desk, Made, es256

from daypass.config import X5cSection
from daypass.model import Credential, Secret
from daypass.provisioners.onetime import LEEWAY
from daypass.provisioners.x5c import X5cProvisioner

__all__ = ["open_desk"]

ID = x509.UniformResourceIdentifier("spiffe://example.com/ns/prod/sa/web")


@cache
def _made() -> tuple[Root, Client, Client]:
    """The root, who has a certificate of it, and who has one of another of the same name."""
    root, other = make_root(NOW - 7200), make_root(NOW - 7200)
    return root, root.intermediate().client([ID], hours=24), other.client([ID], hours=24)


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    clock, (root, known, stranger) = StillClock(), _made()

    def make(made: Made) -> Credential:
        client = known if made.known else stranger
        token = one_time(
            client.key, issuer="mesh", now=made.at, subject="web", url=made.ca_url, keys=(made.key,),
            chain=client.chain,
        )  # fmt: skip
        return Credential(Secret(token), (made.key,), salt=bytes(32))

    yield Desk(
        provisioner=X5cProvisioner(
            X5cSection(name="mesh", roots=[root.pem], trust_domain="example.com"),
            [CA_URL.removeprefix("https://")],
            clock,
        ),
        clock=clock,
        runner=runner,
        make=make,
        life=300 + LEEWAY,
        early=LEEWAY,
        routes=("sign", "step-user"),
        bare=lambda token: _bare(token, root, known),
    )


def _bare(token: str, root: Root, client: Client) -> Callable[[], object]:
    """Three ECDSA signatures: the leaf's under the token, and those of its chain."""
    leaf, above = map(x509.load_der_x509_certificate, client.chain)
    key = leaf.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    ours = es256(key)(token)

    def verify() -> None:
        ours()
        leaf.verify_directly_issued_by(above)
        above.verify_directly_issued_by(root.certificate)

    return verify
