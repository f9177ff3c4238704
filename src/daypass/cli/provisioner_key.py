"""`daypass ca provisioner key`: a key pair for one-time tokens."""

from __future__ import annotations

from pathlib import Path

import click

from daypass.cli.output import data, note, printable
from daypass.errors import Conflict, Invalid

__all__ = ["key"]

_LEAST = 8  # characters of a passphrase


@click.command(
    epilog="""\b
Examples:
  daypass ca provisioner key ops >> daypass.toml
  daypass ca provisioner key ops --out /media/stick/ops.jwe

The table goes to standard output, for the CA's configuration: say in it which hosts the key may speak for, or
users = true. The private half goes into a file, encrypted (JWE), for daypass token user|host and for step."""
)
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file.  [default: NAME.jwe]")
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path, dir_okay=False), help="Its first line; else it is asked for."
)
def key(name: str, out: Path | None, passphrase_file: Path | None) -> None:
    """Make a key pair for one-time tokens.

    The public half is printed, as a table of the configuration; the private one goes into a file.
    """
    import json

    from cryptography.hazmat.primitives.asymmetric import ec

    from daypass.client.settings import write_new
    from daypass.wire import PublicKey
    from daypass.wire.jwkfile import lock, private_jwk
    from daypass.wire.jwt import public_jwk, thumbprint

    path = out or Path(f"{name}.jwe")
    if path.exists():
        raise Conflict(f"{path} is there already", code="key.exists", hint="another one: --out FILE")
    passphrase = _passphrase(passphrase_file)
    private = ec.generate_private_key(ec.SECP256R1())
    members = public_jwk(PublicKey.from_cryptography(private.public_key()))
    named = {"kid": thumbprint(members), "use": "sig", "alg": "ES256"}
    write_new(path, f"{lock(private_jwk(private) | named, passphrase)}\n".encode(), 0o600)
    quoted = json.dumps(name)
    data(f"[[jwk]]\nname = {quoted}\nkey = '{json.dumps(members | named, sort_keys=True)}'")
    data('hosts = []      # names and patterns it may speak for: ["*.example.com"]')
    data("users = false   # whether it may say who somebody is")
    note(printable(f"the private half is in {path}, encrypted; who has it and the passphrase makes tokens"))


def _passphrase(file: Path | None) -> bytes:
    if file is not None:
        try:
            text = file.read_text("utf-8").split("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{file} can't be read", code="key.file") from error
    else:
        text = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    if len(text) < _LEAST:
        raise Invalid(f"the passphrase has fewer than {_LEAST} characters", code="key.passphrase")
    return str(text).encode()
