"""Hosts on Azure, by the attested document of their instance, and a token of its managed identity (trust 5.4).

The document says which virtual machine it is of (vmId, subscription), and its nonce is what this CA asked for, for
these keys. It is signed by a certificate for metadata.azure.com under a public root: so the name is looked at, not
only the chain. What the machine is called, and in which resource group it is, only the token says; it is made for an
application of this CA alone, so that nobody else is ever given one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from pathlib import Path

import httpx2
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from msgspec.structs import replace

from daypass.ca.ports import Clock, Finding
from daypass.config import CloudSection
from daypass.errors import DaypassError, Invalid
from daypass.model import Credential, Proof
from daypass.provisioners.certfile import CertificateFile
from daypass.provisioners.cloudapi import Looked, Machine
from daypass.provisioners.entra import ManagedIdentity
from daypass.provisioners.hostproof import prove
from daypass.provisioners.instance import (
    LEEWAY,
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
from daypass.wire import PublicKey
from daypass.wire.clouddocs import AZURE_PREFIX, AzureWord, challenge

__all__ = ["AzureProvisioner"]


Look = Callable[[Machine], Awaitable[Looked]]
"""Raises Unavailable, Unauthenticated."""

SIGNERS = ("metadata.azure.com", "metadata.azure.us", "metadata.azure.cn")
"""Of the public cloud, the US government's, China's; regions have names below these."""

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_LIFE = 24 * 3600  # seconds; Azure's documents are good for six hours


class AzureProvisioner:
    """One `[[clouds]]` table with type = "azure". `secret`: of the CA's challenges."""

    type = "azure"

    def __init__(
        self,
        section: CloudSection,
        ca_id: bytes,
        secret: Callable[[], bytes],
        clock: Clock,
        http: httpx2.AsyncClient,
        look: Look | None = None,
        prove: Prove = prove,
    ) -> None:
        self._section, self._ca_id, self._secret, self._clock = section, ca_id, secret, clock
        self._look, self._prove = look, prove
        self._file = CertificateFile(Path(section.certificates), "certificates of Azure")
        self.identity = ManagedIdentity(section, clock, http) if section.audience else None

    @property
    def name(self) -> str:
        return self._section.name

    def recognises(self, token: str) -> bool:
        """By subscription, since a CA can have several tables."""
        try:
            signed = Signed.parse(AzureWord.decode(token).signature) if token.startswith(AZURE_PREFIX) else None
            document = parse_object(signed.content or b"") if signed else {}
        except Invalid:
            return False
        return str(document.get("subscriptionId")).lower() in self._section.accounts

    async def test(self) -> Sequence[Finding]:
        """Whether there are certificates that count now, and Entra's keys can be had where they are needed."""
        try:
            count = len(self._file.at(self._clock.now()))
        except DaypassError as error:
            found = [Finding(ok=False, what=error.message, hint=error.hint or "")]
        else:
            what = f"{count} certificates of Azure in {self._section.certificates} count now"
            found = [Finding(ok=count > 0, what=what, hint="" if count else "fetch them anew: docs/guide/cloud.md")]
        return [*found, *(await self.identity.test() if self.identity is not None else ())]

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, Denied (its name), Unavailable (certificates, Entra's keys, Azure itself)."""
        require_possession(credential)
        now = self._clock.now()
        word, document = self._verified(credential.token.reveal(), now)
        self._require_challenge(document.get("nonce"), credential.keys, now)
        instance = _instance(document, now)
        if self.identity is not None:
            instance = await self._named(instance, word.token, self.identity)
        ends = require_expected(self._section, instance, now)
        await require_proven(self._section, self._prove, credential.address, credential)
        return proof(self._section, instance, ends, now, bound=True)

    def _verified(self, token: str, now: float) -> tuple[AzureWord, Mapping[str, object]]:
        """The document, once a certificate for Azure's metadata service has signed it."""
        known = self._file.at(now)
        try:
            word = AzureWord.decode(token)
            signed = Signed.parse(word.signature)
            sent = _loaded(signed.certificates)
            leaf = signed.signer(sent)
            content = signed.verified(leaf)
            _require_chain(leaf, sent, known, datetime.fromtimestamp(now, UTC))
            return word, parse_object(content)
        except Invalid as error:
            raise refused("signature", f"the attested document can't be verified: {error.message}", _FETCH) from None

    def _require_challenge(self, nonce: object, keys: Sequence[PublicKey], now: float) -> None:
        secret = self._secret()
        good = [challenge(secret, self._ca_id, keys, now, ago) for ago in (0, 1)]
        if not isinstance(nonce, str) or not any(compare_digest(nonce.encode(), each.encode()) for each in good):
            text = "the attested document was not made for these keys, or longer than 5 minutes ago"
            raise refused("challenge", text, "fetch a fresh one with the nonce that the CA gives")

    async def _named(self, instance: Instance, token: str, identity: ManagedIdentity) -> Instance:
        """With what the managed identity says, and Azure itself."""
        machine = await identity.machine(token)
        if machine.subscription != instance.account:
            raise refused("identity", "the token is of a machine in another subscription")
        groups = {each.lower() for each in self._section.resource_groups}
        if groups and machine.group not in groups:
            raise refused("group", f"the instance is in none of the resource groups of {self.name}")
        named = {"group": machine.group, "name": machine.name}
        found = replace(instance, values={**instance.values, **named}, claims={"oid": machine.oid})
        if self._look is None or not self._section.tags:
            return found
        said = await self._look(machine)
        if said.vm_id != instance.id:
            raise refused("identity", "the token is of another machine than the document")
        values = {**found.values, "region": said.region}
        return replace(found, region=said.region, started=said.created, values=values, tags=said.tags)


_FETCH = "operator: are the roots and intermediates of Azure in the file? docs/guide/cloud.md"


def _loaded(certificates: Sequence[bytes]) -> list[x509.Certificate]:
    try:
        return [x509.load_der_x509_certificate(each) for each in certificates]
    except (ValueError, x509.InvalidVersion):
        raise Invalid("a certificate in it can't be read", code="pkcs7.certificate") from None


def _require_chain(
    leaf: x509.Certificate, sent: Sequence[x509.Certificate], known: Sequence[x509.Certificate], moment: datetime
) -> None:
    """RFC 5280 section 6, and a name of Azure's metadata service. What is in the operator's file is believed."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = names.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        dns = []
    ours = [each for each in dns if each in SIGNERS or each.endswith(tuple(f".{signer}" for signer in SIGNERS))]
    if not ours or not known:
        raise Invalid("the signer's certificate is not for Azure's metadata service", code="azure.signer")
    subject = ours[0].replace("*", "any")
    policy = PolicyBuilder().store(Store(list(known))).time(moment.replace(tzinfo=None))
    try:
        policy.build_server_verifier(x509.DNSName(subject)).verify(leaf, [each for each in sent if each != leaf])
    except (VerificationError, ValueError):
        text = "its certificate does not lead to a root that counts"
        raise Invalid(text, code="azure.chain") from None


def _instance(document: Mapping[str, object], now: float) -> Instance:
    texts = text_members(document, ("vmId", "subscriptionId"))
    texts = {name: value.lower() for name, value in texts.items()}  # Azure writes ids either way
    for name, value in texts.items():
        if not _GUID.fullmatch(value):
            raise refused("document", f"the attested document's {name} is not in its form")
    return Instance(
        issuer=f"azure:{texts['subscriptionId']}",
        id=texts["vmId"],
        account=texts["subscriptionId"],
        accounts=(texts["subscriptionId"],),
        region="",
        started=0,
        valid_until=_expires(document.get("timeStamp"), now),
        values={"instance": texts["vmId"], "account": texts["subscriptionId"]},
    )


def _expires(stamp: object, now: float) -> int:
    """Unix seconds. Raises Unauthenticated for one that is over, or of the future."""
    texts = stamp if isinstance(stamp, dict) else {}
    try:
        made, ends = (
            datetime.strptime(str(texts.get(key)), "%m/%d/%y %H:%M:%S %z").timestamp()
            for key in ("createdOn", "expiresOn")
        )
    except ValueError:
        raise refused("document", "the attested document does not say when it was made") from None
    if made > now + LEEWAY or now >= min(ends + LEEWAY, made + MAX_LIFE):
        text = "the attested document is over, or of the future"
        raise refused("time", text, "fetch a fresh one; are clocks right?")
    return int(min(ends + LEEWAY, made + MAX_LIFE))
