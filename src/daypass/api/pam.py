"""Signing in by a conversation in the terminal (PAM at the CA): two routes, and a token at the end.

Both are asked over one connection that is kept: the conversation is open in one process of the CA.
"""

from __future__ import annotations

import msgspec

from daypass.api.base import Body
from daypass.api.route import Access, Route

__all__ = ["PAM_ROUTES", "PamAnswers", "PamLogin", "PamPrompt", "PamSaid", "PamStart"]


class PamLogin(Body, frozen=True):
    """A way in by a PAM stack at the CA, as clients are told of it."""

    name: str
    seconds: int = 120  # for a whole conversation


class PamStart(Body, frozen=True):
    """`nonce` commits to key, CA and act (`binding.login_nonce`). `proof`: an SSHSIG blob by the key (namespace
    `daypass-pam@v1`) over `binding.pam_message`. `device`: what the last sign-in on this device gave, if any."""

    account: str
    nonce: str
    public_key: bytes
    proof: bytes
    provider: str = ""  # empty where there is one
    device: str = ""


class PamPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """`style`: secret (asked, and not shown as it is typed), text (asked and shown), info or error (told)."""

    style: str
    text: str


class PamSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked next; or a `token`, which goes as `ott` to the route that the sign-in is for, within a minute.

    `device` comes with it: shown the next time, it has wrong passwords of this device counted apart from those of its
    neighbours. It lets nobody in."""

    conversation: str = ""
    prompts: list[PamPrompt] = []
    token: str = ""
    device: str = ""


class PamAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """One for each prompt that asks, in their order."""

    conversation: str
    answers: list[str]


PAM_ROUTES = (
    Route(
        "pam_start", "POST", "/v1/pam/start", Access.CREDENTIAL, PamSaid,
        "Begin a sign-in by password at the CA; the key first, with proof.", body=PamStart,
    ),
    Route(
        "pam_answer", "POST", "/v1/pam/answer", Access.CREDENTIAL, PamSaid,
        "Answer what it asks, until it gives a token.", body=PamAnswers,
    ),
)  # fmt: skip
