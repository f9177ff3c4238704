"""A sign-in for one administrative call, and good for nothing else (trust 4.3).

The nonce commits to a key made for it, to the CA, and to path and body of the very call. The answer comes back to
this machine by loopback, so nobody elsewhere can have an operator sign in for an act of theirs: there is no way to do
it on another device.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from daypass.api import POSSESSION_NAMESPACE, ActProof, OidcLogin
from daypass.client import memory, trust
from daypass.client.progress import Progress
from daypass.client.settings import Settings
from daypass.client.signin import codeflow, oidc, pages
from daypass.client.signin.attempt import pick
from daypass.client.signin.idp import Idp
from daypass.client.signin.oidc import Request, Tokens
from daypass.client.signin.pam import PamSignIn, every_way, pam_way
from daypass.client.signin.subject import signer
from daypass.client.signin.terminal import Ask
from daypass.remote import TIMEOUT, Remote
from daypass.wire import PublicKey
from daypass.wire.binding import SALT_SIZE, admin_act, login_nonce, possession_message

__all__ = ["ActSignIn"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ActSignIn:
    """`say` gets a line for the person, `open_browser` sends them somewhere; `provider`: None for the usual one;
    `ask`: where the CA itself asks for a password."""

    settings: Settings
    say: Callable[[str], None]
    open_browser: Callable[[str], None]
    provider: str | None = None
    ask: Ask | None = None
    patience: float = TIMEOUT  # seconds, for each step over the network
    sign_in_seconds: float = codeflow.SIGN_IN_SECONDS

    def call(self, path: str, body: bytes, purpose: str, use: Callable[[Remote, str], Result]) -> Result:
        """Have the person sign in for it, then `use` the CA with the `Authorization` that this gives.

        `purpose` goes on with "sign in to": "revoke 7302841934512128". The browser hears how it ended.
        """
        memory.protect()
        membership = trust.current(self.settings)
        with membership.remote(self.patience) as remote:
            membership, info = trust.refresh(membership, remote)
            usual = self.settings.machine_defaults().provider
            login = pick(every_way(info), self.provider, usual)
            act = _Signing(membership.ca_id, admin_act(path, body))
            if (pam := pam_way(info, login.name)) is not None:
                self.say(f"sign in to {purpose}")
                token = act.converse(PamSignIn(membership, pam, self.say, self.ask))
                return use(remote, act.header(Tokens(id_token=token), login))
            with Idp(login.issuer, self.patience, Progress(self.say)) as idp:
                found, request = oidc.discover(login, idp), Request(act.nonce, True)
                with codeflow.listen(found, request) as listener:
                    try:
                        self.say(f"sign in at {found.host}, in your browser, to {purpose}")
                        listener.open(self.open_browser, request.url(found, listener.redirect_uri))
                        code = listener.wait(self.sign_in_seconds).code
                        tokens = oidc.redeem(found, request, code, listener.redirect_uri, idp)
                        result = use(remote, act.header(tokens, login))
                    except BaseException as error:
                        listener.finish(codeflow.unhappy_page(error, membership.ca_name))
                        raise
                    listener.finish(pages.done(purpose, membership.ca_name))
        return result


class _Signing:
    """A key and a salt for one act."""

    def __init__(self, ca_id: bytes, act: bytes) -> None:
        key = Ed25519PrivateKey.generate()
        self._ca_id, self._prove, self._salt = ca_id, signer(key), os.urandom(SALT_SIZE)
        self._key = PublicKey.from_cryptography(key.public_key())
        self.nonce = login_nonce(ca_id, self._key.blob, act, self._salt)

    def converse(self, sign_in: PamSignIn) -> str:
        return sign_in.token(self._key, self._prove, self.nonce)

    def header(self, tokens: Tokens, login: OidcLogin) -> str:
        token = tokens.id_token
        proof = self._prove(POSSESSION_NAMESPACE, possession_message(self._ca_id, token))
        shown = ActProof(token=token, key=self._key.blob, salt=self._salt, proof=proof.encode())
        # The CA may have to ask the provider for groups; where it has not to, it is not given the means.
        return replace(shown, access_token=tokens.access_token if login.groups_from != "token" else "").header()
