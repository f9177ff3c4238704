"""The attested document of a virtual machine of Azure's, with the challenge of this CA for its keys."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from tests.parts.clouds import GUID, SECRET, azure_document, azure_word, files, signer, web
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import CA_ID, Desk, Made

from daypass.config import CloudSection
from daypass.model import Credential, Secret
from daypass.provisioners.azure import AzureProvisioner
from daypass.provisioners.pkcs7 import Signed
from daypass.wire.clouddocs import AzureWord

__all__ = ["open_desk"]


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    clock, http = StillClock(), web()
    with tempfile.TemporaryDirectory(prefix="dp-azure-") as folder:
        file = Path(files(Path(folder))[1])
        section = CloudSection(
            name="azure", type="azure", accounts=[GUID], host_name="{instance}.example.com", certificates=str(file)
        )
        yield Desk(
            provisioner=AzureProvisioner(section, CA_ID, lambda: SECRET, clock, http),
            clock=clock,
            runner=runner,
            make=_attested,
            life=600,
            early=0,
            routes=("enrol", "agent-enrol"),
            unbound=("act",),
            outage=lambda down: file.rename(f"{file}.away") if down else Path(f"{file}.away").rename(file),
            bare=_bare,
        )
        runner.run(http.aclose())


def _attested(made: Made) -> Credential:
    document = azure_document(made.at, made.ca_id, [made.key], vmId=str(uuid4()))
    token = azure_word(document, root="azure root" if made.known else "somebody's root")
    return Credential(Secret(token), (made.key,), act=made.act or b"enrol", possessed=True, address="10.0.0.7")


def _bare(token: str) -> Callable[[], object]:
    """Two RSA signatures: the leaf's under the document, the root's under the leaf."""
    signed = Signed.parse(AzureWord.decode(token).signature)
    leaf, root = x509.load_der_x509_certificate(signed.certificates[0]), signer("azure root")[0]
    key, covered = leaf.public_key(), signed.covered or b""
    assert isinstance(key, RSAPublicKey)

    def verify() -> None:
        key.verify(signed.signature, covered, PKCS1v15(), SHA256())
        leaf.verify_directly_issued_by(root)

    return verify
