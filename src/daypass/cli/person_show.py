"""How people are shown. All of it was written by others: providers, operators, the people themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from daypass.cli.output import moment, printable, utc

if TYPE_CHECKING:
    from msgspec import Struct

    from daypass.api import (
        PersonConflict,
        PersonDetails,
        PersonIdentity,
        PersonLine,
        ReservedName,
    )

__all__ = ["conflict_lines", "details_lines", "is_of_system", "person_line", "plain"]

_TIMES = ("linked_at", "locked_at", "created_at", "first_at", "last_at", "signed_in_at", "valid_before", "time")


def person_line(one: PersonLine | ReservedName) -> str:
    from daypass.api import ReservedName

    if isinstance(one, ReservedName):
        return printable(f"{'-':>5}  {one.name:<20} reserved: {one.reason or 'nobody gets it'}")
    emails = dict.fromkeys(each.email for each in one.identities if each.email)
    who = [*emails, *map(_identity, one.identities)]
    locked = f"  LOCKED since {moment(one.locked_at)}" if one.locked_at is not None else ""
    return printable(f"{'#' + str(one.id):>5}  {one.login or '(no login)':<20} {'  '.join(who)}{locked}")


def is_of_system(one: ReservedName) -> bool:
    """Kept because some host has a system account of that name: each host brings dozens."""
    from daypass.ca.person_ports import SYSTEM_ACCOUNT

    return one.reason.startswith(SYSTEM_ACCOUNT)


def details_lines(found: PersonDetails) -> Iterator[str]:
    one = found.person
    yield printable(f"{one.login or '(no login)'}  #{one.id}")
    if one.locked_at is not None:
        yield f"  LOCKED since {moment(one.locked_at)}"
    if others := [name for name in one.names if name != one.login]:
        yield printable(f"  also called   {', '.join(others)}")
    yield f"  on record     since {moment(one.created_at)}"
    last = "never" if found.signed_in_at is None else moment(found.signed_in_at)
    yield f"  last sign-in  {last}"
    for host in found.clashes:
        yield printable(f"  WARNING       {one.login} is a system account on {host}")
    for each in one.identities:
        yield from map(printable, _identity_lines(each))
    for certificate in found.certificates:
        of = f", sign-in {certificate.signin}" if certificate.signin else ""
        yield printable(f"  certificate   {certificate.serial}, until {moment(certificate.valid_before)}{of}")
        yield printable(f"                {', '.join(certificate.principals)}")
    for event in found.history:
        reason = f" ({event.reason})" if event.reason else ""
        yield printable(f"  {moment(event.time)}  {event.text}{reason}, by {event.actor}")


def conflict_lines(each: PersonConflict) -> Iterator[str]:
    email = f" ({each.email})" if each.email else ""
    yield printable(f"{each.name} was refused to {each.provider}:{each.subject}{email}, last {moment(each.last_at)}")
    yield printable(f"  {_taken(each)}")
    for command in each.commands:
        what = "one human being:" if " link " in command else "another name:"
        yield printable(f"  {what:<17} {command}")


def plain(value: Struct) -> Any:
    """For JSON: times as UTC."""
    import msgspec

    return _timed(msgspec.to_builtins(value))


def _identity(one: PersonIdentity) -> str:
    return f"{one.provider or '?'}:{one.subject}"


def _identity_lines(one: PersonIdentity) -> Iterator[str]:
    linked = f", linked by {one.linked_by} {moment(one.linked_at)}" if one.linked_by else ""
    yield f"  identity      {_identity(one)}{linked}"
    if one.email:
        yield f"                {one.email}"
    if one.groups:
        yield f"                groups: {', '.join(one.groups)}"


def _taken(each: PersonConflict) -> str:
    if each.person is None:
        return f"it is reserved{f': {each.reason}' if each.reason else ''}"
    whose = f"{each.login or '(no login)'} (#{each.person})"
    return f"it was the name of {whose}" if each.released else f"it is the name of {whose}"


def _timed(value: Any) -> Any:
    if isinstance(value, list):
        return [_timed(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: utc(each) if name in _TIMES and isinstance(each, int) else _timed(each) for name, each in value.items()
    }
