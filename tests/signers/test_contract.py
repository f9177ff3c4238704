"""What every signer does. A new kind of signer is one more line in SIGNERS."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daypass.ca.ports import Signer
from daypass.errors import Invalid
from daypass.signers.file import FileSigner
from daypass.signers.generate import generate_key_file
from daypass.wire import signature_algorithm

DATA = b"to be signed"


def _file(write: Callable[[Path], object]) -> Callable[[Path], Signer]:
    def make(directory: Path) -> Signer:
        path = directory / "key"
        write(path)
        path.chmod(0o600)
        return FileSigner.load(path)

    return make


def _pyca(make: Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(make().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def _ssh_keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


SIGNERS = {
    "file, ours": _file(generate_key_file),
    "file, ssh-keygen's": _file(_ssh_keygen),
    "file, P-256": _file(_pyca(lambda: ec.generate_private_key(ec.SECP256R1()))),
    "file, P-384": _file(_pyca(lambda: ec.generate_private_key(ec.SECP384R1()))),
    "file, P-521": _file(_pyca(lambda: ec.generate_private_key(ec.SECP521R1()))),
    "file, RSA 3072": _file(_pyca(lambda: rsa.generate_private_key(65537, 3072))),
}


@pytest.fixture(params=SIGNERS.values(), ids=list(SIGNERS), scope="module")
def signer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    made: Signer = request.param(tmp_path_factory.mktemp("signer"))
    return made


def test_what_it_signs_its_public_key_verifies(signer: Signer) -> None:
    signer.public_key.verify(asyncio.run(signer.sign(DATA)), DATA)


def test_its_signature_holds_for_nothing_else(signer: Signer) -> None:
    with pytest.raises(Invalid):
        signer.public_key.verify(asyncio.run(signer.sign(DATA)), DATA + b".")


def test_it_never_signs_with_sha1(signer: Signer) -> None:
    """RFC 8332: `ssh-rsa` signatures are SHA-1."""
    assert signature_algorithm(asyncio.run(signer.sign(DATA))) in signer.public_key.signature_algorithms


def test_signatures_asked_for_together_are_each_right(signer: Signer) -> None:
    async def sign_all() -> list[bytes]:
        return await asyncio.gather(*(signer.sign(bytes([n])) for n in range(8)))

    for number, signature in enumerate(asyncio.run(sign_all())):
        signer.public_key.verify(signature, bytes([number]))


def test_it_says_whether_the_key_is_in_this_process(signer: Signer) -> None:
    assert signer.local is isinstance(signer, FileSigner)


def test_printing_it_shows_no_private_half(signer: Signer) -> None:
    assert repr(signer) == f"<{type(signer).__name__} {signer.public_key.fingerprint}>"
