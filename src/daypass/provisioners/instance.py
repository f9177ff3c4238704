"""What all clouds have in common: a verified instance -> the host that it becomes, by the operator's templates.

Nothing here is the host's own word (trust 5.1). Whatever the table does not expect is refused; a name that a host
name can't hold is never bent until it fits. One certificate set is given to an instance: its one-time id is its
instance id, so the same keys may come again, and others never do while that is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from daypass.config import CloudSection
from daypass.config.templates import filled
from daypass.errors import Denied, Unauthenticated
from daypass.model import Credential, HostFacts, Identity, Kind, OnceId, Proof, is_host_name, parse_duration, shown
from daypass.wire import PublicKey

__all__ = [
    "LEEWAY",
    "Instance",
    "Prove",
    "proof",
    "refused",
    "require_expected",
    "require_possession",
    "require_proven",
    "text_members",
]

LAST_TIME = 253_402_300_799  # the end of the year 9999
LEEWAY = 60  # seconds that the cloud's clock and ours may differ
MAX_VALUE = 256  # characters of a label's value
_WHOLE = re.compile(r"\{[^{}]+\}")


class Prove(Protocol):
    """`hostproof.prove`: whether sshd there holds these keys (trust 5.5)."""

    async def __call__(
        self, where: str, keys: Sequence[PublicKey], networks: Sequence[str], *, port: int, caller: str
    ) -> None: ...


class Instance(Struct, frozen=True):
    """What the cloud has signed, or said when asked. `values`: by field of a template. `started`: unix seconds, 0
    where the cloud says no word of it. `issuer`: who signed. `valid_until`: of what was signed."""

    issuer: str
    id: str
    account: str
    accounts: tuple[str, ...]  # by any of these it may be listed
    region: str
    started: int
    valid_until: int
    values: Mapping[str, str]
    tags: Mapping[str, str] = {}
    claims: Mapping[str, object] = {}


def refused(check: str, text: str, hint: str = "") -> Unauthenticated:
    return Unauthenticated(text, code=f"cloud.{check}", hint=hint or None)


def require_possession(credential: Credential) -> None:
    """Any process on an instance can fetch its document (trust 5.4). And it is for a host's first certificates."""
    if credential.act != b"enrol":
        raise refused("act", "an identity document is for a host's first certificates")
    if not credential.possessed:
        hint = "enrol with: daypass host enroll --cloud auto"
        raise refused("possession", "the host has not shown that it holds every key", hint)


async def require_proven(section: CloudSection, prove: Prove, address: str, credential: Credential) -> None:
    """Where the table wants it: sshd at the instance's own address holds the keys, and only root runs that."""
    if not section.port22:
        return
    if not address:
        raise refused("port22", "where the instance is can't be told, so its keys can't be looked at there")
    await prove(address, credential.keys, section.networks or [address], port=22, caller=credential.address)


def require_expected(section: CloudSection, instance: Instance, now: float) -> int:
    """The last moment at which this instance could enrol by what it shows. Raises Unauthenticated for one of another
    account or region, or that has started too long ago."""
    if not set(instance.accounts) & set(section.accounts):
        raise refused("account", f"{shown(instance.account)} is none of the accounts of {section.name}")
    if section.regions and instance.region not in section.regions:
        raise refused("region", f"{shown(instance.region)} is none of the regions of {section.name}")
    if not instance.started:
        return instance.valid_until
    ends = instance.started + parse_duration(section.instance_age)
    if instance.started > now + LEEWAY:
        raise refused("time", "the instance has not started yet, by its document", "is the CA's clock right?")
    if now >= ends:
        hint = f"operator: daypass token host NAME makes it a host; instance_age of {section.name}"
        raise refused("age", f"the instance started longer than {section.instance_age} ago", hint)
    return min(ends, instance.valid_until)


def proof(section: CloudSection, instance: Instance, ends: int, now: float, *, bound: bool) -> Proof:
    """Of one that is expected, until `ends`. Raises Denied for a name that can't be.

    Of an instance whose start nobody knows, the use is remembered for ever: nothing else would stop whoever reads its
    documents in a month from taking the host's name with a key of their own (trust 5.1, 5.4).
    """
    return Proof(
        identity=Identity(Kind.HOST, section.name, instance.issuer, instance.id, claims=instance.claims),
        once=OnceId(section.name, f"instance:{instance.id}"),
        issued_at=int(now),
        expires_at=ends if instance.started else LAST_TIME,
        bound=bound,
        enrolment=_facts(section, instance),
    )


def _facts(section: CloudSection, instance: Instance) -> HostFacts:
    name = _name(section, section.host_name, instance)
    return HostFacts(
        name=name,
        aliases=tuple(_name(section, each, instance) for each in section.aliases),
        labels={label: _label(section, label, template, instance) for label, template in section.labels.items()},
        instance=f"{section.name}:{instance.id}",
    )


def _name(section: CloudSection, template: str, instance: Instance) -> str:
    """A value is one word of a name: dots of its own it has only where it is all of the name."""
    values, tags = dict(instance.values), dict(instance.tags)
    if not _WHOLE.fullmatch(template):
        values, tags = _without_dots(values), _without_dots(tags)
    name = _filled(section, template, values, tags)
    if not is_host_name(name):
        raise Denied(
            f"{shown(template)} gives {shown(name)} for this instance, which is no host name",
            code="cloud.name",
            hint=f"lower-case letters, digits and hyphens; operator: the templates of {section.name}",
        )
    return name


def _without_dots(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if "." not in value}


def _label(section: CloudSection, label: str, template: str, instance: Instance) -> str:
    value = _filled(section, template, instance.values, instance.tags)
    if len(value) > MAX_VALUE or not value.isprintable() or value != value.strip() or value == "*":
        text = f"label {shown(label)} can't be {shown(value)}"
        raise Denied(text, code="cloud.label", hint=f"operator: the templates of {section.name}")
    return value


def _filled(section: CloudSection, template: str, values: Mapping[str, str], tags: Mapping[str, str]) -> str:
    try:
        return filled(template, values, tags)
    except KeyError as missing:
        raise Denied(
            f"this instance has no {shown(str(missing.args[0]))} that {shown(template)} could take",
            code="cloud.field",
            hint=f"set it, or change the templates of {section.name}; one word without dots",
        ) from None


def text_members(document: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    """These members of a document, each a text. Raises Unauthenticated."""
    found = {name: document.get(name) for name in names}
    texts = {name: value for name, value in found.items() if isinstance(value, str) and value}
    if len(texts) != len(names):
        missing = ", ".join(sorted(found.keys() - texts.keys()))
        raise refused("document", f"the identity document has no {missing}")
    return texts
