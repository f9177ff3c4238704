"""Webhooks: what arrives can be verified by anybody's library, and nothing secret is in what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.events.made import NOW, event
from tests.events.receivers import SECRET, Hook, Post, listening, run_hook, tls_files

from daypass.ca.event_ports import Event
from daypass.errors import Misconfigured, Unavailable
from daypass.events.webhook import MOST, Webhook, read_secret, signature


def sent(url: str, *events: Event, roots: Path | None = None, at: float = NOW + 5) -> None:
    async def play() -> None:
        hook = Webhook(url, SECRET, roots=roots, clock=lambda: at)
        try:
            for each in events:
                await hook.send(each)
            await hook.settle()
        finally:
            await hook.close()

    asyncio.run(play())


def signed(post: Post) -> bool:
    """As a receiver looks at it, without our code."""
    body = b".".join((post.headers["webhook-id"].encode(), post.headers["webhook-timestamp"].encode(), post.body))
    wanted = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    return post.headers["webhook-signature"] == f"v1,{wanted}"


def test_the_signature_is_that_of_the_standard() -> None:
    """The vector of the Standard Webhooks libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_event_arrives_signed_whole_and_in_its_place() -> None:
    with run_hook() as hook:
        sent(hook.url, event(7, login="alice"), event(8))
    first, second = hook.posts
    assert first.path == "/hook?key=hunter2"
    assert signed(first)
    assert signed(second)
    assert first.headers["webhook-timestamp"] == str(NOW + 5)
    told = json.loads(first.body)
    assert (told["type"], told["timestamp"], told["seq"]) == ("person.lock", "2027-01-15T08:00:00Z", 7)
    assert (told["severity"], told["data"]["login"]) == ("warning", "alice")
    assert first.headers["webhook-id"] != second.headers["webhook-id"]


def test_a_second_try_has_the_same_id_and_a_time_of_its_own() -> None:
    with run_hook() as hook:
        sent(hook.url, event(7))
        sent(hook.url, event(7), at=NOW + 60)
    first, second = hook.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.headers["webhook-timestamp"] == str(NOW + 60)
    assert signed(second)


def refused(hook: Hook) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        sent(hook.url, event())
    return caught.value


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 429, 500, 503])
def test_whatever_is_not_a_yes_is_a_no(status: int) -> None:
    """Redirects too: the address is the configuration's, never an answer's."""
    with run_hook() as other, run_hook() as hook:
        hook.answers, hook.headers = [status], {"Location": other.url, "Retry-After": "120"}
        error = refused(hook)
    assert not other.posts
    assert (error.message, error.retry_after) == (f"127.0.0.1 answered with status {status}", 120)


def test_a_retry_after_that_is_no_number_is_passed_over() -> None:
    with run_hook() as hook:
        hook.answers, hook.headers = [503], {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}
        assert refused(hook).retry_after is None


def test_nothing_secret_is_in_what_is_said_of_a_receiver_that_is_not_there() -> None:
    with listening() as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        sent(f"http://127.0.0.1:{port}/services/T0/B0/hunter2", event())
    assert caught.value.message == "127.0.0.1 can't be reached: nobody there listens, or the way is closed"


def test_a_receiver_shows_a_certificate_that_somebody_vouches_for(tmp_path: Path) -> None:
    files = tls_files(tmp_path)
    with run_hook(files.server) as hook:
        sent(hook.url, event(), roots=files.root)
        assert len(hook.posts) == 1
        with pytest.raises(Unavailable) as caught:
            sent(hook.url, event())
    assert caught.value.message == "127.0.0.1 can't be reached: its certificate is not one to believe"
    assert len(hook.posts) == 1


def test_proxies_of_the_environment_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_hook() as proxy, run_hook() as hook:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        sent(hook.url, event())
    assert (len(proxy.posts), len(hook.posts)) == (0, 1)


def test_an_event_with_ten_thousand_serials_is_cut_to_what_a_receiver_takes() -> None:
    serials = list(range(10**15, 10**15 + 10_000))
    with run_hook() as hook:
        sent(hook.url, event(serials=serials, reason="r" * 5000))
    (post,) = hook.posts
    assert len(post.body) < MOST + 200
    told = json.loads(post.body)["data"]
    assert told["serials"] == serials[: len(told["serials"])]
    assert told["cut"] == {"serials": 10_000, "reason": 5000}


GOOD = "whsec_" + base64.b64encode(SECRET).decode()
BAD = ["", GOOD.removeprefix("whsec_"), "whsec_", "whsec_AAAA", "whsec_" + "A" * 100, GOOD + "!", "whsec_\xe9"]


@pytest.mark.parametrize("text", BAD)
def test_a_secret_that_is_none_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(Misconfigured) as caught:
        read_secret(file)
    assert len(text) < 10 or text not in f"{caught.value.message} {caught.value.hint}"


def test_a_secret_is_its_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(GOOD + "\n")
    file.chmod(0o640)
    with pytest.raises(Misconfigured, match="others can read"):
        read_secret(file)
    file.chmod(0o600)
    assert read_secret(file) == SECRET


def test_the_hint_makes_a_secret_that_counts(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with pytest.raises(Misconfigured) as caught:
        read_secret(file)
    assert caught.value.hint
    assert os.system(caught.value.hint) == 0  # noqa: S605  as somebody would paste it
    assert len(read_secret(file)) == 32


TELL = """
import asyncio, logging, sys
from daypass.cli.admin import _write_log
from daypass.events.webhook import Webhook
from tests.events.made import event
_write_log("debug")
logging.getLogger("daypass.events").debug("it is said")
async def tell():
    hook = Webhook(sys.argv[1], b"0" * 32)
    await hook.send(event())
    await hook.close()
asyncio.run(tell())
"""


def test_the_log_of_the_ca_shows_no_whole_address_at_any_level() -> None:
    with run_hook() as hook:
        done = subprocess.run([sys.executable, "-c", TELL, hook.url], capture_output=True, text=True, check=True)
    assert hook.posts[0].path == "/hook?key=hunter2"
    assert "it is said" in done.stderr
    assert "hunter2" not in done.stderr
