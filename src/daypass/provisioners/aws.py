"""Hosts on AWS, by their instance identity document and its RSA-2048 signature (trust 5.4).

The document names neither this CA nor a key, and anybody on the instance can read it. So: the host shows its keys,
the document is as young as `instance_age` allows, and who brings it calls from the instance's own address (or from
`networks`, where there is NAT between). Fields of marketplace and billing are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

from msgspec.structs import replace

from daypass.ca.ports import Clock, Finding
from daypass.config import CloudSection
from daypass.errors import DaypassError, Invalid
from daypass.model import Credential, Proof
from daypass.provisioners.certfile import CertificateFile
from daypass.provisioners.hostproof import prove
from daypass.provisioners.instance import (
    Instance,
    Prove,
    proof,
    refused,
    require_expected,
    require_possession,
    require_proven,
    text_members,
)
from daypass.provisioners.jose import parse_object
from daypass.provisioners.pkcs7 import Signed
from daypass.wire.clouddocs import AWS_PREFIX, AwsWord

__all__ = ["AwsProvisioner"]

Tags = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""(region, instance id) -> tags. Raises Unavailable, Unauthenticated."""
FOREVER = 2**62  # the document says when the instance started, and no end
_GRAMMAR = {
    "accountId": re.compile(r"[0-9]{12}"),
    "instanceId": re.compile(r"i-[0-9a-f]{8,17}"),
    "region": re.compile(r"[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}"),
    "version": re.compile(r"2017-09-30"),
    "pendingTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII),
    "imageId": re.compile(r"[a-z0-9-]{1,64}"),
    "instanceType": re.compile(r"[a-z0-9.-]{1,64}"),
    "availabilityZone": re.compile(r"[a-z0-9-]{1,64}"),
    "privateIp": re.compile(r"[0-9a-f.:]{2,45}"),
}


class AwsProvisioner:
    """One `[[clouds]]` table with type = "aws"."""

    type = "aws"

    def __init__(self, section: CloudSection, clock: Clock, tags: Tags | None = None, prove: Prove = prove) -> None:
        self._section, self._clock, self._tags, self._prove = section, clock, tags, prove
        self._networks = tuple(map(ip_network, section.networks))
        self._file = CertificateFile(Path(section.certificates), "certificates of AWS")

    @property
    def name(self) -> str:
        return self._section.name

    def recognises(self, token: str) -> bool:
        """By account and region, since a CA can have several tables."""
        try:
            document = parse_object(AwsWord.decode(token).document) if token.startswith(AWS_PREFIX) else {}
        except Invalid:
            return False
        section = self._section
        ours = not section.regions or document.get("region") in section.regions
        return ours and document.get("accountId") in section.accounts

    async def test(self) -> Sequence[Finding]:
        """Whether there are certificates that count now."""
        try:
            count = len(self._file.at(self._clock.now()))
        except DaypassError as error:
            return [Finding(ok=False, what=error.message, hint=error.hint or "")]
        what = f"{count} certificates of AWS in {self._section.certificates} count now"
        return [Finding(ok=count > 0, what=what, hint="" if count else "fetch them anew: docs/guide/cloud.md")]

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, Denied (its name), Unavailable (certificates, tags)."""
        require_possession(credential)
        now = self._clock.now()
        texts = _checked(self._verified(credential.token.reveal(), now))
        self._require_address(texts["privateIp"], credential.address)
        instance = _instance(texts)
        ends = require_expected(self._section, instance, now)
        await require_proven(self._section, self._prove, texts["privateIp"], credential)
        if self._tags is not None and self._section.tags:
            instance = replace(instance, tags=await self._tags(instance.region, instance.id))
        return proof(self._section, instance, ends, now, bound=False)

    def _verified(self, token: str, now: float) -> Mapping[str, object]:
        """The document, once one of AWS's certificates has signed it."""
        known = self._file.at(now)
        try:
            word = AwsWord.decode(token)
            signed = Signed.parse(word.signature)
            return parse_object(signed.verified(signed.signer(known), word.document))
        except Invalid as error:
            raise refused("signature", f"the identity document can't be verified: {error.message}", _FETCH) from None

    def _require_address(self, own: str, caller: str) -> None:
        try:
            here = ip_address(caller)
        except ValueError:
            here = None
        if here is None or not (here == ip_address(own) or any(here in each for each in self._networks)):
            raise refused(
                "address",
                f"the instance has the address {own}, and calls from {caller or 'an unknown one'}",
                f"behind NAT: operator: networks of {self._section.name}; a proxy: pages.trusted_proxies",
            )


_FETCH = "operator: is the certificate of this region in the file? docs/guide/cloud.md"


def _checked(document: Mapping[str, object]) -> dict[str, str]:
    """The members that count, each in its form. Raises Unauthenticated."""
    texts = text_members(document, tuple(_GRAMMAR))
    for name, form in _GRAMMAR.items():
        if not form.fullmatch(texts[name]):
            raise refused("document", f"the identity document's {name} is not in its form")
    if not texts["availabilityZone"].startswith(texts["region"]):
        raise refused("document", "the identity document's zone is in another region")
    try:
        ip_address(texts["privateIp"])
        datetime.fromisoformat(texts["pendingTime"])
    except ValueError:
        raise refused("document", "the identity document's address or time is none") from None
    return texts


def _instance(texts: Mapping[str, str]) -> Instance:
    started = int(datetime.fromisoformat(texts["pendingTime"]).timestamp())
    return Instance(
        issuer=f"aws:{texts['accountId']}",
        id=texts["instanceId"],
        account=texts["accountId"],
        accounts=(texts["accountId"],),
        region=texts["region"],
        started=started,
        valid_until=FOREVER,
        values={
            "instance": texts["instanceId"],
            "account": texts["accountId"],
            "region": texts["region"],
            "zone": texts["availabilityZone"],
            "type": texts["instanceType"],
            "image": texts["imageId"],
            "address": texts["privateIp"].replace(".", "-").replace(":", "-"),
        },
    )
