"""The part of the configuration that every process of one CA must share, in one canonical form.

Its SHA-256 is the policy hash that stands in the store and in every ledger entry. What is in the store is what every
CA process decides by, whatever its own file says (trust 7.4, docs/adr/published-configuration.md). Addresses and
paths are local to a machine, and so are its web pages; secrets are nobody's policy.
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import FieldInfo, fields

from daypass.config.schema import Config, Section
from daypass.config.ways import WAYS

__all__ = ["SECRETS", "policy_document", "policy_hash"]

SECRETS = ("client_secret", "web_client_secret", "device_client_secret")
_encoder = msgspec.json.Encoder(order="sorted")


def policy_document(config: Config) -> str:
    """Canonical JSON: keys sorted, no spaces, defaults left out.

    So a release that adds a key leaves the hash as it is, and old and new processes of one CA agree while it is
    rolled out.
    """
    shared = {
        "config_version": config.config_version,
        "ca": {"name": config.ca.name},
        "hosts": _chosen(config.hosts),
        "lifetimes": _chosen(config.lifetimes),
        "providers": [_chosen(provider, *SECRETS) for provider in config.providers],
        "roles": [_chosen(role) for role in config.roles],
        "reserved_logins": config.reserved_logins,
    }
    if endings := _chosen(config.endings):
        shared["endings"] = endings
    for key in WAYS:
        if sections := getattr(config, key):
            shared[key] = [_chosen(each) for each in sections]
    if config.operators:
        shared["operators"] = [_chosen(operator) for operator in config.operators]
    if config.bastions:
        shared["bastions"] = [_chosen(bastion) for bastion in config.bastions]
    return _encoder.encode(shared).decode()


def policy_hash(config: Config) -> bytes:
    """SHA-256 of the policy document, 32 bytes."""
    return hashlib.sha256(policy_document(config).encode()).digest()


def _chosen(section: Section, *without: str) -> dict[str, object]:
    """The fields that are not as they are by default."""
    found = {field.name: (getattr(section, field.name), _default(field)) for field in fields(section)}
    chosen = {name: value for name, (value, default) in found.items() if value != default and name not in without}
    return {name: _written(value) for name, value in chosen.items()}


def _written(value: object) -> object:
    if isinstance(value, list):
        return [_written(each) for each in value]
    return _chosen(value) if isinstance(value, Section) else value


def _default(field: FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
