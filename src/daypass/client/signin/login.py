"""`daypass login`: from "who are you?" to a certificate in the agent, one step after the other.

    key pair in memory -> nonce commits to key, CA and act -> the person at the provider -> ID token
    -> certificate from the CA, with proof of the key -> checked -> agent -> certificate file

The person is in a browser on this machine (`codeflow`), or on another device: at the CA's own page (`device`), or at
the provider's (`grant`). The private key never leaves this process but for the agent.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.api import CaInfo, OidcLogin, PamLogin
from daypass.client import holding, memory, roles, trust
from daypass.client.agents import choice
from daypass.client.agents.agent import Agent
from daypass.client.aside import Aside
from daypass.client.holding import Held
from daypass.client.openssh import sshconfig
from daypass.client.progress import Progress
from daypass.client.settings import Settings
from daypass.client.signin import jobs, notify
from daypass.client.signin.attempt import CLOCK_SKEW, Attempt, pick
from daypass.client.signin.idp import new_client
from daypass.client.signin.oidc import Tokens
from daypass.client.signin.pam import PamSignIn, every_way, pam_way
from daypass.client.signin.subject import Subject, signer
from daypass.client.signin.terminal import Ask
from daypass.client.signin.typed import Code, say_code
from daypass.client.trust import Membership
from daypass.errors import Misconfigured
from daypass.remote import TIMEOUT, Remote
from daypass.times import moment, utc
from daypass.wire import Certificate, PublicKey

if TYPE_CHECKING:
    import httpx2

    from daypass.client.signin.onetime import Shown

__all__ = ["Login", "until"]

_log = logging.getLogger(__name__)


class _Begun(NamedTuple):
    """What the CA was asked first, and the way to it."""

    membership: Membership
    info: CaInfo
    remote: Remote
    progress: Progress
    idp_client: Aside[httpx2.Client]


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in. `say` gets a line for the person; `open_browser` sends them somewhere.

    `patience`: seconds for each step over the network; `sign_in_seconds`: for the person's part, None for the usual.
    `confirm`: the agent asks before each use of the key, as after `ssh-add -c`. `device`: the sign-in happens on
    another device, at the CA's page; `grant`: at the provider's. Without `browser` (none can be opened here) it
    does so wherever the CA lets it. `show_code` shows what is to be typed there; without it `say` does.
    """

    settings: Settings
    say: Callable[[str], None]
    open_browser: Callable[[str], None]
    lifetime: int | None = None  # seconds; None is what the CA gives
    provider: str | None = None  # None is the machine's, or the only one
    force: bool = False
    confirm: bool = False
    device: bool = False
    patience: float = TIMEOUT
    sign_in_seconds: float | None = None
    grant: bool = False
    browser: bool = True
    show_code: Callable[[Code], None] | None = None
    notify: bool = False  # the desktop says when the pass is about to end
    ask: Ask | None = None  # where the CA itself asks for a password; None: nobody can be asked
    account: str = ""  # and for which account; empty: the usual
    shown: Shown | None = None  # a one-time token, or an X.509 certificate, instead of a sign-in

    def run(self) -> Held:
        """Sign in and keep the certificate. Raises any of the error tree; then nothing has changed."""
        with self._begun() as begun:
            membership, before = begun.membership, holding.owner(begun.membership.context)
            found = self.agent(roles.agent_of(membership, time.time()))
            _log.info("the key goes to the agent at %s", found.path)
            certificate = self._sign_in(begun, self._day_pass(membership, found))
        _log.info("signed in: serial %d, until %s", certificate.serial, utc(certificate.valid_before))
        if before not in ("", holding.owner(membership.context)):
            # A browser that was signed in to another account, or somebody else's answer to our question.
            self.say(f"the day pass before was {before}'s; if this one is not yours: daypass logout")
        sshconfig.update(self.settings, membership)
        if self.notify and not notify.start(membership.context, certificate, self.settings.environ):
            self.say("this desktop has no notify-send or osascript, so nothing will tell you when the day pass ends")
        (kept_by,) = holding.noted(membership.context.agent) or (found,)  # another, if that one failed on the way
        return Held(certificate, kept_by)

    def certify(self, subject: Subject) -> Certificate:
        """Sign in for a key of the caller's, who keeps the certificate; the day pass is left as it is."""
        with self._begun() as begun:
            return self._sign_in(begun, subject)

    def held(self, *, to_the_end: bool = False) -> Held | None:
        """What is valid already, without a word to the network; None under `force` or a wish of one's own.

        None also where it ends soon, when a sign-in replaces it, unless asked for `to_the_end`.
        """
        if self.force or self.lifetime is not None:
            return None
        context, now = self.settings.current(), time.time()
        held = holding.held(trust.load(context), now) if context else None
        if held is not None and context is not None:
            holding.tell_ssh(held, context, self.settings.environ)
        return held if held is None or to_the_end or not held.ends_soon(now) else None

    def agent(self, in_use: Agent | None) -> Agent:
        """Where the key goes: to what is held already, since ssh asks one agent alone; else one that will do."""
        if in_use and not self.force and not choice.objection(self.settings, in_use.path, confirm=self.confirm):
            return in_use
        return choice.choose(self.settings, self.say, force=self.force, confirm=self.confirm)

    @contextlib.contextmanager
    def _begun(self) -> Iterator[_Begun]:
        memory.protect()
        membership, progress = trust.current(self.settings), Progress(self.say)
        idp_client = Aside(lambda: new_client(self.patience))  # takes as long as the CA does
        with membership.remote(self.patience) as remote:
            with progress.waiting(f"the CA at {membership.url}"):
                membership, info = trust.refresh(membership, remote)
            self._compare_clocks(info)
            yield _Begun(membership, info, remote, progress, idp_client)

    def _day_pass(self, membership: Membership, found: Agent) -> Subject:
        """A new key, which goes into the agent and nowhere else."""
        key = Ed25519PrivateKey.generate()

        def keep(certificate: Certificate) -> None:
            with holding.alone(membership.context):
                holding.keep(certificate, key, found, membership, self.settings, confirm=self.confirm, say=self.say)
                held = roles.held(membership, time.time())
                if held:
                    roles.tell_ssh(self.settings, membership, held[0].agent, held)

        return Subject(PublicKey.from_cryptography(key.public_key()), signer(key), keep)

    def _sign_in(self, begun: _Begun, subject: Subject) -> Certificate:
        membership = begun.membership
        job = self.shown or (
            None if self.device or self.grant else jobs.of(begun.info, self.provider, self.settings.environ)
        )
        attempt = Attempt(
            membership=membership,
            remote=begun.remote,
            provider=job.login
            if job
            else pick(every_way(begun.info), self.provider, self.settings.machine_defaults().provider),
            subject=subject,
            say=self.say,
            progress=begun.progress,
            lifetime=self.lifetime,
            patience=self.patience,
            sign_in_seconds=self.sign_in_seconds,
            idp_client=begun.idp_client,
        )
        way = job.sign_in if job else self._way(attempt.provider, pam_way(begun.info, attempt.provider.name))
        _log.info("sign-in at %s by %s", membership.url, attempt.provider.issuer)
        return way(attempt)

    def _way(self, provider: OidcLogin, pam: PamLogin | None) -> Callable[[Attempt], Certificate]:
        """How this person signs in here: what they asked for, else what this machine and the CA allow."""
        if self.grant and not provider.device_client_id:
            raise _not_offered("this CA does not use the identity provider's own sign-in for other devices")
        if self.device and not (provider.hosted or provider.device_client_id):
            raise _not_offered("this CA has no page for signing in on another device")
        if pam is not None:
            return partial(self._in_terminal, pam)
        elsewhere = self.device or self.grant or not self.browser
        if elsewhere and provider.hosted and not self.grant:
            return self._at_the_ca
        if elsewhere and provider.device_client_id:
            return self._at_the_provider
        return self._in_browser

    def _in_terminal(self, pam: PamLogin, attempt: Attempt) -> Certificate:
        sign_in = PamSignIn(attempt.membership, pam, self.say, self.ask, self.account)
        token = sign_in.token(attempt.subject.key, attempt.subject.prove, attempt.nonce)
        return attempt.certify(Tokens(id_token=token))

    def _in_browser(self, attempt: Attempt) -> Certificate:
        from daypass.client.signin import codeflow

        return codeflow.sign_in(attempt, self.open_browser)

    def _at_the_ca(self, attempt: Attempt) -> Certificate:
        from daypass.client.signin import device

        self._explain()
        return device.sign_in(attempt, self._show)

    def _at_the_provider(self, attempt: Attempt) -> Certificate:
        from daypass.client.signin import grant

        self._explain()
        return grant.sign_in(attempt, self._show)

    def _explain(self) -> None:
        if not (self.device or self.grant):
            self.say("no browser can be opened here; sign in on another device")

    def _show(self, code: Code) -> None:
        if self.show_code is not None:
            self.show_code(code)
        else:
            say_code(code, self.say)

    def _compare_clocks(self, info: CaInfo) -> None:
        skew = info.time - time.time()
        if abs(skew) > CLOCK_SKEW:
            side = "behind" if skew > 0 else "ahead of"
            self.say(f"your clock is {abs(skew):.0f} s {side} the CA's; set it (timedatectl) if sign-ins fail")


def until(certificate: Certificate) -> str:
    """The end of its validity as a person reads it here."""
    return moment(certificate.valid_before)


def _not_offered(message: str) -> Misconfigured:
    return Misconfigured(
        message,
        code="device.off",
        hint="sign in with a browser on this machine (--no-browser-open prints the address), or ask its operator",
    )
