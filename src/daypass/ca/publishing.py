"""Putting a configuration in force: judged first, compared with what is in force, recorded, and said.

A version is never changed. Whoever publishes does so against the version they compared theirs with: of two who do it
at the same time one is told, and nobody overwrites what they have not seen (docs/adr/published-configuration.md).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from msgspec import Struct

from daypass.ca.changes import Change, changes
from daypass.ca.config_ports import ConfigStore, ConfigVersion
from daypass.config import Config, as_toml, from_toml, merged, policy_document, policy_hash, require_sound
from daypass.errors import Conflict, DaypassError, NotFound

__all__ = ["Compared", "Configs", "Published", "describe"]

Judge = Callable[[Config], None]
"""Raises Misconfigured for a configuration that this machine could not use."""


class Published(Struct, frozen=True):
    """`before` is `version` where nothing changed, None for the first. `unknown`: why the two can't be compared."""

    version: ConfigVersion
    before: ConfigVersion | None
    changes: Sequence[Change] = ()
    unknown: str = ""

    @property
    def changed(self) -> bool:
        return self.before is None or self.before.version != self.version.version


class Compared(Struct, frozen=True):
    """Two versions, or one and what is in force. `toml` is a unified diff."""

    old: ConfigVersion
    new: ConfigVersion
    changes: Sequence[Change]
    toml: str
    unknown: str = ""


class Configs:
    """All that is done with versions. `local`: this machine's own file, as it is now."""

    def __init__(self, store: ConfigStore, local: Callable[[], Config], judge: Judge) -> None:
        self._store, self._local, self._judge = store, local, judge

    async def publish(
        self, config: Config, *, actor: str, now: int, comment: str | None = None, base: int | None = None
    ) -> Published:
        """`base`: the version it is meant to follow; without one, whatever is in force now.

        Raises Misconfigured for one that can't be used here, Conflict where another one was published meanwhile, and
        without a base for one that was in force before: a machine that was left behind would take back what others
        have published since.
        """
        digest, before = policy_hash(config), await self._store.active_config()
        if before is not None and before.hash == digest:
            return Published(before, before)
        if base is None and (older := await self._store.config_with_hash(digest)) is not None and before is not None:
            raise _outdated(older, before)
        self._judge(config)
        base = base if base is not None else before.version if before is not None else 0
        try:
            made = await self._store.publish(
                policy_document(config), digest, actor=actor, now=now, comment=comment, base=base
            )
        except Conflict:
            current = await self._store.active_config()
            if current is None or current.hash != digest:
                raise
            return Published(current, current)  # somebody brought the same file to another machine
        return self._told(before, made)

    async def publish_toml(self, text: str, *, actor: str, now: int, comment: str | None, base: int) -> Published:
        """What `show` gave for version `base`, edited."""
        config = from_toml(text, self._local())
        return await self.publish(config, actor=actor, now=now, comment=comment, base=base)

    async def rollback(self, version: int, *, actor: str, now: int, base: int | None = None) -> Published:
        """An old document as the next version, if it passes today's checks. Raises NotFound, Misconfigured."""
        old, before = await self.show(version), await self.show(None)
        config = merged(old.document, self._local())
        require_sound(config)
        base = before.version if base is None else base
        return await self.publish(config, actor=actor, now=now, comment=f"rollback to {version}", base=base)

    async def log(self, limit: int) -> Sequence[ConfigVersion]:
        """Newest first; the first is in force."""
        return await self._store.config_log(limit)

    async def show(self, version: int | None) -> ConfigVersion:
        """The one in force unless told. Raises NotFound."""
        found = await (self._store.active_config() if version is None else self._store.config_version(version))
        if found is None:
            text = "nothing is published yet" if version is None else f"there is no version {version}"
            hint = "daypass ca reload" if version is None else "those there are: daypass ca config log"
            raise NotFound(text, code="config.version", hint=hint)
        return found

    async def diff(self, old: int | None, new: int | None) -> Compared:
        """From `old` to `new`, to the one in force unless told; `old` is the one before it unless told."""
        after = await self.show(new)
        before = await self.show(max(after.version - 1, 1) if old is None else old)
        found, unknown = self._compared(before, after)
        return Compared(before, after, found, _unified(before, after), unknown)

    def _told(self, before: ConfigVersion | None, made: ConfigVersion) -> Published:
        if before is None:
            return Published(made, None)
        found, unknown = self._compared(before, made)
        return Published(made, before, found, unknown)

    def _compared(self, before: ConfigVersion, after: ConfigVersion) -> tuple[Sequence[Change], str]:
        """Versions of other releases can be shown, if not told key by key."""
        try:
            local = self._local()
            return changes(merged(before.document, local), merged(after.document, local)), ""
        except DaypassError as error:
            return (), error.message


def describe(change: Change) -> str:
    """A line: `roles.dba: is new (wider)`."""
    return f"{change.key}: {change.text} ({change.effect})"


def _unified(before: ConfigVersion, after: ConfigVersion) -> str:
    old, new = (as_toml(each.document).splitlines() for each in (before, after))
    lines = difflib.unified_diff(old, new, f"version {before.version}", f"version {after.version}", lineterm="")
    return "\n".join(lines)


def _outdated(older: ConfigVersion, current: ConfigVersion) -> Conflict:
    return Conflict(
        f"this is version {older.version} again, and version {current.version} is in force, published by "
        f"{current.actor} ({current.comment or 'no comment'})",
        code="config.outdated",
        hint=f"bring the newer file to this machine; or, if the old one is to count again: "
        f"daypass ca config rollback {older.version}",
    )
