"""`daypass certificate`: a key and its certificate in files, for what can't use an agent."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daypass.cli.files_asked import from_now, new_passphrase, opened
from daypass.cli.options import with_settings
from daypass.cli.output import bold, duration, good, moment, note, printable
from daypass.errors import Invalid

if TYPE_CHECKING:
    from daypass.client.files.certfiles import NewFile, Trio
    from daypass.client.settings import Settings
    from daypass.client.signin.subject import Subject
    from daypass.wire import Certificate, PublicKey

__all__ = ["certificate"]

_KINDS = {"ed25519": "ed25519", "ecdsa": "ecdsa", "rsa": "rsa", "okp": "ed25519", "ec": "ecdsa"}
_CURVES = {"P-256": "ecdsa", "P-384": "ecdsa", "P-521": "ecdsa", "Ed25519": "ed25519"}  # as step names them
_CLOCKS_DIFFER = 300  # seconds


@dataclass(frozen=True, slots=True)
class _Given:
    """The command line."""

    keyid: str
    file: str
    pub: str | None
    sign: bool
    host: bool
    token_file: str | None
    x5c_cert: str | None
    x5c_key: str | None
    principals: tuple[str, ...]
    not_before: str | None
    not_after: str | None
    kind: str | None
    curve: str | None
    size: int
    no_password: bool
    password_file: Path | None
    force: bool
    provider: str | None
    device: bool
    no_browser_open: bool
    comment: str | None
    private_key: Path | None
    insecure: bool


@click.command(
    epilog="""\b
Examples:
  daypass certificate me@laptop id              a new key and its certificate
  daypass certificate me@laptop id --sign       for a key that is there
  daypass certificate --sign me@laptop id.pub   the same, as step writes it
  daypass certificate ci id --no-password --not-after 1h
  daypass certificate ci id --token-file token  by a one-time token
  daypass certificate --host web-1.example.com key --token-file token

Writes FILE, FILE.pub and FILE-cert.pub, all of them or none, and replaces nothing without --force; then
ssh -i FILE, or ssh-add FILE. A person's certificate takes a sign-in of its own and lasts as long as your roles
allow. With --sign the private half stays where it is: in FILE, in your ssh-agent, on a security key.

The CA decides on the key id; where it is not KEYID, that is said. With --host KEYID is the host's name, and a join
token stands for the sign-in (--token-file, or DAYPASS_JOIN_TOKEN); sshd is not touched."""
)
@click.argument("keyid")
@click.argument("file")
@click.argument("pub", required=False)
@click.option("--sign", is_flag=True, help="Certify a key that is there; PUB is its public half, else FILE.pub.")
@click.option("--host", is_flag=True, help="A host's certificate, for a join token.")
@click.option("--token-file", metavar="FILE", help="By the one-time token (--host: join token) in FILE; - reads it.")
@click.option("--x5c-cert", metavar="FILE", help="By this X.509 client certificate (PEM), with --provider.")
@click.option("--x5c-key", metavar="FILE", help="Its private key.")
@click.option(
    "-n", "--principal", "principals", multiple=True, metavar="NAME", help="Only this one of what you may have."
)
@click.option("--not-before", metavar="TIME", help="Valid from then on, such as 2h from now.")
@click.option("--not-after", metavar="TIME", help="Valid until then, such as 10h from now.")
@click.option(
    "--kty",
    "--type",
    "kind",
    type=click.Choice(list(_KINDS), case_sensitive=False),
    help="Kind of a new key; ed25519 unless told.",
)
@click.option("--curve", "--crv", type=click.Choice(list(_CURVES)), help="Of an ecdsa key; P-256 unless told.")
@click.option("--size", type=int, default=3072, help="Bits of an rsa key.")
@click.option("--no-password", is_flag=True, help="Leave the new key without a passphrase.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="The key's passphrase is its first line."
)
@click.option("-f", "--force", is_flag=True, help="Replace files that are there.")
@click.option("--comment", metavar="TEXT", help="What stands behind the key in its files; KEYID unless told.")
@click.option(
    "--private-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --sign: the private half, if elsewhere.",
)
@click.option(
    "--provider",
    "--provisioner",
    "--issuer",
    metavar="NAME",
    help="Which identity provider, where the CA knows several.",
)
@click.option("--device", "--console", is_flag=True, help="Sign in on another device, at the CA's own page.")
@click.option("--no-browser-open", is_flag=True, help="Print the address to open, and open nothing.")
@click.option("--insecure", "--no-agent", is_flag=True, hidden=True, help="For scripts written for step.")
@with_settings
def certificate(settings: Settings, **given: Any) -> int:
    """Make a key pair in FILE, or take the one there is, and get a certificate for it."""
    wish = _Given(**given)
    _refuse_contradictions(wish)
    from daypass.client import memory
    from daypass.client.files.certfiles import Trio

    memory.protect()
    trio = Trio.of(wish.file)
    subject = _existing(wish, trio, settings) if wish.sign else _new(wish, trio)
    made = _for_host(wish, subject) if wish.host else _for_person(wish, subject, settings)
    _tell(made, wish, trio)
    return 0


def _refuse_contradictions(wish: _Given) -> None:
    if wish.pub is not None and not wish.sign:
        raise click.UsageError("a third argument is the public half for --sign")
    if wish.host and (wish.principals or wish.not_before or wish.not_after or wish.provider):
        raise click.UsageError(
            "a join token says what a host's certificate is for: --host takes no narrowing options"
        )
    if wish.host and (wish.x5c_cert or wish.x5c_key):
        raise click.UsageError("a host shows its X.509 certificate by: daypass host enroll --x5c-cert FILE")
    if wish.private_key and not wish.sign:
        raise click.UsageError("--private-key is for --sign")
    if wish.kind and wish.curve and _KINDS[wish.kind] != _CURVES[wish.curve]:
        raise click.UsageError(f"a key of the kind {wish.kind} has no curve {wish.curve}")
    if wish.no_password and wish.password_file:
        raise click.UsageError("--no-password and --password-file exclude each other")


def _new(wish: _Given, trio: Trio) -> Subject:
    """A key that is written only with its certificate."""
    from daypass.client.files import certfiles, keyfiles
    from daypass.client.signin.subject import signer
    from daypass.wire import PublicKey

    certfiles.check_free([trio.key, trio.public, trio.certificate], force=wish.force)
    passphrase = new_passphrase(trio.key, wish.no_password, wish.password_file)
    kind = _KINDS[wish.kind] if wish.kind else _CURVES[wish.curve or "Ed25519"]
    private = keyfiles.generate(kind, curve=wish.curve or "P-256", bits=wish.size)
    public = PublicKey.from_cryptography(private.public_key())
    files = [
        certfiles.NewFile(trio.key, keyfiles.encode(private, passphrase), 0o600),
        certfiles.NewFile(trio.public, f"{public.line(_comment(wish))}\n".encode()),
    ]
    return _subject(wish, public, signer(private), trio, files)


def _existing(wish: _Given, trio: Trio, settings: Settings) -> Subject:
    """A key whose private half stays where it is."""
    from daypass.client.files import certfiles, keyfiles, keygen
    from daypass.client.signin.subject import signer
    from daypass.wire import PublicKey

    source = Path(wish.pub) if wish.pub else trio.public if trio.public.exists() else Path(wish.file)
    public = _public_half(source)
    certfiles.check_free([trio.certificate], force=wish.force)
    if wish.password_file:
        key = wish.private_key or trio.key
        private, _ = opened(key, wish.password_file, keyfiles.load)
        if PublicKey.from_cryptography(private.public_key()) != public:
            raise Invalid(f"{key} is not the private half of {source}", code="key.pair")
        return _subject(wish, public, signer(private), trio, [])
    theirs = [wish.private_key] if wish.private_key else [trio.key, Path(str(source).removesuffix(".pub"))]
    halves = [*theirs, source]
    file = keygen.find_key(public, halves, settings.environ.get("SSH_AUTH_SOCK", ""))
    return _subject(wish, public, keygen.keygen_signer(public, file, _say), trio, [])


def _public_half(path: Path) -> PublicKey:
    """The one key in the file. Raises Invalid for a certificate, several keys, or a key too weak to be certified."""
    from daypass.client.files.sshfile import entries
    from daypass.wire import PublicKey

    found = entries(str(path))
    if len(found) != 1:
        raise Invalid(f"{path} holds {len(found)} keys", code="file.keys", hint="name a file with one public key")
    if found[0].key.certificate is not None:
        hint = "name the public half without -cert"
        raise Invalid(f"{path} is a certificate already", code="file.certificate", hint=hint)
    return PublicKey.parse(found[0].key.blob)


def _subject(wish: _Given, key: PublicKey, prove: Any, trio: Trio, files: list[NewFile]) -> Subject:
    from daypass.client.files import certfiles
    from daypass.client.signin.subject import Subject

    begin = from_now("--not-before", wish.not_before) or 0

    def keep(made: Certificate) -> None:
        _check_narrow(made, wish.principals, begin)
        line = f"{made.line(_comment(wish))}\n".encode()
        certfiles.write_together([*files, certfiles.NewFile(trio.certificate, line)], force=wish.force)

    return Subject(key, prove, keep, wish.keyid, wish.principals, begin)


def _check_narrow(made: Certificate, principals: tuple[str, ...], begin: int) -> None:
    """A certificate that gives more than was asked for is kept by nobody; the CA's page can't be told of less."""
    early = begin > 0 and made.valid_after < time.time() + begin - _CLOCKS_DIFFER
    if early or (principals and not set(made.principals) <= set(principals)):
        raise Invalid(
            "the certificate would give more than was asked for; nothing was written",
            code="certificate.wide",
            hint="a sign-in on another device can't be narrowed: sign in with a browser on this machine",
        )


def _for_person(wish: _Given, subject: Subject, settings: Settings) -> Certificate:
    from daypass.cli.login import opener_for, show_code
    from daypass.cli.login_shown import shown_instead
    from daypass.client.signin.desk import has_browser
    from daypass.client.signin.login import Login
    from daypass.client.signin.terminal import asker

    lifetime = from_now("--not-after", wish.not_after)
    if lifetime is not None and lifetime <= max(subject.begin, 0):
        raise Invalid(
            "the certificate would end before it begins", hint="--not-after lies behind --not-before, and now"
        )
    browser = has_browser(settings.environ)
    return Login(
        settings,
        _say,
        opener_for(browser and not wish.no_browser_open),
        lifetime=lifetime,
        provider=wish.provider,
        device=wish.device,
        browser=browser or wish.no_browser_open or sys.stderr is None or not sys.stderr.isatty(),
        show_code=show_code,
        ask=asker(),
        shown=shown_instead(wish.token_file, wish.x5c_cert, wish.x5c_key, wish.provider),
    ).certify(subject)


def _for_host(wish: _Given, subject: Subject) -> Certificate:
    from daypass.cli.host import join_token
    from daypass.client.files import hostcerts
    from daypass.model import is_host_name

    if not is_host_name(wish.keyid.lower()):
        raise Invalid(f"{printable(wish.keyid)} is no host name", hint="name it in full, like web-1.example.com")
    token, text = join_token(wish.token_file)
    pin = hostcerts.fetch_pin(token.url, token.fingerprint)
    made = hostcerts.enrol(pin, text, wish.keyid, subject.key, subject.prove)
    subject.keep(made)
    return made


def _tell(made: Certificate, wish: _Given, trio: Trio) -> None:
    left = duration(made.valid_before - time.time())
    begins = f"from {moment(made.valid_after)} " if made.valid_after > time.time() else ""
    where = bold(printable(str(trio.certificate)))
    note(f"{good('wrote')} {where}, {begins}until {moment(made.valid_before)} ({left})")
    if not wish.host and made.key_id != wish.keyid:
        note(f"the CA calls it {printable(made.key_id)}, not {printable(wish.keyid)}: key ids are the CA's to give")


def _say(text: str) -> None:
    note(printable(text))


def _comment(wish: _Given) -> str:
    return "".join(each for each in (wish.keyid if wish.comment is None else wish.comment) if each.isprintable())
