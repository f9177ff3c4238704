"""Why what a provider sends gives no login name: what it sent, what of it does not fit, which setting would help.

Nothing is bent into shape: "Müller" as "mueller" or "muller" could be somebody else's name.
"""

from __future__ import annotations

from daypass.config import ProviderSection
from daypass.model import NoLogin, is_login_name, shown
from daypass.provisioners.claims import Claims

__all__ = ["no_login"]

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz_")
_FITTING = _FIRST | frozenset("0123456789.-")
_LONGEST = 32
_LISTED = 5  # characters that do not fit


def no_login(claims: Claims, email: str | None, section: ProviderSection) -> NoLogin:
    """`email`: the verified address, if there is one. To be asked only where `login_name` yields nothing."""
    rule, provider = section.login_name, section.name
    if rule.startswith("claim:"):
        return _from_claim(rule.removeprefix("claim:"), claims, provider)
    address = claims.get("email")
    other = f'operator: login_name = "claim:NAME" for provider "{provider}", with a claim people can\'t edit'
    if not isinstance(address, str) or not address:
        hint = f'operator: "email" in the scopes of provider "{provider}", or login_name = "claim:NAME"'
        return NoLogin(f"{provider} sends no e-mail address to take your login name from", hint)
    fault = misfit(address.rpartition("@")[0])
    if email is None and not fault:
        return _unverified(address, claims, provider)
    return NoLogin(f"{provider} sends the address {shown(address)}, and {fault}", other)


def misfit(name: str) -> str:
    """Why it is no login name ([a-z_][a-z0-9._-]{0,31}), as the second half of a sentence; "" where it is one."""
    if is_login_name(name):
        return ""
    strange = [each for each in dict.fromkeys(name) if each not in _FITTING]
    if strange:
        listed = ", ".join(shown(each) for each in strange[:_LISTED])
        return f"{listed} can't stand in a login name"
    if len(name) > _LONGEST:
        return f"what would be the login name has {len(name)} characters; it may have {_LONGEST}"
    return f"a login name can't begin with {shown(name[0])}" if name else "there is nothing before the @"


def _from_claim(claim: str, claims: Claims, provider: str) -> NoLogin:
    value = claims.get(claim)
    hint = f'operator: have it send one that fits, or login_name = "email" for provider "{provider}"'
    if value is None or value == "":
        return NoLogin(f"{provider} sends no {shown(claim)} to take your login name from", hint)
    if not isinstance(value, str):
        return NoLogin(f"the {shown(claim)} that {provider} sends is not text, so it gives no login name", hint)
    return NoLogin(f"{provider} sends the {claim} {shown(value)}, and {misfit(value)}", hint)


def _unverified(address: str, claims: Claims, provider: str) -> NoLogin:
    """Well formed, or nearly: but the provider's word for it does not count (trust 1.4)."""
    if claims.get("email_verified") is True:
        hint = f'operator: correct it at {provider}, or login_name = "claim:NAME" for provider "{provider}"'
        return NoLogin(f"{provider} sends the address {shown(address)}, which is not well formed", hint)
    said = f"{provider} does not say that the address {shown(address)} is verified"
    if "email_verified" in claims:
        return NoLogin(f"{said}, so it gives no login name", f"verify your address at {provider}, then sign in again")
    domain = address.rpartition("@")[2]
    hint = f'operator: if "{provider}" gives these addresses out itself: trust_email = true, email_domains = '
    return NoLogin(f"{said}, so it gives no login name", f"{hint}[{shown(domain)}]")
