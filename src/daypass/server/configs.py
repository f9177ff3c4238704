"""The administrative routes of published configurations (`api.configs`)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from daypass import api
from daypass.ca.acts import Operator
from daypass.ca.changes import Change
from daypass.ca.config_ports import ConfigVersion
from daypass.ca.publishing import Published
from daypass.config import as_toml
from daypass.errors import Invalid, Misconfigured
from daypass.server.ports import Configs

__all__ = ["ConfigRoutes"]

MOST = 1000  # versions in one answer
MAX_COMMENT = 200  # characters


class ConfigRoutes:
    def __init__(self, configs: Configs, now: Callable[[], float] = time.time) -> None:
        self._configs, self._now = configs, now

    async def config_log(self, _operator: Operator, body: api.ConfigLogRequest) -> api.ConfigLog:
        if not 0 < body.limit <= MOST:
            raise Invalid(f"limit is a number from 1 to {MOST}", code="config.limit")
        found = await self._configs.log(body.limit)
        return api.ConfigLog(versions=[_entry(each, active=each is found[0]) for each in found])

    async def config_show(self, _operator: Operator, body: api.ConfigShowRequest) -> api.ConfigDocument:
        found, active = await self._configs.show(body.version), await self._configs.show(None)
        entry = _entry(found, active=found.version == active.version)
        return api.ConfigDocument(entry=entry, document=found.document, toml=as_toml(found.document))

    async def config_diff(self, _operator: Operator, body: api.ConfigDiffRequest) -> api.ConfigDiff:
        found = await self._configs.diff(body.old, body.new)
        return api.ConfigDiff(
            old=found.old.version,
            new=found.new.version,
            changes=_changes(found.changes),
            toml=found.toml,
            unknown=found.unknown,
        )

    async def config_publish(self, operator: Operator, body: api.ConfigPublishRequest) -> api.ConfigPublished:
        if len(body.comment) > MAX_COMMENT or not body.comment.isprintable():
            raise Invalid(f"a comment is one line of {MAX_COMMENT} characters at most", code="config.comment")
        now, comment = int(self._now()), body.comment or None
        with _asked_amiss():
            found = await self._configs.publish_toml(
                body.toml, actor=operator.actor, now=now, comment=comment, base=body.base
            )
        return _published(found)

    async def config_rollback(self, operator: Operator, body: api.ConfigRollbackRequest) -> api.ConfigPublished:
        now = int(self._now())
        with _asked_amiss():
            found = await self._configs.rollback(body.version, actor=operator.actor, now=now, base=body.base)
        return _published(found)


@contextlib.contextmanager
def _asked_amiss() -> Iterator[None]:
    """What is wrong with a configuration that somebody sends is no fault of this machine's, and theirs to read."""
    try:
        yield
    except Misconfigured as error:
        raise Invalid(error.message, code=error.code, hint=error.hint) from error


def _entry(found: ConfigVersion, *, active: bool) -> api.ConfigEntry:
    return api.ConfigEntry(
        version=found.version,
        hash=found.hash.hex(),
        published_at=found.published_at,
        actor=found.actor,
        comment=found.comment or "",
        active=active,
    )


def _published(found: Published) -> api.ConfigPublished:
    entry = _entry(found.version, active=True)
    changes = _changes(found.changes)
    return api.ConfigPublished(entry=entry, changed=found.changed, changes=changes, unknown=found.unknown)


def _changes(found: Sequence[Change]) -> list[api.ConfigChange]:
    return [api.ConfigChange(key=each.key, effect=each.effect.value, text=each.text) for each in found]
