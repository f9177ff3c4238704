"""Operators: who may do what with the CA itself (trust 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from daypass.config.problem import Problem, did_you_mean, error, quoted, warning
from daypass.config.reach import host_glob_fault, outside
from daypass.config.schema import Config, OperatorSection
from daypass.config.values import Fault, each
from daypass.config.who import who_faults
from daypass.model import ROLE_NAME

__all__ = ["CAPABILITIES", "TWO_PERSONS", "operator_faults"]

CAPABILITIES = ("audit", "revoke", "lock", "unlock", "persons", "configure", "rotate")
# Over the network one asks for these and another approves (trust 4.3): act -> the capability it takes.
TWO_PERSONS = {
    "unlock": "unlock",
    "person_link": "persons",  # whoever links an account of theirs to somebody is that somebody
    "config_publish": "configure",
    "config_rollback": "configure",
}
_UNUSED = ("rotate",)
_FORMS = (*CAPABILITIES, "token:HOSTS", "approve:ACT")
_OF_ADDRESSES = re.compile(r"[0-9]+\.[0-9.*?]*")  # "token:10.0.0.*": a name's last label is no number
_SIGN_IN = 60  # seconds; nobody signs in and asks in less


def operator_faults(config: Config) -> Iterator[Problem]:
    for index, operator in enumerate(config.operators):
        yield from _operator(operator, f"operators[{index}]", config)
    for capability in dict.fromkeys(TWO_PERSONS.values()):
        yield from _one_person_only(capability, config.operators)


def _operator(operator: OperatorSection, path: str, config: Config) -> Iterator[Problem]:
    if not ROLE_NAME.fullmatch(operator.name):
        fault = f"{quoted(operator.name)} is not a name"
        yield error(f"{path}.name", fault, "a-z, 0-9 and - up to 63, a letter first")
    yield from who_faults(operator, path, config, _SIGN_IN)
    if not operator.can:
        yield error(f"{path}.can", "is empty: this operator may do nothing", f"any of {', '.join(_FORMS)}")
    yield from each(f"{path}.can", operator.can, _capability_fault)
    for index, capability in enumerate(operator.can):
        yield from _of_no_use(capability, f"{path}.can[{index}]", config)


def _capability_fault(text: str) -> Fault:
    kind, _, value = text.partition(":")
    if text in CAPABILITIES:
        return None
    if kind == "token" and not value:
        return f"{quoted(text)} names no hosts", '"token:*" for all of them'
    if kind == "token":
        return host_glob_fault(value)
    if kind == "approve" and value in TWO_PERSONS:
        return None
    if kind == "approve":
        hint = did_you_mean(value, TWO_PERSONS) or f"approve: {', '.join(TWO_PERSONS)}"
        return f"{quoted(text)} approves nothing that needs a second person", hint
    return f"{quoted(text)} is nothing that one can be allowed", did_you_mean(
        text, _FORMS
    ) or f"any of {', '.join(_FORMS)}"


def _of_no_use(capability: str, path: str, config: Config) -> Iterator[Problem]:
    kind, _, value = capability.partition(":")
    if capability in _UNUSED:
        yield warning(path, f"{quoted(capability)} has no use yet: nothing asks for it")
    if kind == "token" and value and not _OF_ADDRESSES.fullmatch(value):
        yield from (error(path, each.message, each.suggestion) for each in outside([value], "", config.hosts.domains))


def _one_person_only(capability: str, operators: list[OperatorSection]) -> Iterator[Problem]:
    """Who asks can't approve, so it takes two who could (trust 4.3)."""
    approving = {f"approve:{act}" for act, needs in TWO_PERSONS.items() if needs == capability}
    asking = [each for each in operators if capability in each.can]
    able = [each for each in operators if capability in each.can or approving & set(each.can)]
    people = {email.lower() for each in able for email in each.emails}
    if asking and all(each.emails for each in able) and len(people) < 2:
        fault = f"{quoted(capability)} needs two persons, and there is nobody else who could approve it"
        hint = f"give it to another one, or: {' '.join(sorted(approving))}"
        yield warning(f"operators[{operators.index(asking[0])}].can", fault, hint)
