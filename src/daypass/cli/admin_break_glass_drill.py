"""`daypass ca break-glass drill`: one that really logs in."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daypass.cli.admin_options import Where, json_option, where_options
from daypass.cli.break_glass_key import key_options, open_key
from daypass.cli.exits import Exit
from daypass.cli.output import data, json_data, note, printable, show_hint
from daypass.errors import Misconfigured

if TYPE_CHECKING:
    from daypass.api import TrustDocument
    from daypass.signers.file import FileSigner

__all__ = ["drill"]

_LIFETIME, _SECONDS = 300, 30
_OPTIONS = (
    "BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "PreferredAuthentications=publickey",
    "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", "UpdateHostKeys=no", "ControlPath=none",
    "ConnectTimeout=10", "ForwardAgent=no", "ClearAllForwardings=yes",
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  sudo daypass ca break-glass drill web-1.example.com
  daypass ca break-glass drill web-1.example.com db-1.example.com \\
      --key /media/offline/break_glass --trust trust.json

A key that is made for it logs in to each host and out again; the host is met by its certificate, as this CA's. The
alarm that each host raises is a part of the drill: see that it was heard.

Exit code 0: all let it in. 1: one did not."""
)
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
@click.option("--for", "who", default="drill", show_default=True, metavar="WHO", help="What hosts' logs will say.")
@click.option("--port", type=click.IntRange(1, 65535), default=22, show_default=True, help="Of their sshd.")
@click.option("--address", default="", help="Connect there, for one HOST whose name is not in DNS.")
@click.option(
    "--trust", type=click.Path(path_type=Path), help="A copy of the trust document; the configuration's unless told."
)
@key_options
@where_options
@json_option
@click.pass_context
def drill(
    context: click.Context, where: Where, hosts: Sequence[str], who: str, port: int, address: str, trust: Path | None,
    key: Path, passphrase_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Log in by it, to see that it works."""
    from daypass.founding.trust import read_trust
    from daypass.model import is_host_name

    if address and len(hosts) > 1:
        raise click.UsageError("--address is for one HOST")
    if unfit := [each for each in hosts if not is_host_name(each)]:
        raise click.UsageError(f"{printable(unfit[0])} is no host name")
    document = read_trust(trust or where.load().ca.trust).document
    if not document.break_glass:
        raise Misconfigured(
            "no break-glass key is installed", code="break-glass.none", hint="daypass ca break-glass install"
        )
    found = _drilled(document, open_key(key, passphrase_file), hosts, f"drill/{who}", port, address, key)
    if as_json:
        json_data({"account": document.break_glass_account, "hosts": found})
    else:
        _show(found, document.break_glass_account)
    context.exit(Exit.OK if not any(found.values()) else Exit.NO)


def _show(found: dict[str, str], account: str) -> None:
    for host, why in found.items():
        data(f"{host}: {f'REFUSED: {printable(why)}' if why else f'let in as {account}'}")
    if any(found.values()):
        show_hint("on the host, daypass host status says what stands against it")
    if not all(found.values()):
        note("each host has raised an alarm: see that it was heard (wall, syslog, this CA's events)")


def _drilled(
    document: TrustDocument, signer: FileSigner, hosts: Sequence[str], who: str, port: int, address: str, key: Path
) -> dict[str, str]:
    """Host to why it did not let us in; "" where it did."""
    from daypass.founding.breakglass import sign_certificate
    from daypass.signers.generate import generate_key_file

    ssh = shutil.which("ssh")
    if ssh is None:
        raise Misconfigured("there is no ssh here", code="break-glass.ssh", hint="install openssh-client")
    with tempfile.TemporaryDirectory(prefix="daypass-drill-") as name:
        folder = Path(name)
        subject = generate_key_file(folder / "id")
        made = asyncio.run(
            sign_certificate(
                signer, subject, who, now=time.time(), lifetime=_LIFETIME,
                record=key.with_name(f"{key.name}.issued"),
            )
        )  # fmt: skip
        (folder / "id-cert.pub").write_text(f"{made.line()}\n", encoding="ascii")
        lines = [f"@cert-authority {','.join(hosts)} {line}\n" for line in document.host_ca]
        (folder / "known_hosts").write_text("".join(lines), encoding="ascii")
        return {each: _tried(ssh, folder, each, document.break_glass_account, port, address) for each in hosts}


def _tried(ssh: str, folder: Path, host: str, account: str, port: int, address: str) -> str:
    named = (
        f"UserKnownHostsFile={folder}/known_hosts",
        f"HostKeyAlias={host}",
        f"CertificateFile={folder}/id-cert.pub",
    )
    options = [word for each in (*_OPTIONS, *named) for word in ("-o", each)]
    command = [ssh, "-F", "none", "-T", *options, "-i", f"{folder}/id", "-p", str(port), "-l", account]
    try:
        ran = subprocess.run(
            [*command, "--", address or host, "id -un"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"
    if ran.returncode == 0 and ran.stdout.strip() == account:
        return ""
    words = [line.strip() for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
    return "; ".join(words[-3:])[:300] or f"ssh ended with {ran.returncode}"
