"""What the files of a CA hold: its signers, its TLS root and its trust document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from daypass.assemble.clouds import require_library
from daypass.ca.clock import SystemClock
from daypass.ca.keys import CaKeys
from daypass.ca.krl_ports import RevokedSerials
from daypass.ca.policy import Policy
from daypass.ca.ports import Signer
from daypass.config import Config
from daypass.errors import Misconfigured
from daypass.founding.trust import TrustFile, read_trust
from daypass.hostnames import network_holds
from daypass.model import host_pattern_matches
from daypass.provisioners.jwk import JwkProvisioner
from daypass.provisioners.x5c import X5cProvisioner
from daypass.server.tls import Leaf, TlsSource
from daypass.signers.file import FileSigner
from daypass.signers.x509 import (
    LEAF_LIFETIME,
    cross_signed,
    encode_certificate,
    fingerprint,
    issue_leaf,
    load_root,
)
from daypass.trusted import public_keys
from daypass.wire import PublicKey

_SSH_USES = ("user", "host", "bundle")
_SIGN_NEXT = "bring the offline root and sign the next one, with the same --config: daypass ca trust"

__all__ = ["KeyFiles", "Parts", "host_names", "host_of", "load_parts", "require_domains", "require_trusted", "usable"]


@dataclass(frozen=True, slots=True)
class Parts:
    """`trust`: as it lay on the disk; `config`: this machine's own file; `roots`: PEM by fingerprint, of every X.509
    root that is announced, the one that vouches for the leaf first; `crossed`: PEM of that one by the root before it.
    """

    config: Config
    ca_id: bytes
    trust: TrustFile
    user: Signer
    host: Signer
    bundle: Signer
    user_keys: tuple[PublicKey, ...]
    host_keys: tuple[PublicKey, ...]
    bundle_keys: tuple[PublicKey, ...]
    root_pem: str
    root_fingerprint: str
    roots: Mapping[str, str]
    crossed: bytes
    leaves: TlsSource

    @property
    def keys(self) -> CaKeys:
        return CaKeys(
            self.user, self.host, self.bundle, self.user_keys, self.host_keys, self.bundle_keys,
            self.root_fingerprint, _break_glass_revoked(self.trust),
        )  # fmt: skip


@dataclass(slots=True)
class KeyFiles:
    """What opens the CA's key files. One that was opened before is not opened again: bcrypt takes its time."""

    passphrase: bytes | None = field(default=None, repr=False)
    _signers: dict[Path, FileSigner] = field(default_factory=dict, repr=False)
    _roots: dict[Path, tuple[x509.Certificate, ec.EllipticCurvePrivateKey]] = field(default_factory=dict, repr=False)

    def signer(self, path: Path) -> FileSigner:
        if path not in self._signers:
            self._signers[path] = FileSigner.load(path, self.passphrase)
        return self._signers[path]

    def root(self, path: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        if path not in self._roots:
            self._roots[path] = load_root(path, self.passphrase)
        return self._roots[path]


def load_parts(config: Config, passphrase: bytes | None = None, files: KeyFiles | None = None) -> Parts:
    """Only what signs is opened: a key that is announced, or no longer signs, may lie elsewhere.

    Raises Misconfigured for files that are missing, locked, or do not belong together.
    """
    files = files or KeyFiles(passphrase)
    signers = {use: files.signer(_first(config, use)) for use in _SSH_USES}
    root_file = _first(config, "tls")
    root, root_key = files.root(root_file)
    trust = read_trust(config.ca.trust)
    document = trust.document
    require_trusted(trust, {use: signer.public_key for use, signer in signers.items()})
    names = list(dict.fromkeys((host_of(config.ca.url), *_pages_hosts(config), *config.ca.names)))
    crossed = cross_signed(root_file)
    pem = encode_certificate(root).decode()
    announced = {fingerprint(x509.load_pem_x509_certificate(each.encode())): each for each in document.tls_roots}

    def leaf() -> Leaf:
        now = SystemClock().now()
        chain, key = issue_leaf(root, root_key, names, now)
        return Leaf(chain + crossed, key, now, now + LEAF_LIFETIME)

    return Parts(
        config=config,
        ca_id=trust.ca_id,
        trust=trust,
        user=signers["user"],
        host=signers["host"],
        bundle=signers["bundle"],
        user_keys=_announced(signers["user"], document.user_ca),
        host_keys=_announced(signers["host"], document.host_ca),
        bundle_keys=_announced(signers["bundle"], document.bundle_keys),
        root_pem=pem,
        root_fingerprint=fingerprint(root),
        roots={fingerprint(root): pem} | announced,
        crossed=crossed,
        leaves=leaf,
    )


def host_names(config: Config) -> list[str]:
    """How this CA is called in tokens that were made for it."""
    return [host_of(config.ca.url), *config.ca.names]


def _break_glass_revoked(trust: TrustFile) -> tuple[RevokedSerials, ...]:
    """The same serials of each key: which one of them has signed is known to who holds it."""
    document = trust.document
    serials = tuple((first, last) for first, last in document.break_glass_revoked)
    keys = sorted(public_keys(document.break_glass), key=lambda key: key.fingerprint) if serials else ()
    return tuple(RevokedSerials(key, serials) for key in keys)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _pages_hosts(config: Config) -> list[str]:
    """The name that the CA's own leaf has to have for the pages, where nothing better serves them."""
    return [host_of(config.pages.url)] if config.pages is not None else []


def _first(config: Config, use: str) -> Path:
    """The one that signs."""
    for key in config.keys:
        if key.use == use:
            return key.file
    raise Misconfigured(f"there is no {use} key", code="keys", hint=f'add [[keys]] with use = "{use}"')


def require_domains(config: Config, trust: TrustFile) -> None:
    """What the CA would certify and laptops would not believe is told here, not on a laptop.

    A domain may be narrower than what was signed: names and patterns below `*.example.com` end in the same words.
    """
    document = trust.document
    for key, missing in (
        ("domains", _unsigned(config.hosts.domains, document.host_patterns, host_pattern_matches)),
        ("short_names", [each for each in (config.hosts.short_names,) if each not in ("", document.short_domain)]),
        ("addresses", _unsigned(config.hosts.addresses, document.address_networks, network_holds)),
    ):
        if missing:
            raise Misconfigured(
                f"hosts.{key} holds {', '.join(missing)}, the trust document does not: no laptop would believe it",
                code="trust.domains",
                hint=_SIGN_NEXT,
            )


def _unsigned(wanted: Sequence[str], signed: Sequence[str], holds: Callable[[str, str], bool]) -> list[str]:
    return [each for each in wanted if not any(holds(outer, each) for outer in signed)]


def usable(config: Config) -> None:
    """Raises Misconfigured for a configuration that no process on this machine could put in force."""
    require_domains(config, read_trust(config.ca.trust))
    _require_scim(config)
    for section in config.clouds:
        require_library(section)
    _require_keys(config)
    Policy(config)


def _require_keys(config: Config) -> None:
    """Keys and roots in tables, which are the same on every machine, have to be some."""
    clock = SystemClock()
    for key in config.jwk:
        JwkProvisioner(key, [], _nothing, clock)
    for roots in config.x5c:
        X5cProvisioner(roots, [], clock)


async def _nothing(_serial: int) -> None:
    """Is on record."""


def _require_scim(config: Config) -> None:
    """Whoever has a directory push its people has to be able to take it in: without it nobody signs in there."""
    wanted = [each.name for each in config.providers if each.scim is not None]
    if wanted and find_spec("scim2_server") is None:
        raise Misconfigured(
            f'provider "{wanted[0]}" has [providers.scim], and the library for it is not installed here',
            code="scim.library",
            hint='pip install "daypass[ca,scim]"',
        )


def require_trusted(trust: TrustFile, keys: Mapping[str, PublicKey]) -> None:
    """The keys that sign are announced. `keys`: by their use."""
    document = trust.document
    announced = {"user": document.user_ca, "host": document.host_ca, "bundle": document.bundle_keys}
    for use, key in keys.items():
        if key not in public_keys(announced[use]):
            raise Misconfigured(
                f"the {use} key {key.fingerprint} is not in the trust document: no client would believe it",
                code="trust.key",
                hint=_SIGN_NEXT,
            )


def _announced(signer: Signer, lines: list[str]) -> tuple[PublicKey, ...]:
    """Every key of the trust document, the one that signs first."""
    return (signer.public_key, *(key for key in public_keys(lines) if key != signer.public_key))
