"""`daypass login`: from "who are you?" to a certificate in the agent, one step after the other.

    key pair in memory -> nonce commits to key, CA and act -> browser at the provider -> code -> ID token
    -> certificate from the CA, with proof of the key -> checked -> agent -> certificate file

The private key never leaves this process but for the agent, and the ID token is good for this key alone (trust 3.1).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import POSSESSION_NAMESPACE, CaInfo, OidcLogin, SshSignRequest, SshSignResponse
from daypass.client import agent, browser, enrolled, holding, oidc, pages, sshconfig, trust
from daypass.client.agent import Agent
from daypass.client.glance import login_name
from daypass.client.holding import Held
from daypass.client.oidc import Provider, Request
from daypass.client.settings import Settings
from daypass.client.subject import Subject, signer
from daypass.client.trust import Membership
from daypass.errors import DaypassError, Invalid, Misconfigured, Unavailable
from daypass.remote import TIMEOUT, Remote
from daypass.times import moment
from daypass.wire import Certificate, PublicKey
from daypass.wire.binding import login_nonce, possession_message

__all__ = ["ACT", "SIGN_IN_SECONDS", "Login", "until"]

ACT = b"login"
SIGN_IN_SECONDS = 120.0
_RETRY_AFTER = (1.0, 3.0)  # seconds; the CA recognises a retry and gives the recorded certificate again
_LOOPBACK = ("127.0.0.1", "localhost")
_CLOCK_SKEW = 30  # seconds


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in. `say` gets a line for the person; `open_browser` sends them somewhere.

    `patience`: seconds for each step over the network; `sign_in_seconds`: for the person's part. `confirm`: the agent
    asks before each use of the key, as after `ssh-add -c`. `device`: the sign-in happens on another device.
    """

    settings: Settings
    say: Callable[[str], None]
    open_browser: Callable[[str], None]
    lifetime: int | None = None  # seconds; None is what the CA gives
    provider: str | None = None
    force: bool = False
    confirm: bool = False
    device: bool = False
    patience: float = TIMEOUT
    sign_in_seconds: float = SIGN_IN_SECONDS

    def run(self) -> Held:
        """Sign in and keep the certificate. Raises any of the error tree; then nothing has changed."""
        _protect_memory()
        membership = trust.current(self.settings)
        with membership.remote(self.patience) as remote:
            membership, info = self._refresh(membership, remote)
            found = agent.choose(self.settings, self.say, force=self.force)
            certificate = self._sign_in(membership, info, remote, self._day_pass(membership, found))
        sshconfig.update(self.settings, membership)
        return Held(certificate, found)

    def certify(self, subject: Subject) -> Certificate:
        """Sign in for a key of the caller's, who keeps the certificate; the day pass is left as it is."""
        _protect_memory()
        membership = trust.current(self.settings)
        with membership.remote(self.patience) as remote:
            membership, info = self._refresh(membership, remote)
            return self._sign_in(membership, info, remote, subject)

    def held(self) -> Held | None:
        """What is valid already, without a word to the network; None under `force` or a wish of one's own."""
        if self.force or self.lifetime is not None:
            return None
        context = self.settings.current()
        return holding.held(trust.load(context), time.time()) if context else None

    def _refresh(self, membership: Membership, remote: Remote) -> tuple[Membership, CaInfo]:
        membership, info = trust.refresh(membership, remote)
        self._compare_clocks(info)
        return membership, info

    def _day_pass(self, membership: Membership, found: Agent) -> Subject:
        """A new key, which goes into the agent and nowhere else."""
        key = Ed25519PrivateKey.generate()

        def keep(certificate: Certificate) -> None:
            with holding.alone(membership.context):
                holding.keep(certificate, key, found, membership, self.settings)

        return Subject(PublicKey.from_cryptography(key.public_key()), signer(key), keep)

    def _sign_in(self, membership: Membership, info: CaInfo, remote: Remote, subject: Subject) -> Certificate:
        """The person's part, and what follows from it; the browser hears how it ended."""
        provider = oidc.discover(_pick(info.providers, self.provider), self.patience)
        salt = os.urandom(32)
        request = Request(login_nonce(membership.ca_id, subject.key.blob, ACT, salt))
        with _listen(provider, request) as listener:
            try:
                token = self._fetch_token(listener, provider, request)
                sign = _sign_request(membership.ca_id, subject, token, salt, self.lifetime)
                answer = self._ask_ca(remote, sign)
                certificate = holding.check(answer.crt, subject.key, membership, _start(subject))
                news = enrolled.verify(membership, answer.bundle, time.time(), self.say)
                subject.keep(certificate)
                enrolled.keep(membership, news)
            except DaypassError as error:
                listener.finish(pages.failed(error.message, error.hint, membership.ca_name))
                raise
            listener.finish(
                pages.signed_in(
                    login_name(certificate.principals, certificate.key_id), until(certificate), membership.ca_name
                )
            )
        return certificate

    def _fetch_token(self, listener: browser.Listener, provider: Provider, request: Request) -> str:
        self.say(f"waiting for you to sign in at {provider.host}, in your browser")
        listener.open(self.open_browser, request.url(provider, listener.redirect_uri))
        answer = listener.wait(self.sign_in_seconds)
        return oidc.redeem(provider, request, answer.code, listener.redirect_uri, self.patience)

    def _ask_ca(self, remote: Remote, request: SshSignRequest) -> SshSignResponse:
        """Ask again where the answer was lost on the way: the person need not sign in twice for that."""
        for pause in (*_RETRY_AFTER, None):
            try:
                return remote.sign(request)
            except Unavailable as error:
                if pause is None:
                    raise
                self.say(f"{error.message}; trying again")
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _compare_clocks(self, info: CaInfo) -> None:
        skew = info.time - time.time()
        if abs(skew) > _CLOCK_SKEW:
            side = "behind" if skew > 0 else "ahead of"
            self.say(f"your clock is {abs(skew):.0f} s {side} the CA's; set it (timedatectl) if sign-ins fail")


def until(certificate: Certificate) -> str:
    """The end of its validity as a person reads it here."""
    return moment(certificate.valid_before)


def _listen(provider: Provider, request: Request) -> browser.Listener:
    """What the CA says of the redirect is not signed: it leads to this machine, or nowhere (RFC 8252 section 7.3)."""
    login = provider.login
    if login.redirect_host not in _LOOPBACK or not all(0 < port < 65536 for port in login.redirect_ports):
        raise Misconfigured(
            "the CA would have the sign-in's answer sent away from this machine",
            code="redirect",
            hint="tell its operator: redirect_host is 127.0.0.1 or localhost",
        )
    return browser.Listener(
        state=request.state,
        issuer=provider.login.issuer,
        require_issuer=provider.sends_issuer,
        host=provider.login.redirect_host,
        ports=tuple(provider.login.redirect_ports),
    )


def _start(subject: Subject) -> float:
    """When the certificate is looked at: now, or once it is to begin."""
    return time.time() + (subject.begin + _CLOCK_SKEW if subject.begin > 0 else 0)


def _sign_request(ca_id: bytes, subject: Subject, token: str, salt: bytes, lifetime: int | None) -> SshSignRequest:
    """Token, key, the salt that ties them, and a signature that shows the key is ours (trust 3.3)."""
    proof = subject.prove(POSSESSION_NAMESPACE, possession_message(ca_id, token))
    return SshSignRequest(
        publicKey=subject.key.blob,
        ott=token,
        certType="user",
        keyID=subject.key_id,
        principals=list(subject.principals),
        validAfter=f"{subject.begin}s" if subject.begin else "",
        validBefore=f"{lifetime}s" if lifetime is not None else "",
        salt=salt,
        proof=proof.encode(),
    )


def _pick(providers: list[OidcLogin], name: str | None) -> OidcLogin:
    names = ", ".join(each.name for each in providers)
    if not providers:
        raise Misconfigured("this CA knows no identity provider", hint="tell its operator")
    if name is None and len(providers) > 1:
        raise Invalid(f"there are several ways to sign in: {names}", hint="pick one with --provider NAME")
    found = [each for each in providers if name in (None, each.name)]
    if not found:
        raise Invalid(f"there is no identity provider called {name!r} here", hint=f"there is: {names}")
    return found[0]


def _protect_memory() -> None:
    """No core dump and no debugger of the same user while a private key is in memory (prctl(2))."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_DUMPABLE = 4
