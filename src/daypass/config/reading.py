"""From a file on disk to a Config, or to one error that lists every mistake in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from daypass.config.meaning import meaning
from daypass.config.problem import Problem, error, errors_in
from daypass.config.schema import Config, KeySection
from daypass.config.shape import shape
from daypass.errors import Misconfigured

__all__ = ["examine", "load", "problems", "read_file", "rebased"]

# Far above any honest file. tomllib takes quadratic time for a dotted key, and a key can't leave its line.
_MAX_BYTES = 512 * 1024
_MAX_LINE = 4 * 1024
_MAX_DOTS = 256


def load(path: Path) -> Config:
    """Raises Misconfigured, whose message lists every mistake; warnings do not stop it."""
    config, found = examine(read_file(path))
    mistakes = errors_in(found)
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        hint = f"correct it, then: daypass ca check-config --config {path}"
        raise Misconfigured(f"{path} has {count}:{listed}", code="config.invalid", hint=hint)
    return config


def problems(text: str | bytes) -> list[Problem]:
    """Every mistake and warning in the text of a configuration file, in the order of its keys' look-up."""
    return examine(text)[1]


def examine(text: str | bytes) -> tuple[Config, list[Problem]]:
    """The Config, to be used only if no problem is an error, and all problems."""
    raw, unreadable = _parse(text)
    if unreadable:
        return shape({})[0], unreadable
    config, misshapen = shape(raw)
    return config, misshapen + [found for found in meaning(config) if not _explained(found, misshapen)]


def rebased(config: Config, root: Path) -> Config:
    """The same configuration with every path below `root`, as `--root` asks for tests and images."""
    if root == Path("/"):
        return config
    ca, replace = config.ca, msgspec.structs.replace
    moved = {name: below(root, getattr(ca, name)) for name in ("state", "admin_socket", "trust")}
    passphrase = ca.passphrase_file and below(root, ca.passphrase_file)
    database = ca.database
    if database.startswith("sqlite:////"):
        database = f"sqlite:///{below(root, Path(database.removeprefix('sqlite:///')))}"
    keys = [KeySection(use=key.use, file=below(root, key.file)) for key in config.keys]
    if pages := config.pages:
        files = {"certificate": pages.certificate, "key": pages.key}
        pages = replace(pages, **{name: path and below(root, path) for name, path in files.items()})
    ca = replace(ca, passphrase_file=passphrase, database=database, **moved)
    return replace(config, keys=keys, pages=pages, ca=ca)


def below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def read_file(path: Path) -> bytes:
    """The file's bytes, no more than can be a configuration. Raises Misconfigured."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise Misconfigured(f"there is no {path}", code="config.missing", hint="make one: daypass ca init") from None
    except OSError as exc:
        raise Misconfigured(f"{path} can't be read: {exc.strerror}", code="config.unreadable") from exc


def _parse(text: str | bytes) -> tuple[dict[str, object], list[Problem]]:
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
    if len(text) > _MAX_BYTES:
        yield error("", f"the file is larger than {_MAX_BYTES // 1024} KiB")
    elif text.startswith("\ufeff"):
        yield error("", "the file starts with a byte order mark", "save it as UTF-8 without one")
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > _MAX_LINE or line.count(".") > _MAX_DOTS:
                yield error("", f"line {number} is too long", "break its list over several lines")


def _explained(found: Problem, misshapen: list[Problem]) -> bool:
    """Whether a mistake of shape at, above or below the same key already says it."""
    return any(_within(found.path, other.path) or _within(other.path, found.path) for other in misshapen)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or (outer != "" and inner.startswith((f"{outer}.", f"{outer}[")))
