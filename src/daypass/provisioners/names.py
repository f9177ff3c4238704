"""From checked claims to an identity: who it is, which e-mail counts, which names the provider's rule yields.

A person is (issuer, subject); a name only ever makes a login easier to read (trust 1.3, 1.4). Nothing is bent
into shape: what is no login name as it stands yields none, and the policy says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from daypass.config import ProviderSection
from daypass.model import Identity, Kind, is_host_name, is_login_name
from daypass.provisioners.claims import Claims, IdToken, refused
from daypass.provisioners.nologin import no_login

__all__ = ["identity", "well_formed_email"]

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # RFC 5322 dot-atom
_PRINCIPAL = re.compile(r"[A-Za-z0-9._+-]+@[a-z0-9.-]+")  # of those, what may stand in a certificate
MAX_EMAIL = 254


@dataclass(frozen=True, slots=True)
class _Names:
    login: str | None = None
    names: tuple[str, ...] = ()


def identity(token: IdToken, section: ProviderSection, groups: frozenset[str]) -> Identity:
    """Raises Unauthenticated for a foreign tenant or domain, and for claims of the wrong type."""
    _check_hosted_domain(token.claims, section)
    email = _email(token.claims, section)
    names = _names(email, token.claims, section.login_name)
    return Identity(
        kind=Kind.PERSON,
        provider=section.name,
        issuer=token.issuer,
        subject=_subject(token, section),
        email=email,
        login=names.login,
        no_login=None if names.login else no_login(token.claims, email, section),
        names=names.names,
        groups=groups,
        auth_time=token.auth_time,
        amr=token.amr,
        acr=token.acr,
        claims=MappingProxyType(dict(token.claims)),
    )


def _subject(token: IdToken, section: ProviderSection) -> str:
    """Entra's `sub` differs for each application; (tid, oid) is the person, in a tenant we know (trust 1.3)."""
    if not section.tenants:
        return token.subject
    tenant, person = token.claims.get("tid"), token.claims.get("oid")
    if tenant not in section.tenants:
        raise refused("tenant", "you signed in with an account of a tenant that this CA does not know")
    if not isinstance(person, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", person):
        raise refused("subject", "the token names nobody: it has no oid")
    return f"{tenant}/{person}"


def _check_hosted_domain(claims: Claims, section: ProviderSection) -> None:
    """Google: without `hd` anyone's private account would do."""
    if section.hosted_domain and claims.get("hd") != section.hosted_domain:
        hint = f"sign in with your account at {section.hosted_domain}"
        raise refused("hosted-domain", "you signed in with an account of another organisation", hint)


def _email(claims: Claims, section: ProviderSection) -> str | None:
    """The address, domain in lower case, if it is well-formed and the provider's word for it counts."""
    address = claims.get("email")
    if address is None:
        return None
    if not isinstance(address, str):
        raise refused("claim", "the token's email is not a string", "tell the operator of this CA")
    formed = well_formed_email(address)
    return formed if formed and _is_verified(claims, formed.rpartition("@")[2], section) else None


def well_formed_email(address: str) -> str | None:
    """The address with its domain in lower case; None for what is none."""
    local, _, domain = address.rpartition("@")
    domain = domain.lower() if domain.isascii() else ""  # the Kelvin sign becomes a k
    formed = len(address) <= MAX_EMAIL and _LOCAL_PART.fullmatch(local) and is_host_name(domain)
    return f"{local}@{domain}" if formed else None


def _is_verified(claims: Claims, domain: str, section: ProviderSection) -> bool:
    """`email_verified` is exactly true (a string is not: opkssh#591); silence counts where `trust_email` says so."""
    if "email_verified" in claims:
        return claims["email_verified"] is True
    return section.trust_email and domain in section.email_domains


def _names(email: str | None, claims: Claims, rule: str) -> _Names:
    if rule.startswith("claim:"):
        name = claims.get(rule.removeprefix("claim:"))
        return _one(name if isinstance(name, str) else "")
    if email is None:
        return _Names()
    return _one(email.rpartition("@")[0]) if rule == "email" else _step(email)


def _one(name: str) -> _Names:
    return _Names(name, (name,)) if is_login_name(name) else _Names()


def _step(email: str) -> _Names:
    """The names step's OIDC gives: its sanitised local part, the local part as it is, the e-mail.

    A local part that is no login name is left out: in a certificate it could be read as something else
    (CVE-2026-35414).
    """
    local = email.rpartition("@")[0]
    login = re.sub(r"[^a-z0-9-]", "_", local.lower().replace(".", ""))
    if not is_login_name(login):
        return _Names()
    names = [login]
    if is_login_name(local):
        names.append(local)
    if _PRINCIPAL.fullmatch(email):
        names.append(email)
    return _Names(login, tuple(dict.fromkeys(names)))
