"""Who may have what: roles in, one grant out, and a reason with every no.

`Policy` is the configuration compiled once. `decide` reads nothing but its arguments: the same question gets the
same answer in every process that holds the same policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from daypass.ca.operators import Operators
from daypass.ca.person_ports import SYSTEM_ACCOUNT
from daypass.ca.ports import View
from daypass.ca.reach import order, reaches
from daypass.ca.roles import Role, git_extensions
from daypass.ca.subject import Subject
from daypass.config import Config, policy_hash
from daypass.errors import Conflict, DaypassError, Denied, Invalid
from daypass.model import (
    KEY_ID,
    MAX_PRINCIPALS,
    Grant,
    HostFacts,
    HostRole,
    Identity,
    Kind,
    Proof,
    Renewal,
    Request,
    host_pattern_matches,
    is_host_name,
    is_login_name,
    parse_duration,
)
from daypass.times import duration
from daypass.wire import CertType

__all__ = ["SYSTEM_ACCOUNTS", "Policy", "name_taken"]

SETTLE = "daypass person list --conflicts"
USER_EXTENSIONS = (("permit-port-forwarding", ""), ("permit-pty", ""))

# Accounts with a uid below 1000 on the distributions we know, and those that cloud images make, which sudo lets do
# everything; their names are never a person's (trust 1.2).
SYSTEM_ACCOUNTS = frozenset(
    "root provisioner daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody "
    "adm shutdown halt operator ftp sshd dbus polkitd chrony rpc rpcuser tss tcpdump postfix nginx apache mysql "
    "postgres redis docker lxd sudo wheel admin messagebus syslog _apt uuidd landscape pollinate "
    "avahi avahi-autoipd cockpit-ws cockpit-wsinstance colord cups-pk-helper dhcpcd dhcpd dnsmasq fwupd-refresh "
    "flatpak gdm geoclue gnome-initial-setup hplip kernoops nfsnobody ntp pipewire pulse radvd rtkit saned saslauth "
    "setroubleshoot speech-dispatcher sssd statd unbound usbmux whoopsie "
    "bind clamav dovecot elasticsearch etcd git gitlab-runner grafana haproxy jenkins libvirt-qemu memcache mongodb "
    "named openldap prometheus qemu rabbitmq squid tomcat varnish zabbix "
    "systemd-network systemd-resolve systemd-timesync systemd-coredump systemd-oom systemd-journal-remote "
    "ubuntu ec2-user debian centos fedora rocky almalinux opensuse cloud-user opc azureuser vagrant".split()
)


class Policy:
    """All roles, lifetimes and names of one configuration."""

    def __init__(self, config: Config) -> None:
        lifetimes = config.lifetimes
        self.hash = policy_hash(config)
        self.operators = Operators(config)
        self.user_lifetime = parse_duration(lifetimes.user)
        self.host_lifetime = parse_duration(lifetimes.host)
        self.floor = parse_duration(lifetimes.floor)
        self.user_ceiling = parse_duration(lifetimes.user_ceiling)
        self.host_ceiling = parse_duration(lifetimes.host_ceiling)
        self.backdate = parse_duration(lifetimes.backdate)
        self.host_domains = tuple(config.hosts.domains)
        only = config.providers[0].name if len(config.providers) == 1 else ""
        self.roles = tuple(Role.compile(section, self.user_ceiling, only) for section in config.roles)
        self.sections = {section.name: section for section in config.roles}
        self._places = tuple(sorted(config.roles, key=order))
        self._on_host = {role.name: role.on_host for role in self.roles}
        self.shared_accounts = frozenset(account for role in self.roles for account in role.accounts)
        self.powerful = SYSTEM_ACCOUNTS | self.shared_accounts
        self.issuers = {each.name: each.issuer for each in config.providers}
        self.reserved = self.powerful | frozenset(config.reserved_logins)
        self.bare_accounts = frozenset(a for role in self.roles if role.bare_hosts for a in role.accounts)

    def decide(self, proof: Proof, request: Request, view: View, now: int) -> Grant:
        """Raises Denied with the rule that said no, Conflict for a name that is another's, Invalid for nonsense."""
        if proof.enrolment is not None:
            if proof.renews is not None:
                return self._renewed(proof.enrolment, proof.renews, request, view, now)
            return self._host(proof.enrolment, request, now)
        return self._person(proof, request, view, now)

    # -- people -----------------------------------------------------------------------------------------------

    def _person(self, proof: Proof, request: Request, view: View, now: int) -> Grant:
        identity = proof.identity
        if request.type is not CertType.USER:
            raise Denied("a person signs in for a user certificate, not for a host's", code="policy.kind")
        if view.person is not None and view.person.locked:
            raise Denied(
                f"{view.person.login} is locked", code="policy.locked", hint="ask an administrator of your CA"
            )
        login = self._login(proof, view, now)
        matching = self._matching(proof, now)
        longest = max(role.limit for role in matching)
        valid_after, valid_before = self._day(identity, request, now, min(self.user_lifetime, longest))
        roles = [role for role in matching if role.limit >= valid_before - now]
        if not roles:
            raise _too_long(matching, valid_before - now)
        names = _unique((login, *_names(identity, view)))
        principals = _unique(name for role in roles for name in role.principals(login, names))
        if len(principals) > MAX_PRINCIPALS:
            raise Denied(
                f"{len(roles)} roles give {len(principals)} principals; a certificate carries {MAX_PRINCIPALS}",
                code="policy.principals",
                hint="merge roles, or take this person out of some groups",
            )
        return Grant(
            type=CertType.USER,
            key_id=_key_id(identity, login),
            principals=_narrow(principals, request.principals),
            valid_after=valid_after,
            valid_before=valid_before,
            roles=tuple(role.name for role in roles),
            extensions=tuple(sorted((*USER_EXTENSIONS, *git_extensions(roles, identity, login)))),
            claims=names,
        )

    def _matching(self, proof: Proof, now: int) -> list[Role]:
        subject = Subject.of(proof)
        verdicts = [(role, role.judge(subject, now)) for role in self.roles]
        matching = [role for role, verdict in verdicts if verdict.ok]
        if matching:
            return matching
        remote = [role for role, each in verdicts if each.failed and each.failed.key == "refuse_remote"]
        if remote:
            names = " and ".join(f'"{role.name}"' for role in remote)
            raise Denied(
                f"role {names} is not given for a sign-in with a code at {proof.identity.provider}",
                code="policy.remote",
                hint="sign in on a machine with a browser, or with: daypass login --device",
            )
        raise _no_role(proof.identity)

    def _login(self, proof: Proof, view: View, now: int) -> str:
        identity = proof.identity
        login = view.person.login if view.person else identity.login
        if login is None or not is_login_name(login):
            why = identity.no_login
            raise Denied(
                why.message if why else f"what {identity.provider} says of you gives no login name",
                code="policy.login-name",
                hint=why.hint if why else f'operator: login_name of provider "{identity.provider}"',
            )
        for name in (login, *_names(identity, view)):
            if name in self.reserved and not self._names_very_person(proof, name, now):
                raise self._reserved(identity, name)
        return login

    def _reserved(self, identity: Identity, name: str) -> Denied:
        """A person with such a name is given it by a role that lists them, or another name."""
        address = f"{name}@…" if name in self.powerful else "your address"
        return Denied(
            f'the login name "{name}" is reserved',
            code="policy.reserved",
            hint=f"operator: a role whose emails list {address} gives it to that person; or take another name, with "
            f'login_name = "claim:NAME" for provider "{identity.provider}"',
        )

    def _names_very_person(self, proof: Proof, name: str, now: int) -> bool:
        """By e-mail. For an account with power over a host it must be NAME@…: other claims people may edit."""
        if name in self.powerful and (proof.identity.email or "").rpartition("@")[0] != name:
            return False
        listing = [role for role in self.roles if role.who.emails and role.own_account]
        return any(role.judge(Subject.of(proof), now).ok for role in listing)

    def may_take(self, proof: Proof, name: str, reason: str, now: int) -> bool:
        """Whether they get this name although it is reserved: as a system account on some host, by a role that lists
        NAME@… (trust 1.2). What an operator has reserved nobody gets."""
        listed = (proof.identity.email or "").rpartition("@")[0] == name
        return reason.startswith(SYSTEM_ACCOUNT) and listed and self._names_very_person(proof, name, now)

    def _day(self, identity: Identity, request: Request, now: int, default: int) -> tuple[int, int]:
        """Validity of a day pass: what was asked for, under the ceiling that starts at the sign-in (trust 3.7).

        Whoever asked for nothing gets `default` seconds: no more than the longest of their roles, so that plain ssh
        signs those in too whose roles are all short.
        """
        start, end = _window(request, now, default)
        if end - max(start, now) < self.floor:
            raise Denied("a certificate this short is not given", code="policy.lifetime", hint="ask for more time")
        end = min(end, now + self.user_ceiling)
        if identity.auth_time is not None:
            end = min(end, identity.auth_time + self.user_ceiling)
        if end - max(start, now) < self.floor:
            raise Denied(
                "what is left of this sign-in is shorter than the shortest certificate",
                code="policy.lifetime",
                hint="sign in anew: daypass login --force",
            )
        return (now - self.backdate if request.valid_after is None else max(start, now - self.backdate)), end

    # -- hosts ------------------------------------------------------------------------------------------------

    def _host(self, facts: HostFacts, request: Request, now: int) -> Grant:
        if request.type is not CertType.HOST:
            raise Denied("a join token is good for a host certificate only", code="policy.kind")
        names = _unique((facts.name, *facts.aliases))
        for name in names:
            self.require_host_name(name)
        end = min(_window(request, now, self.host_lifetime)[1], now + self.host_ceiling)
        if end - now < self.floor:
            raise Denied("a certificate this short is not given", code="policy.lifetime", hint="ask for more time")
        return Grant(
            type=CertType.HOST,
            key_id=facts.name,
            principals=names,
            valid_after=now - self.backdate,
            valid_before=end,
            roles=(),
        )

    def _renewed(self, facts: HostFacts, shown: Renewal, request: Request, view: View, now: int) -> Grant:
        """Never more than the certificate that is shown: of its names those that are the host's still and that this
        CA speaks for, and no longer than it was. Its first name is the host's own; without that there is nothing."""
        host = view.host
        if host is None or host.id != shown.host or host.name != facts.name:
            raise Denied(
                f"{facts.name} is no longer the name of the host with this certificate",
                code="policy.host-name",
                hint="enrol it anew: daypass token host NAME",
            )
        self.require_host_name(host.name)
        names = tuple(name for name in (host.name, *facts.aliases) if name == host.name or name in host.aliases)
        end = now + min(self.host_lifetime, self.host_ceiling, shown.length - self.backdate)
        if end - now < self.floor:
            text = "a certificate this short is not renewed"
            raise Denied(text, code="policy.lifetime", hint="enrol the host anew")
        return Grant(
            type=request.type,
            key_id=host.name,
            principals=tuple(name for name in names if self._is_ours(name)),
            valid_after=now - self.backdate,
            valid_before=end,
            roles=(),
        )

    def _is_ours(self, name: str) -> bool:
        return any(host_pattern_matches(pattern, name) for pattern in self.host_domains)

    def require_host_name(self, name: str) -> None:
        """Raises Invalid for what is no host name, Denied outside `hosts.domains` (trust 5.2)."""
        if not is_host_name(name):
            raise Invalid(
                f"{name!r} is not a host name", code="policy.host-name", hint="lower case, like web-1.example.com"
            )
        if not self._is_ours(name):
            raise Denied(
                f"{name} is outside the domains of this CA ({', '.join(self.host_domains)})",
                code="policy.host-domain",
                hint="add its domain to hosts.domains in daypass.toml",
            )

    def for_host(self, name: str, aliases: Sequence[str], labels: Mapping[str, str]) -> tuple[HostRole, ...]:
        """What the roles that reach this host mean there, in the order of their lines."""
        names = (name, *aliases)
        return tuple(self._on_host[each.name] for each in self._places if reaches(each, names, labels))


def _window(request: Request, now: int, default: int) -> tuple[int, int]:
    start = now if request.valid_after is None else request.valid_after
    end = request.valid_before
    if end is None:
        end = start + (request.lifetime if request.lifetime is not None else default)
    if end <= max(start, now):
        raise Invalid("the certificate would end before it starts", code="policy.validity")
    return start, end


def _narrow(principals: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    if not wanted:
        return principals
    if foreign := sorted(set(wanted) - set(principals)):
        raise Denied(f"no role gives you the principal {foreign[0]}", code="policy.principal")
    return tuple(name for name in principals if name in wanted)


def _key_id(identity: Identity, login: str) -> str:
    email = identity.email or ""
    return email if KEY_ID.fullmatch(email) else f"{login}@{identity.provider}"


def _names(identity: Identity, view: View) -> Iterable[str]:
    """Those on record; an e-mail address among them only while the provider's rule yields it (trust 1.1)."""
    if view.person is None:
        return identity.names
    return [name for name in view.person.names if "@" not in name or name in identity.names]


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _no_role(identity: Identity) -> Denied:
    who = identity.email or identity.login or identity.subject
    groups = ", ".join(sorted(identity.groups)) or "none"
    return Denied(
        f"no role is for {who}",
        code="policy.no-role",
        hint=f"groups that {identity.provider} sent: {groups}; a role in daypass.toml must name one of them",
    )


def _too_long(matching: list[Role], seconds: int) -> Denied:
    best = max(matching, key=lambda role: role.limit)
    return Denied(
        f"no role of yours gives a certificate for {duration(seconds)}",
        code="policy.lifetime",
        hint=f'role "{best.name}" gives {duration(best.limit)}: daypass login --lifetime {best.limit // 60}m',
    )


def name_taken(name: str, kind: Kind, reserved: str | None = None) -> DaypassError:
    """`reserved`: why nobody gets it."""
    if kind is Kind.HOST:
        return Conflict(
            f"{name} has a live certificate for another key",
            code="policy.name-taken",
            hint="names do not pass from machine to machine while a certificate lives; choose another name, or wait",
        )
    if reserved is not None:
        why = f" ({reserved})" if reserved else ""
        text = f'the login name "{name}" is reserved{why}'
        return Denied(text, code="policy.reserved", hint=f"ask an administrator of your CA for another one: {SETTLE}")
    return Conflict(
        f'the name "{name}" belongs to someone else',
        code="policy.name-taken",
        hint=f"if you are both, or need another name, an administrator of your CA can settle it: {SETTLE}",
    )
