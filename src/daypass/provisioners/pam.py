"""People who sign in at a PAM stack of the CA's machine (trust 8.6), instead of at an identity provider.

The conversation comes first (`pamtalk`, by way of `ca.conversations`). At its end stands a token:

    dpp1.NAME.base64url(what is sealed: the account as it was then, the key, the nonce, the time)

Sealed with a key that every process of the CA derives from the secrets key (ChaCha20-Poly1305, RFC 8439), so any
of them can read it, and nobody else can make one. It lives a minute, is good once, and for the key and
the act that its nonce commits to.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from daypass.ca.pam_ports import Account, Asked
from daypass.ca.ports import Clock, Finding
from daypass.config import PamSection
from daypass.errors import DaypassError, Unauthenticated
from daypass.model import Credential, Identity, Kind, OnceId, Proof, Secret, is_login_name, parse_duration
from daypass.provisioners.pamtalk import STANDIN, PamTalk, Stack
from daypass.wire import PublicKey
from daypass.wire.binding import SALT_SIZE, login_nonce

__all__ = ["PREFIX", "PamProvisioner"]

PREFIX = "dpp1."
LIFETIME = 60  # seconds
SKEW = 5  # two processes of one CA
MAX_TOKEN, MAX_GROUPS = 16 * 1024, 500
_NONCE = 12
_FORM = re.compile(r"dpp1\.([A-Za-z0-9._-]{1,63})\.([A-Za-z0-9_-]+)")
_FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    id: str
    time: int
    account: str
    uid: int
    groups: list[str]
    key: bytes
    nonce: str


_read = msgspec.msgpack.Decoder(_Sealed).decode


class _Device(msgspec.Struct, frozen=True, array_like=True):
    account: str
    id: str


_read_device = msgspec.msgpack.Decoder(_Device).decode


class PamProvisioner:
    """One `[[pam]]` table. `derived`: 32 bytes of the CA's secrets key for one use (`signers.seal`)."""

    type = "pam"

    def __init__(
        self,
        section: PamSection,
        ca_id: bytes,
        derived: Callable[[bytes], bytes],
        clock: Clock,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._section, self._ca_id, self._derived, self._clock = section, ca_id, derived, clock
        timeout = parse_duration(section.timeout)
        self._stack = Stack(section.name, section.service, section.folder, timeout, environ or {})
        self._about = b"daypass-pam-v1\0" + ca_id + section.name.encode()
        self._about_device = b"daypass-pam-device-v1\0" + ca_id + section.name.encode()

    @property
    def name(self) -> str:
        return self._section.name

    def recognises(self, token: str) -> bool:
        found = _FORM.fullmatch(token) if len(token) <= MAX_TOKEN else None
        return found is not None and found[1] == self.name

    # -- the conversation -----------------------------------------------------------------------------------------

    def talk(self, account: str, address: str) -> PamTalk:
        return PamTalk(self._stack, account, address)

    def token(self, account: Account, key: PublicKey, nonce: str) -> Secret:
        groups = list(account.groups[:MAX_GROUPS]) if self._section.groups else []
        now, number = int(self._clock.now()), os.urandom(16).hex()
        sealed = _Sealed(number, now, account.name, account.uid, groups, key.blob, nonce)
        return Secret(f"{PREFIX}{self.name}.{self._seal(sealed, self._about)}")

    def device_token(self, account: str, device: str) -> Secret:
        """Sealed as a sign-in is, and never one: it is for another use, and its form is another."""
        return Secret(self._seal(_Device(account, device), self._about_device))

    def device(self, account: str, token: Secret) -> str:
        try:
            opened = _read_device(self._unseal(token.reveal(), self._about_device))
        except (InvalidTag, ValueError):
            return ""
        return opened.id if opened.account == account else ""

    def _seal(self, what: msgspec.Struct, about: bytes) -> str:
        salt = os.urandom(_NONCE)
        text = salt + self._cipher().encrypt(salt, msgspec.msgpack.encode(what), about)
        return urlsafe_b64encode(text).rstrip(b"=").decode()

    def _unseal(self, text: str, about: bytes) -> bytes:
        """Raises InvalidTag, ValueError."""
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if urlsafe_b64encode(data).rstrip(b"=").decode() != text:
            raise ValueError  # one token has one spelling
        return self._cipher().decrypt(data[:_NONCE], data[_NONCE:], about)

    def _cipher(self) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(self._derived(b"pam"))

    # -- what it was good for -------------------------------------------------------------------------------------

    async def authenticate(self, credential: Credential) -> Proof:
        """Raises Unauthenticated, code `pam.` and the check that failed."""
        sealed, now = self._opened(credential.token.reveal()), self._clock.now()
        if not sealed.time - SKEW <= now < sealed.time + LIFETIME:
            raise _refused("expired", "it is older than a minute")
        if not credential.possessed:
            raise _refused("possession", "nobody has shown to hold the key that it is for")
        if credential.salt is None or len(credential.salt) != SALT_SIZE:
            raise _refused("salt", f"it needs its salt of {SALT_SIZE} bytes")
        if len(credential.keys) != 1 or credential.keys[0].blob != sealed.key:
            raise _refused("key", "it was made for another key")
        if sealed.nonce != login_nonce(self._ca_id, sealed.key, credential.act, credential.salt):
            raise _refused("act", "it was made for another act")
        return Proof(
            identity=self._identity(sealed),
            once=OnceId(self.name, sealed.id),
            issued_at=sealed.time,
            expires_at=sealed.time + LIFETIME,
            bound=True,
        )

    def _identity(self, sealed: _Sealed) -> Identity:
        """Name and uid: neither an account that was made anew nor one that was renamed is who it was (trust 1.3)."""
        login = sealed.account if is_login_name(sealed.account) else None
        return Identity(
            kind=Kind.PERSON,
            provider=self.name,
            issuer=f"pam:{self.name}",
            subject=f"{sealed.account}:{sealed.uid}",
            email=f"{sealed.account}@{self._section.email_domain}" if self._section.email_domain else None,
            login=login,
            names=(login,) if login else (),
            groups=frozenset(sealed.groups),
            auth_time=sealed.time,
        )

    def _opened(self, token: str) -> _Sealed:
        found = _FORM.fullmatch(token) if len(token) <= MAX_TOKEN else None
        if found is None or found[1] != self.name:
            raise _refused("form", "it is not one of this way in")
        try:
            return _read(self._unseal(found[2], self._about))
        except (InvalidTag, ValueError) as error:
            raise _refused("seal", "it was not sealed by this CA for this way in") from error

    # -- from the operator's chair --------------------------------------------------------------------------------

    async def test(self) -> Sequence[Finding]:
        """The service's file, and what the stack asks somebody whom there is not. Nothing is answered."""
        where = [self._section.folder] if self._section.folder else list(_FOLDERS)
        file = next((path for each in where if (path := Path(each) / self._section.service).is_file()), None)
        if file is None:
            what = f"there is no file {where[0]}/{self._section.service}"
            return [Finding(ok=False, what=what, hint="docs/guide/pam.md has examples of what belongs there")]
        talk = self.talk(STANDIN, "")
        try:
            said = await talk.next(None)
        except Unauthenticated:
            return [Finding(ok=False, what=f"the stack of {file} refuses before it asks anything", hint=_LOG)]
        except DaypassError as error:
            return [Finding(ok=False, what=f"{error.message} ({file})", hint=_LOG)]
        finally:
            talk.end()
        if not isinstance(said, Asked):
            return [Finding(ok=False, what=f"the stack of {file} lets anybody in", hint="look for pam_permit")]
        asks = ", ".join(each.text.strip() for each in said.prompts)[:200]
        return [Finding(ok=True, what=f"the stack of {file} answers, and asks: {asks}")]


_LOG = "PAM says more in the system's log: journalctl -t python3"


def _refused(code: str, reason: str) -> Unauthenticated:
    text = f"this sign-in does not hold: {reason}"
    return Unauthenticated(text, code=f"pam.{code}", hint="sign in again: daypass login")
