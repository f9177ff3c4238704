"""The part of the configuration that every process of one CA must share, in one canonical form.

Its SHA-256 is the policy hash that stands in the store and in every ledger entry; a CA whose file differs from
the store does not issue (trust 7.4). Addresses and paths are local to a machine; secrets are nobody's policy.
"""

from __future__ import annotations

import hashlib

import msgspec

from daypass.config.schema import Config, ProviderSection

__all__ = ["policy_document", "policy_hash"]

_encoder = msgspec.json.Encoder(order="sorted")


def policy_document(config: Config) -> str:
    """Canonical JSON: keys sorted, no spaces, defaults written out."""
    shared = {
        "config_version": config.config_version,
        "ca": {"name": config.ca.name},
        "hosts": config.hosts,
        "lifetimes": config.lifetimes,
        "providers": [_without_secret(provider) for provider in config.providers],
        "roles": config.roles,
        "reserved_logins": config.reserved_logins,
    }
    return _encoder.encode(shared).decode()


def policy_hash(config: Config) -> bytes:
    """SHA-256 of the policy document, 32 bytes."""
    return hashlib.sha256(policy_document(config).encode()).digest()


def _without_secret(provider: ProviderSection) -> dict[str, object]:
    fields = msgspec.structs.asdict(provider)
    del fields["client_secret"]
    return fields
