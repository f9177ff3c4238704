"""An entry of the ledger as a person reads it: when, what, who did it, to what, under which version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daypass.cli.output import moment, printable

__all__ = ["entry_line"]

_HEAD = frozenset({"seq", "time", "act", "actor", "policy", "version"})
_FOR_PROOF = frozenset({"once", "ca_key", "digest", "hash", "issuer", "valid_after"})
_REFUSED = ("why", "code", "role", "condition")
_FLAGS = {"gone": "out for good", "held": "sessions wait for an operator", "complete": "all hosts have answered"}
_LONGEST = 300  # characters of what one field says


def entry_line(raw: bytes) -> str:
    """One line, whatever is in the entry: `12  Mon 23 Nov 13:03 UTC  certificate.deny  corp:248289  …  v3`. What is
    no entry at all is shown as it stands; that it should not be there `daypass ledger verify` says."""
    import msgspec

    try:
        entry = msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return printable(_short(raw.decode(errors="replace")))
    when = entry.get("time")
    parts = [
        str(entry.get("seq")),
        moment(when) if isinstance(when, int) else "?",
        str(entry.get("act")),
        str(entry.get("actor")),
        _said(entry),
        f"v{entry['version']}" if "version" in entry else "",
    ]
    return "  ".join(printable(part) for part in parts if part)


def _said(entry: Mapping[str, object]) -> str:
    if "why" in entry and "code" in entry:
        return _refusal(entry)
    if entry.get("act") == "ending.report" and "hosts" in entry:
        return _report(entry)
    return ", ".join(_facts(entry))


def _report(entry: Mapping[str, object]) -> str:
    """How far an ending had come."""
    hosts = f"applied on {entry.get('applied')} of {entry['hosts']} hosts"
    counts = [f"{what} {entry[name]}" for name, what in _COUNTS.items() if entry.get(name)]
    return ", ".join([*_facts(entry, ("applied", "hosts", "complete", *_COUNTS)), hosts, *counts])


_COUNTS = {"closed": "sessions closed", "remains": "left behind", "unreached": "hosts not reached"}


def _refusal(entry: Mapping[str, object]) -> str:
    """The words the person was shown, then the rule: code, and where there is one, role and condition."""
    rule = [str(entry["code"])]
    rule += [f"{key} {entry[key]}" for key in ("role", "condition") if entry.get(key)]
    more = [f"; {fact}" for fact in _facts(entry, _REFUSED)]
    return f"{_short(entry['why'])} ({', '.join(rule)}){''.join(more)}"


def _facts(entry: Mapping[str, object], besides: tuple[str, ...] = ()) -> Iterator[str]:
    """`name value` of what is there, without what only a proof needs; those are in --json."""
    left_out = _HEAD | _FOR_PROOF | frozenset(besides) | ({"persons"} if "about" in entry else set())
    if entry.get("actor") == f"{entry.get('provider')}:{entry.get('subject')}":
        left_out |= {"provider", "subject"}
    for name, value in entry.items():
        if name in left_out or value in (None, "", [], {}) or (value is False and name in _FLAGS):
            continue
        if isinstance(value, bool):
            yield _FLAGS.get(name, _words(name)) if value else f"not {_words(name)}"
            continue
        yield f"{_words(name)} {_short(_value(name, value))}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(name: str, value: object) -> str:
    if (name == "valid_before" or name.endswith("_at")) and isinstance(value, int):
        return moment(value)
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return " ".join(f"{key}={each}" for key, each in value.items())
    return str(value)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
