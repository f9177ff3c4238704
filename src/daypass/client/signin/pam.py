"""Signing in at a PAM stack of the CA's machine: it asks, the person answers in the terminal, round by round.

The conversation is for one key and one act (its nonce, trust 3.1), over one connection that is kept. What it gives
is a token for the route that the sign-in is for, good for a minute.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass

from daypass.api import CaInfo, OidcLogin, PamAnswers, PamLogin, PamPrompt, PamSaid, PamStart
from daypass.client import holding
from daypass.client.signin import devices
from daypass.client.signin.subject import Prove
from daypass.client.signin.terminal import Ask, no_terminal
from daypass.client.trust import Membership
from daypass.errors import Invalid, Unauthenticated, Unavailable
from daypass.wire import PublicKey
from daypass.wire.binding import PAM_NAMESPACE, pam_message

__all__ = ["PamSignIn", "every_way", "pam_way"]

TRIES = 3  # as ssh's NumberOfPasswordPrompts
ROUNDS = 64
SPARE = 10.0  # seconds beyond the conversation's own


def every_way(info: CaInfo) -> list[OidcLogin]:
    """All that a person can sign in at; those without a browser look like providers, too."""
    return [
        *info.providers,
        *(OidcLogin(name=each.name, issuer=f"pam:{each.name}", client_id="") for each in info.pam),
    ]


def pam_way(info: CaInfo, name: str) -> PamLogin | None:
    return next((each for each in info.pam if each.name == name), None)


@dataclass(frozen=True, slots=True)
class PamSignIn:
    """`account`: empty for whom the last day pass was for, else who runs this. `ask`: None where there is nobody."""

    membership: Membership
    way: PamLogin
    say: Callable[[str], None]
    ask: Ask | None
    account: str = ""

    def token(self, key: PublicKey, prove: Prove, nonce: str) -> str:
        """What goes to the CA in place of an ID token. Raises any of the error tree."""
        if self.ask is None:
            raise no_terminal()
        account = self.account or holding.owner(self.membership.context) or _local_user()
        message = pam_message(self.membership.ca_id, self.way.name, account, nonce)
        file = self.membership.context.devices
        start = PamStart(
            account=account,
            nonce=nonce,
            public_key=key.blob,
            proof=prove(PAM_NAMESPACE, message).encode(),
            provider=self.way.name,
            device=devices.known(file, self.way.name, account),
        )
        self.say(f"signing in as {account}")
        for left in reversed(range(TRIES)):
            try:
                said = self._conversation(start, self.ask)
            except Unauthenticated as error:
                if error.code != "pam.refused" or not left:
                    raise
                self.say("that was not right; try again")
                continue
            devices.remember(file, self.way.name, account, said.device)
            return said.token
        raise AssertionError("unreachable")

    def _conversation(self, start: PamStart, ask: Ask) -> PamSaid:
        with self.membership.remote(self.way.seconds + SPARE) as remote:
            said = remote.pam_start(start)
            for _ in range(ROUNDS):
                if said.token:
                    return said
                said = remote.pam_answer(PamAnswers(conversation=said.conversation, answers=self._answers(said, ask)))
        raise Unavailable("the CA asks without end", code="pam.flood", hint="tell its operator")

    def _answers(self, said: PamSaid, ask: Ask) -> list[str]:
        answers = []
        for each in said.prompts:
            if each.style in ("secret", "text"):
                answers.append(ask(_spaced(each), each.style == "text"))
            else:
                self.say(each.text)
        return answers


def _spaced(prompt: PamPrompt) -> str:
    text = prompt.text or "Answer:"
    return text if text.endswith((" ", "\t")) else f"{text} "


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise Invalid(
            "nobody knows who you are here", code="pam.account", hint="daypass login --user NAME"
        ) from error
