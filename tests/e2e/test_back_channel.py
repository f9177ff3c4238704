"""A certified provider logs somebody out by the back channel, and an event transmitter takes somebody out: on a whole
CA, over its TLS port."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx2
import pytest
from tests.ca.heart import CA_ID, Heart, heart, new_key
from tests.parts.certified_op import CertifiedOp, run_certified_op
from tests.parts.listener import Listener
from tests.parts.transmitter import RISC, Transmitter, run_transmitter
from tests.parts.visitor import at_forms
from tests.server.kit import Root, in_thread, public_info

from daypass.ca.feeds import Feeds
from daypass.config import ProviderSection, SignalsSection
from daypass.demo import person
from daypass.errors import Denied
from daypass.model import Credential, Issued, Secret
from daypass.server import app, serve
from daypass.wire.binding import login_nonce


@dataclass
class Place:
    heart: Heart
    op: CertifiedOp
    transmitter: Transmitter
    loop: asyncio.AbstractEventLoop
    url: str
    root: Root

    def wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def holds(self, issued: Issued) -> bool:
        return self.wait(self.heart.store.on_record(issued.serial)).revoked_at is None

    def locked(self) -> bool:
        (found,) = self.wait(self.heart.store.find_people("alice"))
        return found.locked_at is not None


@contextmanager
def place(home: Path, *, polled: bool = False) -> Iterator[Place]:
    root, box = Root(), list[Heart]()
    pem, bearer = home / "root.pem", home / "bearer"
    pem.write_text(root.pem)
    with run_certified_op(trusting=pem) as op, run_transmitter() as transmitter:
        bearer.write_text(transmitter.bearer)
        poll: dict[str, Any] = (
            {"poll_url": f"{transmitter.issuer}/poll", "poll_token_file": str(bearer)} if polled else {}
        )
        signals = SignalsSection(audience=transmitter.audience, issuer=transmitter.issuer, **poll)
        provider = ProviderSection(name="npm", issuer=op.issuer, client_id=op.client_id, logout=True, signals=signals)

        async def main(ready: serve.Ready, stop: asyncio.Event) -> None:
            async with heart(op, home / "ca.sqlite", providers=[provider]) as ca:  # type: ignore[arg-type]
                box.append(ca)
                public, admin = app.build(ca.authority, public_info(root)), app.build_admin(ca.authority)
                feeds = asyncio.create_task(Feeds(ca.authority.inbound).watch())
                await serve.serve(
                    public,
                    admin,
                    listen="127.0.0.1:0",
                    tls=root.leaf,
                    admin_socket=home / "s",
                    ready=ready,
                    stop=stop,
                )
                feeds.cancel()

        with in_thread(main) as (url, loop):
            op.log_out_to(f"{url}/v1/inbound/logout/npm")
            yield Place(box[0], op, transmitter, loop, url, root)


@contextmanager
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(follow_redirects=True, timeout=20, trust_env=False) as client:
        yield client


def signed_in(there: Place, client: httpx2.Client, listener: Listener) -> tuple[Issued, str]:
    """By the code flow, as daypass's client does it: the certificate, and the ID token that it was given for."""
    key, salt, verifier = new_key(), os.urandom(32), secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    nonce = login_nonce(CA_ID, key.blob, b"login", salt)
    query = {"client_id": "daypass", "redirect_uri": listener.uri, "response_type": "code", "scope": "openid email",
             "state": "s", "nonce": nonce, "max_age": "3600", "code_challenge": challenge,
             "code_challenge_method": "S256"}  # fmt: skip
    known = client.get(f"{there.op.issuer}/.well-known/openid-configuration").json()
    at_forms(client, "alice", f"{known['authorization_endpoint']}?{urlencode(query)}")
    form = {"grant_type": "authorization_code", "client_id": "daypass", "redirect_uri": listener.uri,
            "code": listener.answers[-1]["code"], "code_verifier": verifier}  # fmt: skip
    token = client.post(known["token_endpoint"], data=form).json()["id_token"]
    issuance = there.wait(there.heart.issue(Credential(Secret(token), (key,), salt=salt)))
    return issuance.certificates[0], token


def log_out(there: Place, client: httpx2.Client, hint: str) -> None:
    """On the provider's own page."""
    asked = client.get(f"{there.op.issuer}/session/end", params={"id_token_hint": hint})
    form = person.read(asked)
    assert form.action is not None
    client.post(urljoin(str(asked.url), form.action), data={**form.fields, "logout": "yes"})


def test_who_logs_out_at_a_certified_provider_loses_that_sign_in(tmp_path: Path, listener: Listener) -> None:
    with place(tmp_path) as there, browser() as laptop, browser() as other:
        here, hint = signed_in(there, laptop, listener)
        elsewhere, _ = signed_in(there, other, listener)
        log_out(there, laptop, hint)
        assert there.op.told() == "ok"
        assert not there.holds(here)
        assert there.holds(elsewhere)
        assert not there.locked()
        again, _ = signed_in(there, laptop, listener)
        assert there.holds(again)


@pytest.mark.parametrize("polled", [False, True], ids=["pushed", "polled"])
def test_who_is_disabled_at_a_transmitter_is_out(tmp_path: Path, listener: Listener, polled: bool) -> None:
    with place(tmp_path, polled=polled) as there, browser() as laptop:
        mine, _ = signed_in(there, laptop, listener)
        about = {"format": "iss_sub", "iss": there.op.issuer, "sub": "id-alice"}
        if polled:
            there.transmitter.queue(f"{RISC}account-disabled", sub_id=about)
            there.wait(until_empty(there.transmitter))
        else:
            token = there.transmitter.token(f"{RISC}account-disabled", sub_id=about)
            assert pushed(there, token) == 202
        assert not there.holds(mine)
        assert there.locked()
        with pytest.raises(Denied):
            signed_in(there, laptop, listener)


def pushed(there: Place, token: str) -> int:
    trusting = ssl.create_default_context(cadata=there.root.pem)
    url, headers = f"{there.url}/v1/inbound/signals/npm", {"content-type": "application/secevent+jwt"}
    return httpx2.post(url, content=token, headers=headers, verify=trusting, trust_env=False).status_code


async def until_empty(transmitter: Transmitter) -> None:
    async with asyncio.timeout(50):
        while transmitter.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
