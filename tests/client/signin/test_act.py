"""A sign-in for one administrative call, from the laptop's side: what is asked of the provider, and what is shown."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from daypass.api import ActProof
from daypass.client.settings import Settings
from daypass.client.signin.act import ActSignIn
from daypass.client.trust import Membership
from daypass.errors import Denied, Unavailable
from daypass.remote import Remote
from daypass.wire import PublicKey, SshSignature
from daypass.wire.binding import POSSESSION_NAMESPACE, admin_act, login_nonce, possession_message
from tests.client.laptop import follow
from tests.parts.processes import wait_until

PATH, BODY, PURPOSE = "/v1/admin/lock", b'{"person":"carol"}', "lock carol"
Use = Callable[[Remote, str], str]


def call(settings: Settings, said: list[str], use: Use, browser: Callable[[str], None] = follow) -> str:
    return ActSignIn(settings, said.append, browser, sign_in_seconds=5).call(PATH, BODY, PURPOSE, use)


def test_the_sign_in_is_for_this_call_alone_and_a_fresh_one(
    joined: Membership, settings: Settings, said: list[str]
) -> None:
    asked = list[str]()

    def browser(url: str) -> None:
        asked.append(url)
        follow(url)

    headers = [call(settings, said, lambda _, act: act, browser) for _ in range(2)]
    first, second = map(ActProof.from_header, headers)
    assert first.key != second.key and first.salt != second.salt
    query = parse_qs(urlsplit(asked[0]).query)
    act = admin_act(PATH, BODY)
    assert query["nonce"] == [login_nonce(joined.ca_id, first.key, act, first.salt)]
    assert query["prompt"] == ["login"] and query["code_challenge_method"] == ["S256"]
    message = possession_message(joined.ca_id, first.token)
    SshSignature.parse(first.proof).verify(POSSESSION_NAMESPACE, message, PublicKey.parse(first.key))
    assert said[0] == "sign in at 127.0.0.1, in your browser, to lock carol"
    assert query["nonce"][0].encode() in urlsafe_b64decode(first.token.split(".")[1] + "==")


def test_the_browser_hears_what_came_of_it(joined: Membership, settings: Settings, said: list[str]) -> None:
    pages = list[str]()

    def browser(url: str) -> None:
        pages.append(httpx2.get(url, follow_redirects=True, trust_env=False).text)

    def refused(_: Remote, __: str) -> str:
        raise Denied("olga may not <lock> here", hint="ask <b>someone</b>")

    assert call(settings, said, lambda _, __: "done", browser) == "done"
    with pytest.raises(Denied):
        call(settings, said, refused, browser)
    wait_until(lambda: len(pages) == 2, "the browser to have read both pages")
    assert "lock carol" in pages[0] and "used up" in pages[0]
    assert "&lt;lock&gt;" in pages[1] and "<b>" not in pages[1]


def test_nobody_signs_in_and_nothing_is_sent(joined: Membership, settings: Settings, said: list[str]) -> None:
    used = list[str]()
    sign_in = ActSignIn(settings, said.append, lambda _: None, sign_in_seconds=0.2)
    with pytest.raises(Unavailable):
        sign_in.call(PATH, BODY, PURPOSE, lambda _, act: used.append(act))
    assert used == []


def test_what_is_shown_to_the_ca_tells_nobody_its_token(
    joined: Membership, settings: Settings, said: list[str]
) -> None:
    shown = ActProof.from_header(call(settings, said, lambda _, act: act))
    assert shown.token not in repr(shown) and shown.token not in " ".join(said)
