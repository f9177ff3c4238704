"""The files of a CA key. Each next one has a number: user_ca, user_ca-2, user_ca-3; tls_root.key, tls_root-2.key.

The higher number is the newer key: so a machine that missed a step knows which of two is to go.

    user_ca-2, .pub                  private and public half
    tls_root-2.key, .crt, .cross     key, X.509 root, the same root certified by the one before it
    retired/                         beside them: what signs no more
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from daypass.errors import Invalid, Misconfigured
from daypass.founding.trust import public_half
from daypass.signers.file import FileSigner
from daypass.signers.generate import generate_key_file, serialised, write_new
from daypass.signers.x509 import (
    certificate_file,
    cross_file,
    cross_sign,
    encode_certificate,
    fingerprint,
    load_root,
    make_root,
)
from daypass.wire import PublicKey

__all__ = ["RETIRED", "fingerprint_of", "following", "make_next", "number_of", "numbered", "put_away"]

RETIRED = "retired"
_NUMBER = re.compile(r"(.*)-([0-9]{1,6})", re.DOTALL)


def number_of(file: Path) -> int:
    """1 for one without a number."""
    found = _NUMBER.fullmatch(file.stem)
    return int(found[2]) if found else 1


def numbered(file: Path, number: int) -> Path:
    """Where the key of this number lies, beside another of its kind."""
    found = _NUMBER.fullmatch(file.stem)
    base = found[1] if found else file.stem
    return file.with_name(f"{base}{f'-{number}' if number > 1 else ''}{file.suffix}")


def following(file: Path) -> Path:
    return numbered(file, number_of(file) + 1)


def fingerprint_of(use: str, file: Path) -> str:
    """As `ca_key` and documents have it; of tls that of the root. Raises Misconfigured where it can't be read."""
    path = certificate_file(file) if use == "tls" else public_half(file)
    try:
        text = path.read_bytes()
        if use == "tls":
            return fingerprint(x509.load_pem_x509_certificate(text))
        return PublicKey.from_line(text.decode().strip()).fingerprint
    except (OSError, ValueError, Invalid) as error:
        hint = None if use == "tls" else f"ssh-keygen -y -f {file} > {path}"
        message = f"{path} can't be read, which belongs to the {use} key {file}"
        raise Misconfigured(message, code="trust.key", hint=hint) from error


def make_next(use: str, signing: Path, file: Path, passphrase: bytes | None, *, now: int, ca_id: bytes) -> bool:
    """Make the key at `file`, or finish one that was begun; whether it was made now.

    Raises Misconfigured where `passphrase` does not open the key that signs, or the one found at `file`.
    """
    about = signing.stat() if signing.exists() else None
    owner = (about.st_uid, about.st_gid) if about is not None else None
    if use == "tls":
        return _make_root(signing, file, passphrase, owner, now=now, ca_id=ca_id)
    old = FileSigner.load(signing, passphrase)
    comment = _comment(signing, old.public_key)
    if not file.exists():
        public_half(file).unlink(missing_ok=True)
        generate_key_file(file, passphrase, comment, owner)
        return True
    line = FileSigner.load(file, passphrase).public_key.line(comment)
    if not public_half(file).exists():
        write_new(public_half(file), f"{line}\n".encode(), 0o644, owner)
    return False


def _make_root(
    signing: Path, file: Path, passphrase: bytes | None, owner: tuple[int, int] | None, *, now: int, ca_id: bytes
) -> bool:
    """The key last: where it is, all is."""
    old, old_key = load_root(signing, passphrase)
    if file.exists():
        load_root(file, passphrase)
        return False
    name = str(old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    root, key = make_root(name, ca_id, now)
    crossed = cross_sign(root, old, old_key, now)
    for path, certificate in ((certificate_file(file), root), (cross_file(file), crossed)):
        path.unlink(missing_ok=True)
        write_new(path, encode_certificate(certificate), 0o644, owner)
    write_new(file, serialised(key, passphrase), 0o600, owner)
    return True


def put_away(use: str, file: Path) -> Path:
    """Move the files of a key into retired/, the key itself last. Where they have been moved, nothing happens."""
    folder = file.parent / RETIRED
    folder.mkdir(mode=0o700, exist_ok=True)
    about = file.parent.stat()
    if os.geteuid() == 0:
        os.chown(folder, about.st_uid, about.st_gid)
    for path in (*_beside(use, file), file):
        if path.exists():
            path.replace(folder / path.name)
    return folder / file.name


def _beside(use: str, file: Path) -> Iterator[Path]:
    kinds: tuple[Callable[[Path], Path], ...] = (certificate_file, cross_file) if use == "tls" else (public_half,)
    for kind in kinds:
        yield kind(file)


def _comment(signing: Path, key: PublicKey) -> str:
    """What the key before it was called."""
    try:
        return public_half(signing).read_text("utf-8").strip().removeprefix(key.line()).strip()
    except (OSError, UnicodeDecodeError):
        return ""
