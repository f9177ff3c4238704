"""What a change of each key can do: a rule compares the old value with the new one, and says it in words.

A rule that gives nothing has seen two ways to write the same. Whatever is not sure to be narrower is not called so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from ipaddress import ip_network
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from daypass.config.schema import FailClosedSection, NewAccountsSection, ScimSection
from daypass.errors import Invalid
from daypass.model import parse_duration, shown

__all__ = ["DIFFERENT", "NARROWER", "RULES", "WIDER", "Effect", "Said", "different", "listed"]


class Effect(StrEnum):
    WIDER = "wider"  # somebody may get more by it
    NARROWER = "narrower"  # nobody can
    DIFFERENT = "different"  # more for some, less for others, or nobody can tell


WIDER, NARROWER, DIFFERENT = Effect.WIDER, Effect.NARROWER, Effect.DIFFERENT
Said = tuple[Effect, str]
Rule = Callable[[Any, Any], Iterator[Said]]
Covers = Callable[[str, str], bool]


def listed(values: Sequence[object]) -> str:
    """A few of them, as a line may repeat them."""
    some = ", ".join(shown(str(value)) for value in values[:8])
    return f"{some} and {len(values) - 8} more" if len(values) > 8 else some or "nothing"


def different(old: object, new: object) -> Iterator[Said]:
    yield DIFFERENT, f"{_told(old)} -> {_told(new)}"


def _told(value: object) -> str:
    if isinstance(value, str):
        return shown(value)
    if value is None:
        return "nothing"
    if isinstance(value, Struct):
        return ", ".join(f"{each.name} {_told(got)}" for each in fields(value) if (got := getattr(value, each.name)))
    return listed(value) if isinstance(value, list) else str(value)


def _same(outer: str, inner: str) -> bool:
    return outer == inner


def _given(old: Sequence[str], new: Sequence[str], *, covers: Covers = _same) -> Iterator[Said]:
    """A list of what is given; empty means nothing."""
    if added := [value for value in new if not any(covers(other, value) for other in old)]:
        yield WIDER, f"adds {listed(added)}"
    if removed := [value for value in old if not any(covers(other, value) for other in new)]:
        yield NARROWER, f"takes away {listed(removed)}"


def _asked(old: Sequence[str], new: Sequence[str], *, covers: Covers = _same) -> Iterator[Said]:
    """A condition: any of its values will do; empty asks for nothing."""
    if not old:
        yield NARROWER, f"now asks for {listed(new)}"
    elif not new:
        yield WIDER, f"no longer asks for {listed(old)}"
    else:
        yield from _given(old, new, covers=covers)


def _asked_by_name(old: Mapping[str, Sequence[str]], new: Mapping[str, Sequence[str]]) -> Iterator[Said]:
    """Conditions by name (labels, claims), all of which must hold; one without values never does."""
    for name in {**old, **new}:
        if name not in old:
            yield NARROWER, f"now asks for {shown(name)} {listed(new[name])}"
        elif name not in new:
            yield WIDER, f"no longer asks for {shown(name)}"
        else:
            yield from ((effect, f"{shown(name)} {text}") for effect, text in _given(old[name], new[name]))


def _bound(old: str, new: str) -> Iterator[Said]:
    """A condition of one value."""
    if old and new:
        yield DIFFERENT, f"{shown(old)} -> {shown(new)}"
    elif new:
        yield NARROWER, f"now has to be {shown(new)}"
    else:
        yield WIDER, f"no longer has to be {shown(old)}"


def _extra(old: str, new: str) -> Iterator[Said]:
    """A way in that is there only if it is named."""
    if old and new:
        yield DIFFERENT, f"{shown(old)} -> {shown(new)}"
    else:
        yield (WIDER, f"now is {shown(new)}") if new else (NARROWER, f"is no longer {shown(old)}")


def _directory(old: ScimSection | None, new: ScimSection | None) -> Iterator[Said]:
    """With one, only those who are active in it sign in."""
    if old is not None and new is not None:
        yield DIFFERENT, f"is matched by {shown(old.match)} -> {shown(new.match)}"
    elif new is not None:
        yield NARROWER, f"now lets in only who is active in a directory, by {shown(new.match)}"
    else:
        yield WIDER, "no longer asks a directory"


def _by_name(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Said]:
    """What is given, by name; and where it comes from."""
    for name in {**old, **new}:
        for effect, text in _extra(old.get(name, ""), new.get(name, "")) if old.get(name) != new.get(name) else ():
            yield effect, f"{shown(name)} {text}"


def _switch(old: bool, new: bool, *, on: Effect) -> Iterator[Said]:
    off = NARROWER if on is WIDER else WIDER
    yield (on if new else off), f"{str(old).lower()} -> {str(new).lower()}"


def _longest(old: str, new: str, *, unset: str = "no limit", longer: Effect = WIDER) -> Iterator[Said]:
    """A span of time; empty is longer than any."""
    before, after = _seconds(old), _seconds(new)
    if before != after:
        shorter = NARROWER if longer is WIDER else WIDER
        yield (longer if after > before else shorter), f"{old or unset} -> {new or unset}"


def _backdate(old: str, new: str) -> Iterator[Said]:
    """Less is more for some: a renewal is as long as the certificate that is shown, but for this."""
    for effect, said in _longest(old, new):
        yield (DIFFERENT if effect is NARROWER else effect), said


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) if text else math.inf
    except Invalid:
        return math.nan  # is neither longer nor shorter, and never equal


def _new_accounts(old: NewAccountsSection | None, new: NewAccountsSection | None) -> Iterator[Said]:
    if old is None or new is None:
        yield (NARROWER, "are no longer made") if new is None else (WIDER, "are made where there are none")
        return
    for key in ("groups", "privileged_groups"):
        for effect, text in _given(getattr(old, key), getattr(new, key)):
            yield effect, f"{key} {text}"
    if old.shell != new.shell:
        yield DIFFERENT, f"shell {shown(old.shell)} -> {shown(new.shell)}"


def _reserved(old: Sequence[str], new: Sequence[str]) -> Iterator[Said]:
    if added := sorted(set(new) - set(old)):
        yield NARROWER, f"adds {listed(added)}"
    if removed := sorted(set(old) - set(new)):
        yield WIDER, f"no longer keeps {listed(removed)}"


def _pattern_covers(outer: str, inner: str) -> bool:
    """Only a star stands for anything, so what matches a pattern's text matches all that the pattern does."""
    return outer == inner or (not set("?[]!") & set(outer + inner) and fnmatchcase(inner, outer))


def _network_covers(outer: str, inner: str) -> bool:
    try:
        wide, narrow = ip_network(outer), ip_network(inner)
    except ValueError:
        return outer == inner
    return wide.version == narrow.version and narrow.subnet_of(wide)  # type: ignore[arg-type]


def _fail_closed(old: Sequence[FailClosedSection], new: Sequence[FailClosedSection]) -> Iterator[Said]:
    if added := [_closing(each) for each in new if each not in old]:
        yield NARROWER, f"closes {listed(added)}"
    if removed := [_closing(each) for each in old if each not in new]:
        yield WIDER, f"closes no more {listed(removed)}"


def _closing(section: FailClosedSection) -> str:
    labels = [f"{name}={'|'.join(values)}" for name, values in section.labels.items()]
    return f"{' '.join([*section.hosts, *labels])} after {section.after}"


_more, _less = partial(_switch, on=WIDER), partial(_switch, on=NARROWER)
_ceiling = partial(_longest, unset="the CA's")
_floor = partial(_longest, longer=NARROWER)

_WHO: dict[str, Rule] = {
    "provider": _bound,
    "groups": _asked,
    "emails": _asked,
    "domains": _asked,
    "claims": _asked_by_name,
    "amr": _asked,
    "acr": _asked,
    "max_auth_age": _longest,
}
_ROLE: dict[str, Rule] = _WHO | {
    "hosts": partial(_asked, covers=_pattern_covers),
    "labels": _asked_by_name,
    "accounts": _given,
    "new_accounts": _new_accounts,
    "lifetime": _ceiling,
    "max_session": _longest,
    "windows": _asked,
    "extensions": _given,
    "source_address": partial(_asked, covers=_network_covers),
    "force_command": _bound,
    "day_pass": _more,
    "bare_hosts": _more,
    "git": _by_name,
    "refuse_remote": _less,
}
_OPERATOR: dict[str, Rule] = _WHO | {"can": _given}
_PROVIDER: dict[str, Rule] = {
    "web_client_id": _extra,
    "device_client_id": _extra,
    "algorithms": _given,
    "max_age": _longest,
    "require_auth_time": _less,
    "allow_unbound": _more,
    "trust_email": _more,
    "email_domains": _given,
    "hosted_domain": _bound,
    "logout": _less,
}
_LIFETIMES: dict[str, Rule] = {
    "user": _longest,
    "host": _longest,
    "floor": _floor,
    "user_ceiling": _longest,
    "host_ceiling": _longest,
    "backdate": _backdate,
}

RULES: Mapping[str, Rule] = {
    **{f"roles.{key}": rule for key, rule in _ROLE.items()},
    **{f"operators.{key}": rule for key, rule in _OPERATOR.items()},
    **{f"providers.{key}": rule for key, rule in _PROVIDER.items()},
    "providers.scim": _directory,
    **{f"lifetimes.{key}": rule for key, rule in _LIFETIMES.items()},
    "hosts.domains": partial(_given, covers=_pattern_covers),
    "hosts.short_names": _extra,
    "hosts.addresses": partial(_given, covers=_network_covers),
    "hosts.fail_closed": _fail_closed,
    "reserved_logins": _reserved,
}
"""By `TABLE.KEY`; a key that has none here is different."""
