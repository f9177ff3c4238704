"""One-time tokens made by whoever holds a provisioner's key, with no word to the CA (wire.onetime)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.output import data, duration, json_data, note, printable, utc
from daypass.errors import Invalid, NotFound

if TYPE_CHECKING:
    from daypass.client.settings import Settings
    from daypass.wire import PublicKey
    from daypass.wire.pyca import PrivateKey

__all__ = ["Offline", "offline_options", "open_key"]


@dataclass(frozen=True, slots=True)
class Offline:
    """What the options say; `wanted`: any of them is there."""

    provisioner: str
    key: Path | None
    keys: tuple[Path, ...]
    passphrase_file: Path | None
    ca: str
    certificate: Path | None = None

    @property
    def wanted(self) -> bool:
        return bool(self.provisioner or self.key or self.keys or self.passphrase_file or self.ca or self.certificate)

    def make(
        self, settings: Callable[[], Settings], subject: str, kind: str, names: tuple[str, ...],
        more: Mapping[str, object], lifetime: int, *, as_json: bool,
    ) -> None:  # fmt: skip
        """Prints the token. Raises Invalid, UsageError."""
        from daypass.wire.onetime import LONGEST, Wish, one_time_token

        if self.key is None or not self.provisioner:
            raise click.UsageError("--provisioner NAME and --key FILE go together: whose token it is, and its key")
        if not 1 <= lifetime <= LONGEST:
            raise Invalid(f"a token lives for {LONGEST // 60} minutes at most", code="token.lifetime")
        url, root = self._site(settings)
        now, wish = int(time.time()), Wish(subject, kind, names, self._bound(), more)
        private = open_key(self.key, self.passphrase_file)
        token = one_time_token(
            private,
            wish,
            issuer=self.provisioner,
            url=url,
            now=now,
            lifetime=lifetime,
            root=root,
            chain=self._chain(),
        )
        if as_json:
            json_data({"token": token, "name": subject, "expires_at": utc(now + lifetime)})
            return
        data(token)
        there = "daypass login --token-file FILE" if kind == "user" else "daypass host enroll --token-file FILE"
        bound = "" if wish.keys else ", for whoever has it"
        note(printable(f"good for {subject}, once, for {duration(lifetime)}{bound}; there: {there}"))

    def _bound(self) -> list[PublicKey]:
        from daypass.wire import PublicKey

        return [PublicKey.from_line(_text(path)) for path in self.keys]

    def _chain(self) -> tuple[bytes, ...]:
        from daypass.client.signin.onetime import chain_of

        return chain_of(self.certificate) if self.certificate is not None else ()

    def _site(self, settings: Callable[[], Settings]) -> tuple[str, str]:
        """URL and fingerprint: as said, else of the CA that is joined here."""
        from daypass.client import trust

        if self.ca:
            return trust.split_address(self.ca, None)
        context = settings().current()
        if context is None:
            hint = "say which: --ca https://ca.example.com/#FINGERPRINT"
            raise NotFound("no CA is joined on this machine", code="token.ca", hint=hint)
        joined = trust.load(context)
        return joined.url, joined.fingerprint


def offline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those by which a token is made, handed to the command as one `offline`."""

    @functools.wraps(command)
    def wrapped(
        *args: Any, provisioner: str, key: Path | None, keys: tuple[Path, ...], passphrase_file: Path | None,
        ca_address: str, x5c_cert: Path | None, **rest: Any,
    ) -> Any:  # fmt: skip
        offline = Offline(provisioner, key, keys, passphrase_file, ca_address, x5c_cert)
        return command(*args, offline=offline, **rest)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.option("--provisioner", default="", metavar="NAME", help="Whose key makes it: a [[jwk]] or [[x5c]] table."),
    click.option("--key", type=_FILE, help="Its private key: what daypass ca provisioner key or step made."),
    click.option("--x5c-cert", type=_FILE, help="The X.509 client certificate (PEM) of --key, for [[x5c]]."),
    click.option("--for", "keys", type=_FILE, multiple=True, help="A public key it is for, alone; repeatable."),
    click.option("--passphrase-file", type=_FILE, help="The key's passphrase; else it is asked for."),
    click.option("--ca", "ca_address", default="", metavar="URL#HEX", help="Which CA, where none is joined here."),
)


def open_key(path: Path, passphrase_file: Path | None) -> PrivateKey:
    """A JSON Web Key, encrypted or not, or a private key in PEM. Raises Invalid."""
    from daypass.client.files import keyfiles
    from daypass.wire import jwkfile

    text = _text(path)
    if "PRIVATE KEY-----" in text:
        try:
            return keyfiles.load(path, None)
        except Invalid as error:
            if error.code != "key.locked":
                raise
            return keyfiles.load(path, _passphrase(path, passphrase_file))
    locked = jwkfile.is_encrypted(text)
    return jwkfile.read_private(text, _passphrase(path, passphrase_file) if locked else None)


def _passphrase(path: Path, file: Path | None) -> bytes:
    if file is not None:
        return _text(file).split("\n")[0].rstrip("\r").encode()
    answer: str = click.prompt(f"Passphrase of {printable(str(path))}", hide_input=True, err=True)
    return answer.encode()


def _text(path: Path) -> str:
    from daypass.wire.jwkfile import MAX_SIZE

    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MAX_SIZE).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} can't be read", code="key.file") from error
