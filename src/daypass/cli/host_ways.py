"""How a host shows who it is when it enrols: a join token, its cloud's word, its port 22, an X.509 certificate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.host.enrol import Machine
    from daypass.remote import Remote
    from daypass.wire.jointoken import JoinTokenText
    from daypass.wire.onetime import Site

__all__ = ["Way", "X5c", "way_options"]

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
    def asked(
        cls, cloud: str | None, port22: bool, x5c: X5c | None, name: str, url: str, fingerprint: str
    ) -> Way | None:
        """None where it is to be a join token. Raises click's UsageError for options that don't go together."""
        ways = (cloud is not None) + port22 + (x5c is not None)
        if not ways:
            if url or fingerprint:
                raise click.UsageError(
                    "--ca and --fingerprint go with --cloud, --port22 or --x5c-cert: a join token says both"
                )
            return None
        if ways > 1:
            raise click.UsageError("one of --cloud, --port22 and --x5c-cert")
        if port22 and not name:
            raise click.UsageError("--port22 needs --name NAME: the name that the CA connects to")
        if x5c is not None and not name:
            raise click.UsageError("--x5c-cert needs --name NAME: the name that its host has in it")
        from daypass.client.trust import split_address

        where = split_address(url, fingerprint or None)
        if port22:
            return cls(*where, lambda *_: _name_word(name))
        if x5c is not None:
            return cls(*where, lambda _remote, _ca_id, machine: x5c.word(name, where, machine))
        return cls(*where, lambda remote, ca_id, machine: _cloud_word(cloud or "auto", remote, ca_id, machine))


@dataclass(frozen=True, slots=True)
class X5c:
    """An X.509 client certificate, its key, and the table it is for."""

    certificate: Path
    key: Path
    provisioner: str

    @classmethod
    def asked(cls, certificate: Path | None, key: Path | None, provisioner: str) -> X5c | None:
        if certificate is None and key is None and not provisioner:
            return None
        if certificate is None or key is None or not provisioner:
            raise click.UsageError("--x5c-cert FILE, --x5c-key FILE and --provisioner NAME go together")
        return cls(certificate, key, provisioner)

    def word(self, name: str, where: tuple[str, str], machine: Machine) -> str:
        """Bound to this host's own keys."""
        from daypass.cli.token_offline import open_key
        from daypass.client.signin.onetime import chain_of
        from daypass.wire.onetime import Wish, one_time_token

        url, root = where
        wish = Wish(name, "host", (name,), [key.public_key for key in machine.keys])
        private, chain = open_key(self.key, None), chain_of(self.certificate)
        return one_time_token(
            private, wish, issuer=self.provisioner, url=url, now=int(time.time()), root=root, chain=chain
        )


_FILE = click.Path(path_type=Path, dir_okay=False)


def way_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`cloud`, `port22`, `x5c_cert`, `x5c_key`, `provisioner`, `ca_url` and `fingerprint` of the command."""
    for option in (
        click.option("--provisioner", default="", metavar="NAME", help="Its [[x5c]] table at the CA."),
        click.option("--x5c-key", type=_FILE, help="The private key of --x5c-cert."),
        click.option("--x5c-cert", type=_FILE, help="Show this X.509 client certificate; it has --name in it."),
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
