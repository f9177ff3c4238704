"""What the files of a CA hold: its signers, its TLS root and its trust document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from daypass.ca.clock import SystemClock
from daypass.ca.policy import Policy
from daypass.ca.ports import Signer
from daypass.config import Config
from daypass.errors import Misconfigured
from daypass.founding.trust import TrustFile, read_trust
from daypass.model import host_pattern_matches
from daypass.server.tls import Leaf, TlsSource
from daypass.signers.file import FileSigner
from daypass.signers.x509 import LEAF_LIFETIME, encode_certificate, fingerprint, issue_leaf, load_root
from daypass.trusted import public_keys
from daypass.wire import PublicKey

_SSH_USES = ("user", "host", "bundle")
_SIGN_NEXT = "bring the offline root and sign the next one, with the same --config: daypass ca trust"

__all__ = ["Parts", "host_of", "load_parts", "require_domains", "require_trusted", "usable"]


@dataclass(frozen=True, slots=True)
class Parts:
    """`trust`: as it lay on the disk at the start; `config`: this machine's own file."""

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
    leaves: TlsSource


def load_parts(config: Config, passphrase: bytes | None = None) -> Parts:
    """Raises Misconfigured for files that are missing, locked, or do not belong together."""
    signers = {use: [FileSigner.load(path, passphrase) for path in _files(config, use)] for use in _SSH_USES}
    root, root_key = load_root(_files(config, "tls")[0], passphrase)
    trust = read_trust(config.ca.trust)
    document = trust.document
    require_trusted(trust, {use: held[0].public_key for use, held in signers.items()})
    names = list(dict.fromkeys((host_of(config.ca.url), *_pages_hosts(config), *config.ca.names)))

    def leaf() -> Leaf:
        now = SystemClock().now()
        chain, key = issue_leaf(root, root_key, names, now)
        return Leaf(chain, key, now, now + LEAF_LIFETIME)

    return Parts(
        config=config,
        ca_id=trust.ca_id,
        trust=trust,
        user=signers["user"][0],
        host=signers["host"][0],
        bundle=signers["bundle"][0],
        user_keys=_announced(signers["user"][0], document.user_ca),
        host_keys=_announced(signers["host"][0], document.host_ca),
        bundle_keys=_announced(signers["bundle"][0], document.bundle_keys),
        root_pem=encode_certificate(root).decode(),
        root_fingerprint=fingerprint(root),
        leaves=leaf,
    )


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _pages_hosts(config: Config) -> list[str]:
    """The name that the CA's own leaf has to have for the pages, where nothing better serves them."""
    return [host_of(config.pages.url)] if config.pages is not None else []


def _files(config: Config, use: str) -> list[Path]:
    found = [key.file for key in config.keys if key.use == use]
    if not found:
        raise Misconfigured(f"there is no {use} key", code="keys", hint=f'add [[keys]] with use = "{use}"')
    return found


def require_domains(config: Config, trust: TrustFile) -> None:
    """What the CA would certify and laptops would not believe is told here, not on a laptop.

    A domain may be narrower than what was signed: names and patterns below `*.example.com` end in the same words.
    """
    domains, patterns = config.hosts.domains, trust.document.host_patterns
    missing = [each for each in domains if not any(host_pattern_matches(pattern, each) for pattern in patterns)]
    if missing:
        raise Misconfigured(
            f"hosts.domains holds {', '.join(missing)}, and the trust document does not: no laptop would believe it",
            code="trust.domains",
            hint=_SIGN_NEXT,
        )


def usable(config: Config) -> None:
    """Raises Misconfigured for a configuration that no process on this machine could put in force."""
    require_domains(config, read_trust(config.ca.trust))
    Policy(config)


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
