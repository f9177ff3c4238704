"""[[events]] -> the outlets that are told."""

from __future__ import annotations

from daypass.ca.event_ports import Severity, Sink
from daypass.ca.relay import Outlet
from daypass.config import Config
from daypass.config.schema import EventSection
from daypass.events.lines import STDOUT, Lines
from daypass.events.syslog import Syslog
from daypass.events.webhook import Webhook, read_secret

__all__ = ["outlet", "outlets"]


def outlets(config: Config) -> list[Outlet]:
    """Raises Misconfigured for a secret or a root that can't be used."""
    return [outlet(each) for each in config.events]


def outlet(section: EventSection) -> Outlet:
    return Outlet(section.name, tuple(section.acts), Severity[section.severity.upper()], _sink(section))


def _sink(section: EventSection) -> Sink:
    """The configuration was judged: what its type needs is there."""
    if section.type == "syslog":
        return Syslog(section.address, roots=section.roots)
    if section.secret_file is not None:
        return Webhook(section.url, read_secret(section.secret_file), roots=section.roots)
    return Lines(section.file or STDOUT)
