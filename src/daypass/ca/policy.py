"""Who may have what: roles in, one grant out, and a reason with every no.

`Policy` is the configuration compiled once. `decide` reads nothing but its arguments: the same question gets the
same answer in every process that holds the same policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daypass.ca.bastions import Bastions
from daypass.ca.bounds import Bounds
from daypass.ca.machines import Machines
from daypass.ca.names import SYSTEM_ACCOUNTS, Names, name_taken
from daypass.ca.operators import Operators
from daypass.ca.people import People
from daypass.ca.ports import View
from daypass.ca.reach import Reach, reaches
from daypass.ca.roles import Role
from daypass.config import Config, identifying, names_workloads, policy_hash
from daypass.config.ways import the_only
from daypass.hostnames import HostNames
from daypass.model import Grant, HostRole, Kind, Proof, Request, parse_duration

__all__ = ["SYSTEM_ACCOUNTS", "Policy", "name_taken"]


class Policy:
    """All roles, lifetimes and names of one configuration."""

    def __init__(self, config: Config) -> None:
        self.hash = policy_hash(config)
        self.operators = Operators(config)
        self.bounds = bounds = Bounds.compile(config.lifetimes)
        self.floor, self.backdate = bounds.floor, bounds.backdate
        self.user_ceiling, self.host_ceiling = bounds.user_ceiling, bounds.host_ceiling
        hosts = config.hosts
        self.host_names = HostNames(tuple(hosts.domains), hosts.short_names, tuple(hosts.addresses))
        self.endings = config.endings
        self.stale_after = parse_duration(hosts.stale_after)
        self.fail_closed = tuple((each, parse_duration(each.after)) for each in hosts.fail_closed)
        somebody = identifying(config)
        only = the_only(config)
        self.roles = tuple(Role.compile(section, self.user_ceiling, only) for section in config.roles)
        self._roles_by_name = {role.name: role for role in self.roles}
        self.sections = {section.name: section for section in config.roles}
        self._workloads = frozenset(each.name for each in somebody if names_workloads(each))
        self.issuers = {each.name: each.issuer for each in config.providers}
        self.bare_accounts = frozenset(a for role in self.roles if role.bare_hosts for a in role.accounts)
        self.permits = {role.name: role.extensions for role in self.roles}
        self.bastions = Bastions(config.bastions)
        self._machines = Machines(bounds, self.host_names)
        names = Names(self.roles, config.reserved_logins)
        self.reserved = names.reserved
        self._people = People(self.roles, bounds, names)
        self._reach = Reach(zip(config.roles, (role.on_host for role in self.roles), strict=True))
        self.require_host_name, self.may_take = self._machines.require_name, names.may_take
        self.require_host_address = self._machines.require_address

    def decide(self, proof: Proof, request: Request, view: View, now: int) -> Grant:
        """Raises Denied with the rule that said no, Conflict for a name that is another's, Invalid for nonsense."""
        if proof.enrolment is None:
            return self._people.decide(proof, request, view, now)
        if proof.renews is not None:
            return self._machines.renewed(proof.enrolment, proof.renews, request, view, now)
        return self._machines.enrolled(proof.enrolment, proof.joins, request, now, proof.until)

    def kind_of(self, provider: str) -> Kind:
        """What this way in speaks of where it speaks of somebody: persons or workloads."""
        return Kind.WORKLOAD if provider in self._workloads else Kind.PERSON

    def is_narrow(self, roles: Sequence[str], seconds: int) -> bool:
        """Whether a certificate with these roles, so long, was for one role alone and not for the day."""
        role = self._roles_by_name.get(roles[0]) if len(roles) == 1 else None
        if role is None:
            return False
        return not role.day_pass or role.limit < self.bounds.user or (role.is_timed and seconds < self.bounds.user)

    def for_host(self, name: str, aliases: Sequence[str], labels: Mapping[str, str]) -> tuple[HostRole, ...]:
        """What the roles that reach this host mean there, in the order of their lines."""
        return self._reach.of((name, *aliases), labels)

    def fail_closed_after(self, name: str, aliases: Sequence[str], labels: Mapping[str, str]) -> int:
        """Seconds without word from us after which this host lets nobody in by certificate; 0: it goes on."""
        names = (name, *aliases)
        return min((after for section, after in self.fail_closed if reaches(section, names, labels)), default=0)
