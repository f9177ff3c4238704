"""`daypass host user-data`: a new machine's first boot enrols it."""

from __future__ import annotations

import sys
import time

import click

from daypass.cli.admin_options import json_option
from daypass.cli.admin_token import label
from daypass.cli.administration import Administration, administering
from daypass.cli.output import duration, json_data, note, utc
from daypass.errors import Conflict
from daypass.shell_agent.first_boot import CLOUDS

__all__ = ["user_data"]

_FORMATS = ("cloud-init", "sh")


@click.command(
    "user-data",
    epilog="""\b
Examples:
  daypass host user-data web-7.example.com > user-data
  daypass host user-data web-7.example.com --label tier=gold --from 10.0.0.0/8
  daypass host user-data web-7.example.com --format sh | ssh root@192.0.2.7 sh
  daypass host user-data --cloud aws    for many; nothing in it is secret
  daypass host user-data old-7.example.com --port22 --format sh

With a token it is good for one machine, for an hour at most: whoever reads it in that time can become this host. The
machine needs curl and OpenSSH 8.1 or later, and no Python. An operator needs the capability token:PATTERN for every
name.""",
)
@click.argument("name", required=False, default="")
@click.option("--cloud", type=click.Choice(CLOUDS), help="They show their cloud's word for them.")
@click.option("--port22", is_flag=True, help="It shows at port 22 of NAME that it has its keys.")
@click.option("--alias", "aliases", multiple=True, metavar="NAME", help="A further name for the host; repeatable.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="A label for the host; repeatable.")
@click.option("--address", "addresses", multiple=True, metavar="ADDRESS", help="One of its own, that people type.")
@click.option("--from", "networks", multiple=True, metavar="NETWORK", help="Where it enrols from; repeatable.")
@click.option(
    "--lifetime", default="1h", metavar="TIME", show_default=True,
    help="How long the machine may take to its first boot.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True, help="What to print."
)
@administering
@json_option
def user_data(
    ca: Administration, name: str, cloud: str | None, port22: bool, aliases: tuple[str, ...], labels: tuple[str, ...],
    addresses: tuple[str, ...], networks: tuple[str, ...], lifetime: str, form: str, as_json: bool,
) -> None:  # fmt: skip
    """Print what enrols host NAME at its first boot."""
    from daypass import shell_agent

    if cloud or port22:
        if (bool(cloud), bool(name)) != (not port22, port22) or any((aliases, labels, addresses, networks)):
            hint = "--cloud stands alone, --port22 with NAME"
            raise click.UsageError(f"{hint}: names and labels are in the CA's configuration")
        _without_token(ca, cloud or "", name, form, as_json)
        return
    if not name:
        raise click.UsageError("which host? NAME, or --cloud")
    from daypass.api import JoinTokenRequest, JoinTokenResponse
    from daypass.model import parse_duration
    from daypass.shell_agent.first_boot import cloud_config, shell_script

    request = JoinTokenRequest(
        name=name,
        aliases=list(aliases),
        labels=dict(map(label, labels)),
        addresses=list(addresses),
        networks=list(networks),
        lifetime=parse_duration(lifetime),
    )
    purpose = f"make a token with which {' and '.join((name, *aliases))} can join at first boot"
    answer = ca.call("join_token", request, JoinTokenResponse, purpose, as_json=as_json)
    digest = _same(answer.agent, shell_agent.digest())
    text = (cloud_config if form == _FORMATS[0] else shell_script)(answer.token, digest)
    if as_json:
        json_data({"name": answer.name, "user_data": text, "agent": digest, "expires_at": utc(answer.expires_at)})
        return
    sys.stdout.write(text)
    note(f"good for {answer.name}, once, for {duration(answer.expires_at - time.time() + 1)}")


def _without_token(ca: Administration, cloud: str, name: str, form: str, as_json: bool) -> None:
    from daypass import shell_agent
    from daypass.shell_agent.first_boot import without_token

    url, fingerprint = _ca_of(ca)
    digest = shell_agent.digest()
    text = without_token(url, fingerprint, digest, cloud=cloud, port22=name, script=form == "sh")
    if as_json:
        json_data({"user_data": text, "agent": digest, "ca": url, "fingerprint": fingerprint})
        return
    sys.stdout.write(text)


def _ca_of(ca: Administration) -> tuple[str, str]:
    """Its URL and its root's fingerprint: from its own configuration, or as whoever runs this has pinned them."""
    if ca.here:
        from cryptography.x509 import load_pem_x509_certificate

        from daypass.signers.x509 import certificate_file, fingerprint

        config = ca.where.load()
        root = certificate_file(next(each.file for each in config.keys if each.use == "tls"))
        return config.ca.url.rstrip("/"), fingerprint(load_pem_x509_certificate(root.read_bytes()))
    from daypass.client.trust import current

    membership = current(ca.settings())
    return membership.url, membership.fingerprint


def _same(theirs: str, ours: str) -> str:
    """What runs as root on new machines is what came with this very daypass, whatever the CA says."""
    if theirs != ours:
        raise Conflict(
            "the CA serves another agent.sh than the one that this daypass knows",
            code="agent.digest",
            hint="bring both to the same version, or run this on the CA's machine; then: daypass host user-data NAME",
        )
    return ours
