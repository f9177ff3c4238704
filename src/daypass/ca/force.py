"""What is in force: one published version, made into all that a decision depends on, and swapped as a whole.

    InForce      one version: policy, operators, provisioners, bounds of what is signed, keys. Never changed.
    Following    the ONE holder. Whoever decides takes `current` once and uses nothing but that.

The store says which version counts (trust 7.4). A process whose machine can't use that version (keys of a newer
release, a domain that its trust document lacks) issues nothing until it can; the other processes go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from daypass.ca.checks import Rules
from daypass.ca.config_ports import ConfigStore, ConfigVersion, Stamp
from daypass.ca.inbound_ports import Reader
from daypass.ca.keys import CaKeys
from daypass.ca.policy import Policy
from daypass.ca.ports import Provisioner, WebSignIn
from daypass.ca.recheck_ports import Checker
from daypass.config import Config
from daypass.errors import DaypassError, Internal, Misconfigured, Unavailable

__all__ = ["LOOK_EVERY", "Build", "Following", "InForce", "rules"]

LOOK_EVERY = 1.0  # seconds between two looks at the store; an issuance sees a new version by itself
log = logging.getLogger("daypass.ca")


@dataclass(frozen=True, slots=True)
class InForce:
    """`sites` and `redirects` are the CA's own pages' way to each provider, by its name; none without pages."""

    version: int
    config: Config  # the published part and this machine's own
    policy: Policy  # and with it the operators
    rules: Rules
    keys: CaKeys
    provisioners: tuple[Provisioner, ...]
    sites: Mapping[str, WebSignIn] = field(default_factory=dict)
    redirects: Mapping[str, str] = field(default_factory=dict)
    inbound: Mapping[str, Reader] = field(default_factory=dict)  # by provider: what it sends of its own accord
    checkers: Mapping[str, Checker] = field(default_factory=dict)  # who is asked again during the day, by name

    @property
    def name(self) -> str:
        """Of the CA, as people see it."""
        return self.config.ca.name


def rules(policy: Policy, *, ca_id: bytes, keys: CaKeys) -> Rules:
    """The bounds of everything that is signed under this policy."""
    return Rules(
        user_keys=frozenset(key.blob for key in keys.user_keys),
        host_keys=frozenset(key.blob for key in keys.host_keys),
        bundle_keys=frozenset(key.blob for key in keys.bundle_keys),
        ca_id=ca_id,
        host_names=policy.host_names,
        bare_accounts=policy.bare_accounts,
        permits=policy.permits,
        floor=policy.floor,
        user_ceiling=policy.user_ceiling,
        host_ceiling=policy.host_ceiling,
        backdate=policy.backdate,
    )


Build = Callable[[ConfigVersion], InForce]
"""Raises any of the error tree for a version that can't be used on this machine."""


class Following:
    """Use it from one event loop. `around`: what else a version is made from; it is made anew when that changes."""

    def __init__(self, store: ConfigStore, build: Build, around: Callable[[], Hashable] = lambda: None) -> None:
        self._store, self._build, self._around = store, build, around
        self._last: InForce | None = None
        self._fault: Unavailable | None = _nothing_yet()
        self._seen: tuple[Stamp, Hashable] | None = None
        self._lock = asyncio.Lock()

    @property
    def current(self) -> InForce:
        """Raises Unavailable where this process can't use the published version."""
        if self._fault is not None or self._last is None:
            raise self._fault or _nothing_yet()
        return self._last

    @property
    def last(self) -> InForce | None:
        """The last version that could be used: good for a name on a page, and for no decision."""
        return self._last

    async def look(self) -> None:
        """Take what is published now. Raises what the store raises, and nothing because of a version."""
        async with self._lock:
            stamp, around = await self._store.config_stamp(), self._around()
            if (stamp, around) == self._seen:
                return
            published = await self._store.active_config()
            if published is None:
                self._last, self._fault, self._seen = None, _nothing_yet(), (stamp, around)
                return
            self._take(published)
            self._seen = Stamp(published.version, published.hash), around

    def again(self) -> None:
        """The next look makes the version anew, whether or not another one is published."""
        self._seen = None

    async def watch(self) -> None:
        """Look for ever. A store that is down is asked again; nothing is issued without it anyway."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            with contextlib.suppress(DaypassError):
                await self.look()

    def _take(self, published: ConfigVersion) -> None:
        try:
            made = self._build(published)
            if made.policy.hash != published.hash:
                raise Misconfigured(
                    "it does not read as it was published",
                    code="config.document",
                    hint="bring daypass on this machine to the release that published it",
                )
        except DaypassError as error:
            self._refuse(published, error)
        except Exception:
            log.exception("version %d of the configuration", published.version)
            self._refuse(published, Internal("making it fails", hint="report it, with what the log says"))
        else:
            if self._last is None or self._fault is not None or made.version != self._last.version:
                log.info("version %d of the configuration is in force", made.version)
            self._last, self._fault = made, None

    def _refuse(self, published: ConfigVersion, error: DaypassError) -> None:
        log.error(
            "nothing is issued: version %d of the configuration, published by %s, can't be used here: %s (%s)",
            published.version,
            published.actor,
            error.message,
            error.hint or "daypass ca config show",
        )
        self._fault = Unavailable(
            f"this process of the CA can't use version {published.version} of its configuration",
            code="policy.version",
            hint="try again: another process may answer; operator: the log of daypass ca serve says what to do",
            retry_after=10,
        )


def _nothing_yet() -> Unavailable:
    return Unavailable(
        "no configuration of this CA is published yet",
        code="policy.version",
        hint="operator: daypass ca reload",
        retry_after=10,
    )
