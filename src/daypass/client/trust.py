"""Which CA this laptop believes, and why: bootstrap, and every later look at the trust document (trust 5.6, 6.2).

One fingerprint pins everything: it is the SHA-256 of the X.509 root, and that root carries the hash of the offline
trust root. CA keys, TLS roots and host patterns are believed only from the document that root has signed, never from
the server.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from daypass import trusted
from daypass.api import CaInfo, Signed, TrustDocument
from daypass.client.settings import Context, Settings, is_context_name, write_file
from daypass.errors import Conflict, Invalid, Misconfigured, NotFound
from daypass.model import is_host_pattern
from daypass.remote import TIMEOUT, Remote
from daypass.wire import Krl, PublicKey

__all__ = ["Membership", "bootstrap", "check_patterns", "current", "load", "refresh", "split_address"]


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """context.json"""

    version: int = 1
    url: str
    fingerprint: str
    ca_id: str
    ca_name: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """A company joined: where its CA is, and what is believed of it."""

    context: Context
    url: str
    fingerprint: str
    ca_name: str
    trust: TrustDocument

    @property
    def ca_id(self) -> bytes:
        return bytes.fromhex(self.trust.ca_id)

    @property
    def roots_pem(self) -> str:
        return "".join(self.trust.tls_roots)

    @property
    def host_patterns(self) -> tuple[str, ...]:
        """What the host CA may speak for, as the offline root has signed it (trust 5.2)."""
        return check_patterns(self.trust.host_patterns)

    @property
    def user_ca(self) -> tuple[PublicKey, ...]:
        return trusted.public_keys(self.trust.user_ca)

    @property
    def host_ca(self) -> tuple[PublicKey, ...]:
        return trusted.public_keys(self.trust.host_ca)

    def remote(self, timeout: float = TIMEOUT) -> Remote:
        """The CA, over the roots it is pinned to; `timeout` in seconds, for each step of a call."""
        return Remote(self.url, self.roots_pem, timeout=timeout)


def check_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """Host names and `*.example.com` alone. Raises Misconfigured for any other, `*` above all.

    With `*` a host certified as github.com was accepted over github.com's pinned key.
    """
    if not patterns:
        raise Misconfigured(
            "the trust document names no hosts", hint="tell the CA's operator to sign the next: daypass ca trust"
        )
    for pattern in patterns:
        if not is_host_pattern(pattern):
            raise Misconfigured(
                f"the trust document holds the host pattern {pattern[:80]!r}, which is refused",
                code="host-pattern",
                hint="tell its operator: patterns are names or *.example.com, never * alone",
            )
    return tuple(dict.fromkeys(patterns))


def split_address(address: str, fingerprint: str | None) -> tuple[str, str]:
    """URL and fingerprint from `https://ca/#HEX`, or from a URL and its fingerprint. Raises Invalid."""
    url, _, fragment = address.partition("#")
    given = {each.replace(":", "").lower() for each in (fragment, fingerprint or "") if each}
    if len(given) != 1:
        problem = "two different fingerprints" if given else "no fingerprint"
        raise Invalid(
            f"{problem} for {url}",
            hint="the operator's line is: daypass bootstrap https://ca.example.com/#HEX; "
            "without it anyone on the way could be your CA",
        )
    if "://" not in url:
        url = f"https://{url}"
    return url.rstrip("/"), given.pop()


def bootstrap(settings: Settings, url: str, fingerprint: str, name: str = "") -> Membership:
    """Pin the CA and make it the company in use, under `name` or the one it has already, else its host name.

    Nothing is written before all of it is verified. Raises Unauthenticated for another root, Misconfigured for a CA
    without a trust root (a step-ca), Conflict where another CA is pinned under this name or address.
    """
    context = _context(settings, url, name)
    with Remote(url, None) as unverified:
        root = unverified.root_unverified(fingerprint)
    ca_id = _pinned_trust_root(root, url)
    known = _known(context, ca_id)
    with Remote(url, root) as remote:
        signed, info = remote.trust(), remote.ca()
    document = trusted.verify_trust(signed, ca_id, known_version=known.trust.version if known else 0)
    membership = _member(context, url, fingerprint, info, document)
    _store(membership, signed)
    settings.use(context)
    return membership


def refresh(membership: Membership, remote: Remote) -> tuple[Membership, CaInfo]:
    """The newest trust document and description, stored where they changed. An older document is refused."""
    signed, info = remote.trust(), remote.ca()
    document = trusted.verify_trust(signed, membership.ca_id, known_version=membership.trust.version)
    newer = _member(membership.context, membership.url, membership.fingerprint, info, document)
    if newer != membership:
        _store(newer, signed)
    return newer, info


def load(context: Context) -> Membership:
    """What was pinned, verified again. Raises NotFound before bootstrap, Misconfigured where files are damaged."""
    try:
        description = msgspec.json.decode(context.description.read_bytes(), type=_Description)
        signed = msgspec.json.decode(context.trust.read_bytes(), type=Signed)
        document = trusted.verify_trust(signed, bytes.fromhex(description.ca_id))
    except FileNotFoundError as error:
        raise _not_joined() from error
    except (msgspec.MsgspecError, ValueError, Invalid) as error:
        raise Misconfigured(
            f"the files in {context.folder} are damaged",
            hint=f"daypass context remove {context.name}, then {_BOOTSTRAP}",
        ) from error
    return Membership(
        context=context,
        url=description.url,
        fingerprint=description.fingerprint,
        ca_name=description.ca_name,
        trust=document,
    )


def current(settings: Settings) -> Membership:
    """The company in use; the machine's default is joined on first use. Raises NotFound where there is neither."""
    context = settings.current()
    if context is not None:
        return load(context)
    defaults = settings.machine_defaults()
    if not defaults.url:
        raise _not_joined()
    return bootstrap(settings, *split_address(defaults.url, defaults.fingerprint), defaults.name)


_BOOTSTRAP = "daypass bootstrap https://ca.example.com/#HEX"


def _not_joined() -> NotFound:
    return NotFound(
        "this account has joined no company yet", hint=f"ask your operator for the line that starts: {_BOOTSTRAP}"
    )


def _context(settings: Settings, url: str, name: str) -> Context:
    """Where this CA is or will be pinned. Raises Invalid for what is no name, Conflict for a second name."""
    own, derived = _joined_as(settings, url), _name(url)
    if name and not is_context_name(name):
        raise Invalid(
            f"{name[:80]!r} is no name for a company", hint="lower case letters, digits, and .-_ between them"
        )
    if name and own not in ("", name):
        hint = f"use that name, or leave it first: daypass context remove {own}"
        raise Conflict(f"the CA at {url} is joined already, as {own}", code="joined-already", hint=hint)
    return settings.context(name or own or derived)


def _joined_as(settings: Settings, url: str) -> str:
    for context in settings.contexts():
        try:
            if load(context).url == url:
                return context.name
        except (Misconfigured, NotFound):
            continue  # damaged; whoever needs it is told
    return ""


def _name(url: str) -> str:
    """The company's folder: the CA's host name, and its port where that is an unusual one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise Invalid(f"{url} is no URL of a CA", hint="it looks like https://ca.example.com:8443") from error
    host = (parts.hostname or "").strip("[]").replace(":", "-").strip("-")
    name = host if port in (None, 443) else f"{host}-{port}"
    if not is_context_name(name):
        raise Invalid(f"{url} is no URL of a CA", hint="it looks like https://ca.example.com:8443")
    return name


def _pinned_trust_root(root_pem: str, url: str) -> bytes:
    try:
        return trusted.extract_trust_root(root_pem)
    except Invalid as error:
        raise Misconfigured(
            f"the CA at {url} has no trust root, so nothing could vouch for its keys",
            code="no-trust-root",
            hint="a step-ca, or a root made by other tools? Make the CA's keys with: daypass ca init",
        ) from error


def _known(context: Context, ca_id: bytes) -> Membership | None:
    """What is already pinned under this name: the same CA, or nothing."""
    if not context.description.exists():
        return None
    known = load(context)
    if known.ca_id != ca_id:
        raise Conflict(
            f"another CA is pinned as {context.name}: {known.url}",
            code="other-ca",
            hint=f"give this one another name with --context; if it really replaces that one, first: "
            f"daypass context remove {context.name}",
        )
    return known


def _member(context: Context, url: str, fingerprint: str, info: CaInfo, document: TrustDocument) -> Membership:
    """Raises Misconfigured for host patterns that are refused, before anything is kept."""
    check_patterns(document.host_patterns)
    return Membership(context, url, fingerprint, info.name, document)


def _store(membership: Membership, signed: Signed) -> None:
    """The description last: with it, all the rest is there."""
    context = membership.context
    if not context.revoked_host_keys.exists():
        # ssh refuses every host while the file it was told of is missing.
        write_file(context.revoked_host_keys, Krl(1, int(time.time()), "daypass").encode())
    write_file(context.roots, membership.roots_pem)
    write_file(context.trust, msgspec.json.encode(signed))
    description = _Description(
        url=membership.url,
        fingerprint=membership.fingerprint,
        ca_id=membership.trust.ca_id,
        ca_name=membership.ca_name,
    )
    write_file(context.description, msgspec.json.format(msgspec.json.encode(description), indent=2))
