"""From files on disk to a Config, or to one error that lists every mistake in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from daypass.config.document import SECRETS
from daypass.config.files import MAX_BYTES, Source, included, read_main
from daypass.config.joining import joined
from daypass.config.meaning import meaning
from daypass.config.problem import Problem, error, errors_in
from daypass.config.schema import Config, EventSection, IncludedFile, KeySection, ProviderSection, Section
from daypass.config.shape import shape
from daypass.errors import Misconfigured

__all__ = ["Reading", "examine", "load", "parse", "problems", "read", "rebased"]

# tomllib takes quadratic time for a dotted key, and a key can't leave its line.
_MAX_LINE = 4 * 1024
_MAX_DOTS = 256
_S = TypeVar("_S", bound=Section)
_PARTS = frozenset(each.name for each in msgspec.structs.fields(IncludedFile))
_MAIN_ONLY = frozenset(each.name for each in msgspec.structs.fields(Config)) - _PARTS


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading. The Config is to be used only if no problem is an error. `secret`: the files with a
    client secret in them."""

    config: Config
    problems: list[Problem]
    secret: tuple[Path, ...] = ()


def load(path: Path) -> Config:
    """Raises Misconfigured, whose message lists every mistake; warnings do not stop it."""
    found = read(path)
    mistakes = errors_in(found.problems)
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        hint = f"correct it, then: daypass ca check-config --config {path}"
        raise Misconfigured(f"{path} has {count}:{listed}", code="config.invalid", hint=hint)
    return found.config


def read(path: Path) -> Reading:
    """The file and all that it includes. Raises Misconfigured if there is no such file."""
    main = read_main(path)
    config, faults = _decoded(main.content, Config)
    if config is None:
        return Reading(shape({}, Config)[0], faults)
    sources, unread = included(main, config.include)
    parts: list[tuple[str, IncludedFile]] = []
    secret = [path] if _has_secret(config) else []
    for source in sources:
        part, wrong = _part(source)
        parts.append((source.name, part))
        secret += [source.path] if _has_secret(part) else []
        faults += wrong
    return Reading(*_judged(config, parts, faults + unread), tuple(secret))


def problems(text: str | bytes) -> list[Problem]:
    """Every mistake and warning in the text of a configuration file, in the order of its keys' look-up."""
    return examine(text)[1]


def examine(text: str | bytes) -> tuple[Config, list[Problem]]:
    """The Config, to be used only if no problem is an error, and all problems. What it includes is not looked at."""
    config, faults = _decoded(text, Config)
    if config is None:
        return shape({}, Config)[0], faults
    return _judged(config, [], faults)


def _judged(
    main: Config, parts: list[tuple[str, IncludedFile]], faults: list[Problem]
) -> tuple[Config, list[Problem]]:
    """`faults`: what was found before anybody asked what it means."""
    whole, origins = joined(main, parts)
    meant = [origins.home(each) for each in meaning(whole)]
    return whole, faults + [each for each in meant if not _explained(each, faults)]


def _part(source: Source) -> tuple[IncludedFile, list[Problem]]:
    part, faults = _decoded(source.content, IncludedFile)
    return part or IncludedFile(), [replace(_in_main(each), file=source.name) for each in faults]


def _has_secret(part: Config | IncludedFile) -> bool:
    return any(getattr(provider, name) for provider in part.providers for name in SECRETS)


def _in_main(fault: Problem) -> Problem:
    """A key that the main file has is not unknown."""
    return error(fault.path, "stands in the main file only") if fault.path in _MAIN_ONLY else fault


def rebased(config: Config, root: Path) -> Config:
    """The same configuration with every path below `root`, as `--root` asks for tests and images."""
    if root == Path("/"):
        return config
    ca, replace = config.ca, msgspec.structs.replace
    moved = {name: below(root, getattr(ca, name)) for name in ("state", "admin_socket", "trust", "secrets_key")}
    passphrase = ca.passphrase_file and below(root, ca.passphrase_file)
    database = ca.database
    if database.startswith("sqlite:////"):
        database = f"sqlite:///{below(root, Path(database.removeprefix('sqlite:///')))}"
    keys = [KeySection(use=key.use, file=below(root, key.file)) for key in config.keys]
    if pages := config.pages:
        files = {"certificate": pages.certificate, "key": pages.key}
        pages = replace(pages, **{name: path and below(root, path) for name, path in files.items()})
    events = [replace(each, **_moved(root, each)) for each in config.events]
    providers = [_moved_provider(root, each) for each in config.providers]
    ca = replace(ca, passphrase_file=passphrase, database=database, **moved)
    return replace(config, keys=keys, pages=pages, ca=ca, events=events, providers=providers)


def _moved(root: Path, event: EventSection) -> dict[str, Path]:
    paths = {name: getattr(event, name) for name in ("secret_file", "file", "roots")}
    return {name: below(root, path) for name, path in paths.items() if path is not None and path.is_absolute()}


def _moved_provider(root: Path, provider: ProviderSection) -> ProviderSection:
    signals = provider.signals
    if signals is None or not signals.poll_token_file.startswith("/"):
        return provider
    file = str(below(root, Path(signals.poll_token_file)))
    return msgspec.structs.replace(provider, signals=msgspec.structs.replace(signals, poll_token_file=file))


def below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _decoded(text: str | bytes, kind: type[_S]) -> tuple[_S | None, list[Problem]]:
    raw, unreadable = parse(text)
    return (None, unreadable) if unreadable else shape(raw, kind)


def parse(text: str | bytes) -> tuple[dict[str, object], list[Problem]]:
    """The parsed file, or why there is none."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        oversized = list(_oversized(decoded))
        return ({}, oversized) if oversized else (tomllib.loads(decoded), [])
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        return {}, [error("", f"line {line} is not UTF-8", "save the file in that encoding")]
    except RecursionError:
        return {}, [error("", "lists or tables are nested too deep")]
    except tomllib.TOMLDecodeError as exc:
        return {}, [error("", f"not valid TOML: {exc}")]


def _oversized(text: str) -> Iterator[Problem]:
    if len(text) > MAX_BYTES:
        yield error("", f"the file is larger than {MAX_BYTES // 1024} KiB")
    elif text.startswith("\ufeff"):
        yield error("", "the file starts with a byte order mark", "save it as UTF-8 without one")
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > _MAX_LINE or line.count(".") > _MAX_DOTS:
                yield error("", f"line {number} is too long", "break its list over several lines")


def _explained(found: Problem, misshapen: list[Problem]) -> bool:
    """Whether a mistake of shape at, above or below the same key already says it."""
    same = [other.path for other in misshapen if other.file == found.file]
    return any(_within(found.path, other) or _within(other, found.path) for other in same)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or (outer != "" and inner.startswith((f"{outer}.", f"{outer}[")))
