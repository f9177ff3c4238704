"""`[[clouds]]`: whose instances become hosts, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

from daypass.config.problem import Problem, did_you_mean, error, key_path, quoted
from daypass.config.reach import meet
from daypass.config.schema import CloudSection, Config
from daypass.config.templates import FIELDS, NEEDS_TOKEN, Piece, pieces, template_fault
from daypass.config.values import Fault, duration_fault, each, network_fault, path_fault, said
from daypass.model import is_host_name, is_host_pattern

__all__ = ["cloud_faults"]

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCOUNTS = {
    "aws": (re.compile(r"[0-9]{12}"), "an AWS account", "twelve digits"),
    "gcp": (re.compile(r"[a-z][a-z0-9:.-]{4,61}[a-z0-9]|[0-9]{6,20}"), "a Google project", "its id, or its number"),
    "azure": (_GUID, "an Azure subscription", "its id, in lower case"),
}
_REGION = re.compile(r"[a-z][a-z0-9-]{1,40}")
_GROUP = re.compile(r"[A-Za-z0-9_().-]{1,90}")  # Azure's naming rules for resource groups
_SERVICE_ACCOUNT = re.compile(r"[0-9]{6,32}")
_RESOURCE = re.compile(r"[!-~]{1,256}")
# Tokens for these are given to others, too, or are worth more than a name (trust 5.4).
_SHARED = ("https://management.azure.com", "https://management.core.windows.net", "https://graph.microsoft.com")
_OF_AZURE = ("tenants", "resource_groups", "audience")
_ONLY = {"aws": ("networks",), "gcp": ("service_accounts",), "azure": _OF_AZURE}


def cloud_faults(config: Config) -> Iterator[Problem]:
    for index, section in enumerate(config.clouds):
        path = f"clouds[{index}]"
        if section.type not in FIELDS:
            hint = did_you_mean(section.type, FIELDS) or "aws, gcp or azure"
            yield error(f"{path}.type", f"{quoted(section.type)} is no cloud that is known here", hint)
            continue
        yield from _whose(section, path)
        yield from _templates(section, path)
        yield from _outside(section, path, config.hosts.domains)
        yield from _limits(section, path)
        yield from _of_another(section, path)
        if section.type == "azure":
            yield from _azure(section, path)
    yield from _overlaps(config.clouds)


def _whose(section: CloudSection, path: str) -> Iterator[Problem]:
    form, what, hint = _ACCOUNTS[section.type]
    if not section.accounts:
        yield error(f"{path}.accounts", "is empty: no instance could enrol", f"{what}: {hint}")
    yield from each(f"{path}.accounts", section.accounts, _fits(form, what, hint))
    yield from each(f"{path}.regions", section.regions, _fits(_REGION, "a region", 'like "eu-central-1"'))
    group = _fits(_GROUP, "a resource group", "its name alone")
    yield from each(f"{path}.resource_groups", section.resource_groups, group)
    account = _fits(_SERVICE_ACCOUNT, "a service account", "its unique id, digits only: e-mails can be given anew")
    yield from each(f"{path}.service_accounts", section.service_accounts, account)


def _fits(form: re.Pattern[str], what: str, hint: str) -> Callable[[str], Fault]:
    return lambda text: None if form.fullmatch(text) else (f"{quoted(text)} is not {what}", hint)


def _templates(section: CloudSection, path: str) -> Iterator[Problem]:
    def fault(template: str) -> Fault:
        return template_fault(template, section.type, tags=section.tags) or _name_fault(template)

    yield from said(f"{path}.host_name", fault(section.host_name))
    yield from each(f"{path}.aliases", section.aliases, fault)
    for label, template in section.labels.items():
        place = key_path(f"{path}.labels", label)
        if not label.strip() or "=" in label or not label.isprintable():
            yield error(place, f"{quoted(label)} is not a label's name")
        if not template or not template.isprintable():
            yield error(place, f"{quoted(template)} is not a label's value")
        else:
            yield from said(place, template_fault(template, section.type, tags=section.tags))


def _outside(section: CloudSection, path: str, domains: list[str]) -> Iterator[Problem]:
    """Names that this CA speaks for whatever the fields say, or for none of them."""
    aliases = ((f"aliases[{index}]", alias) for index, alias in enumerate(section.aliases))
    for place, template in (("host_name", section.host_name), *aliases):
        parts = _pieces(template)
        if parts and _name_fault(template) is None and all(map(is_host_pattern, domains)):
            pattern = "".join(part.text or "*" for part in parts)
            if domains and not any(meet(pattern, domain) for domain in domains):
                fault = f"{quoted(template)} gives no name of a host here: hosts.domains are {', '.join(domains)}"
                yield error(f"{path}.{place}", fault)


def _name_fault(template: str) -> Fault:
    """Of a template that is one: whether a host name can come of it, and of different instances different ones."""
    parts = list(pieces(template))
    if not any(part.field or part.tag for part in parts):
        return f"{quoted(template)} is the same for every instance", 'like "{instance}.example.com"'
    if not is_host_name("".join(part.text or "x" for part in parts)):
        return f"{quoted(template)} gives no host name", 'lower case, like "{instance}.example.com"'
    return None


def _limits(section: CloudSection, path: str) -> Iterator[Problem]:
    yield from said(f"{path}.instance_age", duration_fault(section.instance_age))
    yield from each(f"{path}.networks", section.networks, network_fault)
    if section.certificates:
        yield from said(f"{path}.certificates", path_fault(Path(section.certificates)))
    elif section.type in ("aws", "azure"):
        yield error(f"{path}.certificates", "is missing: nothing an instance shows could be verified", _PUBLISHED)


_PUBLISHED = "docs/guide/cloud.md says where the cloud publishes them"


def _of_another(section: CloudSection, path: str) -> Iterator[Problem]:
    for cloud, keys in _ONLY.items():
        for key in keys:
            if cloud != section.type and getattr(section, key) and not (key == "networks" and section.port22):
                yield error(f"{path}.{key}", f"says nothing here: it is for type = {quoted(cloud)}")
    if section.type == "gcp" and section.certificates:
        yield error(f"{path}.certificates", "says nothing here: Google publishes its keys by itself")


def _azure(section: CloudSection, path: str) -> Iterator[Problem]:
    yield from each(f"{path}.tenants", section.tenants, _fits(_GUID, "a tenant", "its id, in lower case"))
    if section.audience and not _RESOURCE.fullmatch(section.audience):
        yield error(f"{path}.audience", f"{quoted(section.audience)} is not a resource", '"api://daypass"')
    if section.audience.rstrip("/") in _SHARED:
        fault = "is what others ask for, too: whoever has such a token of an instance could use its name"
        yield error(f"{path}.audience", fault, 'an application of its own: "api://daypass"')
    if section.audience and not section.tenants:
        yield error(f"{path}.tenants", "is missing: Entra signs for every tenant there is")
    if section.tenants and not section.audience:
        yield error(f"{path}.tenants", "needs audience: only the token of a managed identity names its tenant")
    used = {part.field for template in _all(section) for part in _pieces(template)}
    asked = [key for key, wanted in (
        ("resource_groups", bool(section.resource_groups)), ("tags", section.tags),
        ("regions", bool(section.regions)), ("host_name", not used.isdisjoint({*NEEDS_TOKEN, "region"})),
    ) if wanted]  # fmt: skip
    if asked and not section.audience:
        fault = f"is missing: {asked[0]} goes by what only a token of the managed identity says"
        yield error(f"{path}.audience", fault, '"api://daypass", an application of its own')
    if not section.tags and ("region" in used or section.regions):
        yield error(f"{path}.tags", "is needed: only Azure itself says in which region an instance is")


def _all(section: CloudSection) -> tuple[str, ...]:
    return (section.host_name, *section.aliases, *section.labels.values())


def _pieces(template: str) -> list[Piece]:
    try:
        return list(pieces(template))
    except ValueError:
        return []


def _overlaps(clouds: list[CloudSection]) -> Iterator[Problem]:
    """Which table an instance falls under must not depend on their order."""
    for (_, one), (index, other) in combinations(enumerate(clouds), 2):
        shared = sorted(set(one.accounts) & set(other.accounts))
        regions = not one.regions or not other.regions or set(one.regions) & set(other.regions)
        if one.type == other.type and shared and (regions or one.type == "azure"):
            fault = f"{quoted(shared[0])} is in clouds {quoted(one.name)}, too, with regions in common"
            yield error(f"clouds[{index}].accounts", fault, "each instance falls under one table")
