"""Which CA a command about a host's certificate means: the one named, the host's own, or the person's company."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from daypass.client.files.hostcerts import Pin
    from daypass.client.settings import Settings
    from daypass.host.settings import Paths
    from daypass.host.state import State
    from daypass.wire import Certificate

__all__ = ["Named", "choose", "remember", "with_ca"]


@dataclass(frozen=True, slots=True)
class Named:
    """What the command line says of the CA."""

    url: str | None
    fingerprint: str | None
    root_cert: Path | None


def with_ca(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--ca-url`, `--fingerprint` and `--root-cert`."""
    for option in (
        click.option("--ca-url", metavar="URL", help="The CA, if not this host's own or your company's."),
        click.option("--fingerprint", metavar="HEX", help="With --ca-url: SHA-256 of its root certificate."),
        click.option(
            "--root-cert",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="With --ca-url: its root certificate (PEM).",
        ),
    ):
        command = option(command)
    return command


def choose(settings: Settings, named: Named) -> Pin:
    """In this order: `--ca-url`, `--context`, the CA that this host is enrolled with, the company in use."""
    from daypass import trusted
    from daypass.client import trust
    from daypass.client.files import hostcerts
    from daypass.client.files.sshfile import read

    if named.url:
        url = named.url if "://" in named.url else f"https://{named.url}"
        if named.root_cert:
            root = read(str(named.root_cert)).decode("utf-8", "replace")
            return hostcerts.Pin(url.rstrip("/"), root, trusted.extract_trust_root(root))
        if named.fingerprint:
            return hostcerts.fetch_pin(url.rstrip("/"), named.fingerprint)
        raise click.UsageError("--ca-url needs --fingerprint or --root-cert: without it anyone could be the CA")
    if named.fingerprint or named.root_cert:
        raise click.UsageError("--fingerprint and --root-cert say how to know the CA at --ca-url")
    state = None if settings.wanted else _state(settings)
    if state is not None:
        return hostcerts.Pin(state.url, "".join(state.roots), bytes.fromhex(state.ca_id), state.trust_version)
    membership = trust.current(settings)
    return hostcerts.Pin(membership.url, membership.roots_pem, membership.ca_id, membership.trust.version)


def remember(settings: Settings, path: Path, made: Certificate) -> None:
    """Where this is a certificate of the host's own sshd, `daypass host status` tells of the new one."""
    from daypass.host import files
    from daypass.host.state import CertificateState

    state = _state(settings)
    if state is None or str(path) not in [each.path for each in state.certificates]:
        return
    certificates = [
        CertificateState.of(made, path, Path(each.key)) if each.path == str(path) else each
        for each in state.certificates
    ]
    import msgspec

    files.write(_paths(settings).state, msgspec.structs.replace(state, certificates=certificates).encode(), 0o600)


def _state(settings: Settings) -> State | None:
    """What this host remembers of its CA; None where it has not enrolled, or that is not ours to read."""
    from daypass.host.state import State

    paths = _paths(settings)
    return State.load(paths.state) if os.access(paths.state, os.R_OK | os.W_OK) else None


def _paths(settings: Settings) -> Paths:
    from daypass.host.settings import Paths

    return Paths(settings.machine_file.parents[2].absolute())  # below --root, as etc/daypass/client.toml is
