"""A published version -> what is in force on this machine: its document, this machine's own file, and the parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable

import httpx2
from msgspec.structs import replace

from daypass.assemble.held import Held
from daypass.assemble.parts import require_domains
from daypass.assemble.ways import Around, Others
from daypass.ca.config_ports import ConfigVersion
from daypass.ca.force import InForce, rules
from daypass.ca.policy import Policy
from daypass.ca.ports import Clock, Provisioner, Store, WebSignIn
from daypass.config import Config, ProviderSection, callbacks, merged
from daypass.errors import DaypassError
from daypass.provisioners.inbound import InboundReader
from daypass.provisioners.join import JoinTokenProvisioner
from daypass.provisioners.oidc import OidcProvisioner
from daypass.provisioners.recheck import ProviderChecker
from daypass.provisioners.web import WebClient

__all__ = ["Maker"]

log = logging.getLogger("daypass.ca")
_Parts = tuple[ProviderSection, OidcProvisioner, WebClient, InboundReader, ProviderChecker | None]
_Kept = dict[str, _Parts]


class Maker:
    """`read` gives this machine's file as it is now: for the secrets of providers, which are published nowhere.

    What a provider's part has learned (its keys, its endpoints) is kept for as long as its section stays the same.
    """

    def __init__(
        self,
        held: Held,
        store: Store,
        http: httpx2.AsyncClient,
        clock: Clock,
        read: Callable[[], Config] | None = None,
    ) -> None:
        self.held, self._http, self._clock = held, http, clock
        self._read = read
        self.local = held.parts.config
        self._join = JoinTokenProvisioner(held.parts.ca_id, store.join_token, clock)
        self._store, self._others = store, Others()
        self._kept: _Kept = {}
        self.parts = held.parts  # those that go with the last version made

    def around(self) -> Hashable:
        """What a version depends on besides itself, and may change while this process runs: the CA's keys."""
        return self.held.mark()

    def __call__(self, published: ConfigVersion) -> InForce:
        """Raises Misconfigured for a version that can't be used on this machine."""
        self._look_at_file()
        config = merged(published.document, self.local)
        parts = self.held.look()
        require_domains(config, parts.trust)
        policy, kept = Policy(config), {each.name: self._provider(each) for each in config.providers}
        others = self._others.made(Around(self.held, self._store, self._http, self._clock, config))
        provisioners: list[Provisioner] = [self._join, *(oidc for _, oidc, *_ in kept.values()), *others]
        sites: dict[str, WebSignIn] = {name: web for name, (_, _, web, *_) in kept.items()}
        made = InForce(
            version=published.version,
            config=config,
            policy=policy,
            rules=rules(policy, ca_id=parts.ca_id, keys=parts.keys),
            keys=parts.keys,
            provisioners=tuple(provisioners),
            sites=sites if config.pages is not None else {},
            redirects=callbacks(config),
            inbound={name: reader for name, (_, _, _, reader, _) in kept.items()},
            checkers={name: each for name, (*_, each) in kept.items() if each is not None},
        )
        self._kept, self.parts = kept, parts
        return made

    def _look_at_file(self) -> None:
        """The file's word counts for secrets alone. One that is broken, or not to be read any more, is left alone."""
        if self._read is None:
            return
        try:
            fresh = self._read()
        except DaypassError as error:
            log.warning("the secrets of providers stay as they were read before: %s", error.message)
        else:
            self.local = replace(self.local, providers=fresh.providers)

    def _provider(self, section: ProviderSection) -> _Parts:
        known = self._kept.get(section.name)
        if known is not None and known[0] == section:
            return known
        oidc = OidcProvisioner(section, self.held.parts.ca_id, self._clock, self._http)
        web, again = WebClient(section, self._clock, self._http), section.recheck
        reader = InboundReader(section, oidc.keys, self._clock, self._http)
        checker = ProviderChecker(section, again, self._clock, self._http) if again is not None else None
        return section, oidc, web, reader, checker
