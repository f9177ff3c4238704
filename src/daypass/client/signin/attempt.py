"""One sign-in that is under way: what every way to sign in needs, and what follows once the provider has said who.

The nonce commits to key, CA and act before anybody is asked (trust 3.1); the CA gets the token with a proof of the
key (trust 3.3); the certificate is checked before the caller may keep it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daypass.api import POSSESSION_NAMESPACE, OidcLogin, Signed, SshSignRequest, SshSignResponse
from daypass.client import enrolled, holding
from daypass.client.aside import Aside
from daypass.client.progress import Progress
from daypass.client.signin.idp import Idp
from daypass.client.signin.oidc import Tokens
from daypass.client.signin.subject import Subject
from daypass.client.trust import Membership
from daypass.errors import Invalid, Misconfigured, Unavailable
from daypass.model import MAX_TOKEN
from daypass.remote import Remote
from daypass.wire import Certificate
from daypass.wire.binding import SALT_SIZE, login_act, login_nonce, possession_message

if TYPE_CHECKING:
    import httpx2

__all__ = ["CLOCK_SKEW", "Attempt", "pick"]

CLOCK_SKEW = 30  # seconds
_RETRY_AFTER = (1.0, 3.0)  # seconds; the CA recognises a retry and gives the recorded certificate again


@dataclass(frozen=True, slots=True)
class Attempt:
    """`patience`: seconds for each step over the network; `sign_in_seconds`: for the person, None for the usual."""

    membership: Membership
    remote: Remote
    provider: OidcLogin
    subject: Subject
    say: Callable[[str], None]
    progress: Progress
    lifetime: int | None
    patience: float
    sign_in_seconds: float | None
    idp_client: Aside[httpx2.Client] | None = None  # for the provider, made while the CA was asked
    salt: bytes = field(default_factory=lambda: os.urandom(SALT_SIZE), repr=False)

    @property
    def nonce(self) -> str:
        """What the sign-in has to answer: this key, this CA, this act."""
        return login_nonce(self.membership.ca_id, self.subject.key.blob, login_act(self.subject.role), self.salt)

    @property
    def ca(self) -> str:
        """The CA, as people know it."""
        return f"the CA at {self.membership.url}"

    def idp(self) -> Idp:
        return Idp(self.provider.issuer, self.patience, self.progress, self.idp_client)

    @property
    def fresh(self) -> bool:
        """Whether the person has to sign in anew for it (trust 4.3)."""
        return bool(self.subject.role)

    def certify(self, tokens: Tokens, *, bound: bool = True, salted: bool = True) -> Certificate:
        """The certificate for the provider's tokens, checked and kept. Raises any of the error tree.

        An ID token that is not `bound` to the key (no nonce came back) goes the way that step's clients go: the CA
        takes it only where its operator allowed that (trust 3.1). A token that has no nonce goes without the `salted`
        one, and with the proof of the key.
        """
        answer = self._ask_ca(self._request(tokens, bound, salted))
        return self.keep(answer.crt, answer.bundle)

    def keep(self, blob: bytes, bundle: Signed | None) -> Certificate:
        """What the CA sent, if it is what was asked for; then the caller has kept it."""
        subject, now = self.subject, time.time()
        start = now + subject.begin + CLOCK_SKEW if subject.begin > 0 else now
        certificate = holding.check(blob, subject.key, self.membership, start)
        news = enrolled.verify(self.membership, bundle, now, self.say)
        enrolled.keep(self.membership, news)  # what ssh is told of the pass may go by it
        subject.keep(certificate)
        return certificate

    def _request(self, tokens: Tokens, bound: bool, salted: bool) -> SshSignRequest:
        """Tokens, key, the salt that ties them, and a signature that shows the key is ours."""
        subject, token = self.subject, tokens.id_token
        _check_size(token, self.provider)
        proof = subject.prove(POSSESSION_NAMESPACE, possession_message(self.membership.ca_id, token))
        return SshSignRequest(
            publicKey=subject.key.blob,
            ott=token,
            certType="user",
            keyID=subject.key_id,
            principals=list(subject.principals),
            validAfter=f"{subject.begin}s" if subject.begin else "",
            validBefore=f"{self.lifetime}s" if self.lifetime is not None else "",
            salt=self.salt if bound and salted else None,
            proof=proof.encode() if bound else None,
            role=subject.role,
            access_token=tokens.access_token if self.provider.groups_from != "token" else "",
            refresh_token=tokens.refresh_token if self.provider.offline and bound else "",
        )

    def _ask_ca(self, request: SshSignRequest) -> SshSignResponse:
        """Ask again where the answer was lost on the way: the person need not sign in twice for that."""
        for pause in (*_RETRY_AFTER, None):
            try:
                with self.progress.waiting(self.ca):
                    return self.remote.sign(request)
            except Unavailable as error:
                if pause is None:
                    raise
                self.say(f"{error.message}; trying again")
                time.sleep(pause)
        raise AssertionError("unreachable")


def _check_size(token: str, provider: OidcLogin) -> None:
    """Said here, since a body that is far too large is not even read at the CA."""
    if len(token) > MAX_TOKEN:
        raise Misconfigured(
            f"the ID token of {provider.issuer} is longer than {MAX_TOKEN} characters: it names very many groups",
            code="token.size",
            hint="tell the CA's operator: the provider should send only groups assigned to this application, or none "
            'in the token and groups_from = "userinfo"',
        )


def pick(providers: list[OidcLogin], name: str | None, usual: str = "") -> OidcLogin:
    """The provider called `name`, or the only one. Raises Invalid where that does not say which.

    `usual` is the one for this machine, where this CA knows it: it may be that of another company.
    """
    names = ", ".join(each.name for each in providers)
    if name is None and usual in [each.name for each in providers]:
        name = usual
    if not providers:
        raise Misconfigured("this CA knows no identity provider", hint="tell its operator")
    if name is None and len(providers) > 1:
        raise Invalid(f"there are several ways to sign in: {names}", hint="pick one with --provider NAME")
    found = [each for each in providers if name in (None, each.name)]
    if not found:
        raise Invalid(f"there is no identity provider called {name!r} here", hint=f"there is: {names}")
    return found[0]
