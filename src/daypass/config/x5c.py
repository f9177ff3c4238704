"""`[[x5c]]`: whose X.509 client certificates are believed, and for what."""

from __future__ import annotations

import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterator
from pathlib import Path

from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.schema import Config, X5cSection
from daypass.config.values import Fault, duration_fault, each, host_pattern_fault, path_fault, said

__all__ = ["x5c_faults"]

_KINDS = ("person", "workload", "host")
_RULES = ("email", "cn")
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+?)\s-----END CERTIFICATE-----\s*", re.ASCII)
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")  # SPIFFE-ID section 2.1
_SEQUENCE = b"\x30"  # what DER of a certificate begins with (RFC 5280 section 4.1)


def x5c_faults(config: Config) -> Iterator[Problem]:
    for index, section in enumerate(config.x5c):
        path = f"x5c[{index}]"
        if not section.roots:
            yield error(f"{path}.roots", "is empty: no certificate could be believed", "the PEM of your X.509 root")
        yield from each(f"{path}.roots", section.roots, _root_fault)
        yield from each(f"{path}.hosts", section.hosts, host_pattern_fault)
        yield from _who(section, path)
        if section.lifetime:
            yield from said(f"{path}.lifetime", duration_fault(section.lifetime))
        if section.crl_file:
            yield from said(f"{path}.crl_file", path_fault(Path(section.crl_file)))
        if section.allow_unbound:
            yield warning(f"{path}.allow_unbound", "is on: a stolen token can be used for another key")


def _who(section: X5cSection, path: str) -> Iterator[Problem]:
    if section.kind not in _KINDS:
        hint = did_you_mean(section.kind, _KINDS) or "person, workload or host"
        yield error(f"{path}.kind", f"{quoted(section.kind)} is not what a certificate can be of", hint)
    if section.trust_domain and not _TRUST_DOMAIN.fullmatch(section.trust_domain):
        fault = f"{quoted(section.trust_domain)} is not the name of a SPIFFE trust domain"
        yield error(f"{path}.trust_domain", fault, 'only the name, like "prod.example.com"')
    if section.trust_domain and section.kind == "person":
        yield error(f"{path}.trust_domain", "names workloads, and kind is person", 'kind = "workload"')
    if section.kind == "host" and not section.hosts:
        yield error(f"{path}.hosts", "is empty, so no host could have a name", 'hosts = ["*.example.com"]')
    if section.login_name not in _RULES:
        hint = did_you_mean(section.login_name, _RULES) or "email or cn"
        yield error(f"{path}.login_name", f"{quoted(section.login_name)} is not a rule", hint)


def _root_fault(text: str) -> Fault:
    """One PEM certificate (RFC 7468). Whether it can be read is found out where it is put to use."""
    found = _PEM.fullmatch(text)
    try:
        if found is not None and a2b_base64(found[1]).startswith(_SEQUENCE):
            return None
    except NotBase64:
        pass
    return "is not one certificate in PEM", "the root's own text, from BEGIN CERTIFICATE to END CERTIFICATE"
