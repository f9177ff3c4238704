"""The identity document of an instance of AWS: it names neither this CA nor a key, so it goes by time and address."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from tests.parts.clouds import ACCOUNT, aws_document, aws_word, files, signer
from tests.provisioners.desk import StillClock
from tests.provisioners.kinds import Desk, Made

from daypass.config import CloudSection
from daypass.model import Credential, Secret
from daypass.provisioners.aws import AwsProvisioner
from daypass.provisioners.instance import LEEWAY
from daypass.provisioners.pkcs7 import Signed
from daypass.wire.clouddocs import AwsWord

__all__ = ["open_desk"]


@contextmanager
def open_desk(runner: asyncio.Runner) -> Iterator[Desk]:
    clock = StillClock()
    with tempfile.TemporaryDirectory(prefix="dp-aws-") as folder:
        file = Path(files(Path(folder))[0])
        section = CloudSection(
            name="aws", type="aws", accounts=[ACCOUNT], host_name="{instance}.example.com",
            certificates=str(file), networks=["127.0.0.0/8"],
        )  # fmt: skip
        yield Desk(
            provisioner=AwsProvisioner(section, clock),
            clock=clock,
            runner=runner,
            make=_started,
            life=15 * 60,
            early=LEEWAY,
            routes=("enrol", "agent-enrol"),
            unbound=("act", "ca", "key"),
            outage=lambda down: file.rename(f"{file}.away") if down else Path(f"{file}.away").rename(file),
            bare=_bare,
        )


def _started(made: Made) -> Credential:
    document = aws_document(made.at, instanceId=f"i-{os.urandom(8).hex()}0")
    token = aws_word(document, "aws region" if made.known else "somebody")
    return Credential(Secret(token), (made.key,), act=made.act or b"enrol", possessed=True, address="10.0.0.7")


def _bare(token: str) -> Callable[[], object]:
    """One RSA signature, by the region's key."""
    key, signed = signer("aws region")[1].public_key(), Signed.parse(AwsWord.decode(token).signature)
    covered = signed.covered or b""
    return lambda: key.verify(signed.signature, covered, PKCS1v15(), SHA256())
