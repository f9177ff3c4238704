"""`daypass ca break-glass`: the offline key for the day everything is down (trust 8.5)."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.admin_break_glass_drill import drill
from daypass.cli.admin_break_glass_status import status
from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.admin_trust import confirm, open_root, trust_root_options
from daypass.cli.break_glass_key import key_options, open_key, read_public
from daypass.cli.output import data, good, json_data, moment, note, show_hint, utc

if TYPE_CHECKING:
    from daypass.api import TrustDocument
    from daypass.founding.trust import TrustFile

__all__ = ["break_glass"]

_DEFAULT = "offline/break_glass"


@click.group(
    "break-glass",
    epilog="""\b
Examples:
  daypass ca break-glass create --key /media/offline/break_glass
  sudo daypass ca break-glass install /media/offline/break_glass.pub \\
      --account breakglass
  sudo daypass ca break-glass status
  daypass ca break-glass drill web-1.example.com --key ./break_glass

\b
create   the key, on a medium that is put away
install  its public half and one account, signed by the offline root
status   which hosts have it
sign     a certificate by it, on the day: no CA, network or database
drill    one that really logs in, now and then
revoke   one that was lost, by its serial""",
)
def break_glass() -> None:
    """A way in for the day everything is down."""


@break_glass.command(
    epilog="""\b
Examples:
  daypass ca break-glass create --key /media/offline/break_glass
  daypass ca break-glass create --key ./break_glass \\
      --passphrase-file passphrase

It needs no CA: make it where it will be kept. Two media, each with a key of its own, are better than one."""
)
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), help="Where to; offline/break_glass unless told."
)
@click.option("--passphrase-file", type=click.Path(path_type=Path), help="Encrypt it with what is in this file.")
@click.option("--no-passphrase", is_flag=True, help="Leave it unencrypted.")
@where_options
@json_option
def create(where: Where, key: Path | None, passphrase_file: Path | None, no_passphrase: bool, as_json: bool) -> None:
    """Make the offline key."""
    from daypass.signers.generate import generate_key_file

    path = key or where.file.parent / _DEFAULT
    if not path.parent.is_dir() and key is None:
        path.parent.mkdir(mode=0o700, parents=True)
    public = generate_key_file(path, _passphrase(passphrase_file, no_passphrase), "break-glass")
    if as_json:
        json_data({"key": str(path), "public": f"{path}.pub", "fingerprint": public.fingerprint})
        return
    data(f"{public.fingerprint}  {path}")
    show_hint(f"no host knows it yet: sudo daypass ca break-glass install {path}.pub --account ACCOUNT")


def _passphrase(file: Path | None, none: bool) -> bytes | None:
    if none:
        return None
    if file is not None:
        from daypass.signers.passphrase import read_passphrase

        return read_passphrase(file)
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: give --passphrase-file, or --no-passphrase")
    answer: str = click.prompt("Passphrase for the break-glass key", hide_input=True, err=True)
    if answer != click.prompt("The same again", hide_input=True, err=True):
        raise click.UsageError("the two passphrases differ")
    return answer.encode()


def _next_document(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (json_option, trust_root_options, where_options):
        command = option(command)
    return command


@break_glass.command(
    epilog="""\b
Examples:
  sudo daypass ca break-glass install offline/break_glass.pub \\
      --account breakglass
  sudo daypass ca break-glass install one.pub two.pub --account root \\
      --trust-root /media/offline/trust_root
  sudo daypass ca break-glass install --remove

From then on hosts let in by just these keys, into just this account: what was installed before counts no more. The
account has to be there on the hosts; daypass makes none."""
)
@click.argument("keys", nargs=-1, metavar="[FILE.pub]...", type=click.Path(path_type=Path))
@click.option("--account", default="", help="The one account on hosts, the same everywhere.")
@click.option("--remove", is_flag=True, help="No key any more.")
@_next_document
def install(
    where: Where, keys: tuple[Path, ...], account: str, remove: bool, trust_root: Path | None,
    passphrase_file: Path | None, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Have the offline root sign which keys, and which account."""
    from daypass.founding.breakglass import announced

    if remove == bool(keys) or bool(account) == remove:
        raise click.UsageError("name public keys and --account, or --remove")
    before, now = _trust(where), int(time.time())
    public = [read_public(each) for each in keys]
    _sign(where, before, announced(before.document, public, account, now=now), trust_root, passphrase_file, yes)
    _told(before, where, as_json)


@break_glass.command(
    epilog="""\b
Examples:
  sudo daypass ca break-glass revoke 1795430000000

The serial stands in the key's .issued file, and in every alarm. Hosts that hear of their CA refuse that certificate;
those that hear nothing go on to its end. A key that was lost is replaced: install another."""
)
@click.argument("serials", nargs=-1, required=True, type=click.IntRange(min=1), metavar="SERIAL...")
@_next_document
def revoke(
    where: Where, serials: tuple[int, ...], trust_root: Path | None, passphrase_file: Path | None, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Take certificates of the offline key back."""
    from daypass.founding.breakglass import taken_back

    before = _trust(where)
    after = taken_back(before.document, serials, now=int(time.time()))
    _sign(where, before, after, trust_root, passphrase_file, yes)
    _told(before, where, as_json)


def _trust(where: Where) -> TrustFile:
    from daypass.founding.trust import read_trust

    return read_trust(where.load().ca.trust)


def _sign(
    where: Where, before: TrustFile, after: TrustDocument, root: Path | None, passphrase: Path | None, yes: bool
) -> None:
    from daypass.founding.trust import changes, replace_trust

    found = changes(before.document, after)
    if not found:
        return
    confirm(found, yes)
    signer, now = open_root(where, root, passphrase), int(time.time())
    asyncio.run(replace_trust(where.load(), before, after, signer, now, act="ca.break-glass"))


def _told(before: TrustFile, where: Where, as_json: bool) -> None:
    document = _trust(where).document
    if as_json:
        json_data({
            "version": document.version, "changed": document.version > before.document.version,
            "keys": _fingerprints(document), "account": document.break_glass_account,
            "revoked": [serial for serial, _ in document.break_glass_revoked],
        })  # fmt: skip
        return
    if document.version == before.document.version:
        data(f"nothing changed: version {document.version} of the trust document says so already")
        return
    data(f"version {document.version} of the trust document is in place")
    note(good("hosts take it with their next word from the CA"))
    show_hint("put it on every machine of this CA, then: daypass ca reload; later: daypass ca break-glass status")


def _fingerprints(document: TrustDocument) -> list[str]:
    from daypass.trusted import public_keys

    return [key.fingerprint for key in public_keys(document.break_glass)]


@break_glass.command(
    epilog="""\b
Examples:
  daypass ca break-glass sign ~/.ssh/id_ed25519.pub --for alice \\
      --key /media/offline/break_glass
  ssh -i ~/.ssh/id_ed25519 breakglass@web-1.example.com

It asks no CA, no network and no database. The certificate is written beside the key, where ssh finds it. What was
signed stands in KEY.issued. Every host where it is used raises an alarm."""
)
@click.argument("public", metavar="FILE.pub", type=click.Path(path_type=Path))
@click.option("--for", "who", required=True, metavar="WHO", help="Who it is for; hosts' logs will say so.")
@click.option("--lifetime", default="1h", show_default=True, metavar="DURATION", help="A day at most.")
@click.option("--from", "networks", multiple=True, metavar="NETWORK", help="Only from there; repeatable.")
@click.option("--record", type=click.Path(path_type=Path), help="Where it is written down; KEY.issued unless told.")
@key_options
@json_option
def sign(
    public: Path, who: str, lifetime: str, networks: Sequence[str], record: Path | None, key: Path,
    passphrase_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Sign a certificate by the offline key alone."""
    from daypass.founding.breakglass import sign_certificate
    from daypass.model import parse_duration

    subject, signer = read_public(public), open_key(key, passphrase_file)
    made = asyncio.run(
        sign_certificate(
            signer, subject, who, now=time.time(), lifetime=parse_duration(lifetime), networks=networks,
            record=record or key.with_name(f"{key.name}.issued"),
        )
    )  # fmt: skip
    path = public.with_name(f"{public.name.removesuffix('.pub')}-cert.pub")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  O_NOFOLLOW
        file.write(f"{made.line()}\n")
    if as_json:
        json_data({"certificate": str(path), "serial": made.serial, "expires": utc(made.valid_before)})
    else:
        data(f"{path}  serial {made.serial}, until {moment(made.valid_before)}")
        show_hint(f"ssh -i {path.with_name(path.name.removesuffix('-cert.pub'))} ACCOUNT@HOST")


break_glass.add_command(status)
break_glass.add_command(drill)
