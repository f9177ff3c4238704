"""Login names: which are nobody's, and which one a person has (trust 1.1 to 1.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from daypass.ca.person_ports import SYSTEM_ACCOUNT
from daypass.ca.ports import View
from daypass.ca.roles import Role
from daypass.ca.subject import Subject
from daypass.errors import Conflict, DaypassError, Denied
from daypass.model import Identity, Kind, Proof, is_login_name

__all__ = ["SYSTEM_ACCOUNTS", "Names", "name_taken"]

SETTLE = "daypass person list --conflicts"

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


class Names:
    """`powerful` are accounts with power over a host, `reserved` these and what the configuration keeps back."""

    def __init__(self, roles: Sequence[Role], reserved: Collection[str]) -> None:
        self.powerful = SYSTEM_ACCOUNTS | {account for role in roles for account in role.accounts}
        self.reserved = self.powerful | frozenset(reserved)
        self._listing = tuple(role for role in roles if role.who.emails and role.own_account)

    def of(self, proof: Proof, subject: Subject, view: View, now: int) -> tuple[str, ...]:
        """The login name first, then every other name that is this person's. Raises Denied where there is none."""
        identity = proof.identity
        login = view.person.login if view.person else identity.login
        if login is None or not is_login_name(login):
            why = identity.no_login
            raise Denied(
                why.message if why else f"what {identity.provider} says of you gives no login name",
                code="policy.login-name",
                hint=why.hint if why else f'operator: login_name of provider "{identity.provider}"',
            )
        names = tuple(dict.fromkeys((login, *_on_record(identity, view))))
        for name in names:
            if name in self.reserved and not self._very_person(subject, name, now):
                raise self._reserved(identity, name)
        return names

    def may_take(self, proof: Proof, name: str, reason: str, now: int) -> bool:
        """Whether they get this name although it is reserved: as a system account on some host, by a role that lists
        NAME@… (trust 1.2). What an operator has reserved nobody gets."""
        subject = Subject.of(proof)
        listed = (subject.email or "").rpartition("@")[0] == name
        return reason.startswith(SYSTEM_ACCOUNT) and listed and self._very_person(subject, name, now)

    def _very_person(self, subject: Subject, name: str, now: int) -> bool:
        """By e-mail. For an account with power over a host it must be NAME@…: other claims people may edit."""
        if name in self.powerful and (subject.email or "").rpartition("@")[0] != name:
            return False
        return any(role.holds(subject, now) for role in self._listing)

    def _reserved(self, identity: Identity, name: str) -> Denied:
        """A person with such a name is given it by a role that lists them, or another name."""
        address = f"{name}@…" if name in self.powerful else "your address"
        return Denied(
            f'the login name "{name}" is reserved',
            code="policy.reserved",
            hint=f"operator: a role whose emails list {address} gives it to that person; or take another name, with "
            f'login_name = "claim:NAME" for provider "{identity.provider}"',
        )


def _on_record(identity: Identity, view: View) -> Iterable[str]:
    """An e-mail address among them only while the provider's rule yields it (trust 1.1)."""
    if view.person is None:
        return identity.names
    return [name for name in view.person.names if "@" not in name or name in identity.names]


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
