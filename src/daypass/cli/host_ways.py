"""How a host shows who it is when it enrols: a join token, its cloud's word, or its own port 22."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.host.enrol import Machine
    from daypass.remote import Remote
    from daypass.wire.jointoken import JoinTokenText
    from daypass.wire.onetime import Site

__all__ = ["Way", "way_options"]

Show = Callable[["Remote", bytes, "Machine"], str]


@dataclass(frozen=True, slots=True)
class Way:
    """`show` makes the word that stands in a join token's place, once the CA is known by its root."""

    url: str
    fingerprint: str
    show: Show

    @classmethod
    def of_token(cls, token: JoinTokenText | Site, text: str) -> Way:
        return cls(token.url, token.fingerprint, lambda *_: text)

    @classmethod
    def asked(cls, cloud: str | None, port22: bool, name: str, url: str, fingerprint: str) -> Way | None:
        """None where it is to be a join token. Raises click's UsageError for options that don't go together."""
        if cloud is None and not port22:
            if url or fingerprint:
                raise click.UsageError("--ca and --fingerprint go with --cloud or --port22: a join token says both")
            return None
        if cloud is not None and port22:
            raise click.UsageError("--cloud or --port22, not both")
        if port22 and not name:
            raise click.UsageError("--port22 needs --name NAME: the name that the CA connects to")
        from daypass.client.trust import split_address

        where = split_address(url, fingerprint or None)
        if port22:
            return cls(*where, lambda *_: _name_word(name))
        return cls(*where, lambda remote, ca_id, machine: _cloud_word(cloud or "auto", remote, ca_id, machine))


def way_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`cloud`, `port22`, `ca_url` and `fingerprint` of the command."""
    for option in (
        click.option("--fingerprint", default="", metavar="HEX", help="SHA-256 of the CA's X.509 root."),
        click.option("--ca", "ca_url", default="", metavar="URL", help="The CA, where no join token says which."),
        click.option("--port22", is_flag=True, help="Show at port 22 of --name that this server has its keys."),
        click.option(
            "--cloud", type=click.Choice(("auto", "aws", "gcp", "azure")),
            help="Show the identity document of this cloud instance.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _name_word(name: str) -> str:
    from daypass.wire.nametoken import NameToken

    return NameToken(int(time.time()), name).encode()


def _cloud_word(cloud: str, remote: Remote, ca_id: bytes, machine: Machine) -> str:
    from daypass.api import HostChallengeRequest
    from daypass.host.metadata import Wanted, which_cloud, word

    keys = [key.public_key for key in machine.keys]
    cloud = which_cloud() if cloud == "auto" else cloud
    if cloud != "azure":
        return word(cloud, Wanted(ca_id, keys))
    challenge = remote.host_challenge(HostChallengeRequest(keys=[key.blob for key in keys]))
    if not (challenge.nonce.isascii() and challenge.nonce.isdigit()):
        raise Invalid("the CA's challenge is no number", code="cloud.challenge")
    return word(cloud, Wanted(ca_id, keys, challenge.nonce, next(iter(challenge.resources), "")))
