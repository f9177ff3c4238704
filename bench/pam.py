"""Whether a PAM stack that hangs slows anybody else: honest sign-ins, by PAM and by OpenID, while fifty conversations
never end, beside the same without them. A whole CA in one process, its store on disk."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.ca.heart import CA_ID, Heart, heart
from tests.parts.op import run_op
from tests.parts.pam import WORDS, Stack, make_module, make_stack

from bench.measure import percentile
from daypass.ca.conversations import Begin, Conversations
from daypass.config import PamSection, RoleSection
from daypass.model import Credential, Request, Secret
from daypass.wire import CertType, PublicKey
from daypass.wire.binding import login_nonce

HANGING, SIGN_INS = 50, 200
SALT = bytes(32)


def measure(quick: bool) -> dict[str, float]:
    count = SIGN_INS // 10 if quick else SIGN_INS
    print(f"bench: {count} sign-ins of each kind, {HANGING} that hang …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as folder, _stack(Path(folder)) as given:
        return asyncio.run(_measure(Path(folder), given, count))


@contextmanager
def _stack(home: Path) -> Iterator[dict[str, Any]]:
    """`unix` knows Alice's password; `hang` never asks for one."""
    stack = make_stack(home)
    Stack(stack.folder, "hang").write(*make_module(home, "for (;;) pause();"))
    tables = [PamSection(name="unix", folder=str(stack.folder))]
    tables.append(PamSection(name="hang", service="hang", folder=str(stack.folder), timeout="10m"))
    roles = [RoleSection(name=name, provider=name, hosts=["*"], groups=["engineers"], accounts=["{login}"])
             for name in ("unix", "idp")]  # fmt: skip
    yield {"pam": tables, "roles": roles, "pam_environ": stack.environ}


async def _measure(home: Path, given: dict[str, Any], count: int) -> dict[str, float]:
    with run_op() as op:
        async with heart(op, home / "ca.sqlite", **given) as ca:
            talks = ca.authority.conversations
            assert talks is not None
            alone = await _honest(ca, talks, count)
            hanging = [asyncio.create_task(talks.start(_begin("hang"), f"192.0.2.{at}")) for at in range(HANGING)]
            await asyncio.sleep(3)  # all of them have been started, and hang
            beside = await _honest(ca, talks, count)
            for each in hanging:
                each.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
    return {
        "pam_hang_honest_p99_ms": percentile(beside, 0.99) * 1000,
        "pam_hang_honest_p50_ms": percentile(beside, 0.5) * 1000,
        "pam_alone_honest_p99_ms": percentile(alone, 0.99) * 1000,
        "pam_alone_honest_p50_ms": percentile(alone, 0.5) * 1000,
    }


async def _honest(ca: Heart, talks: Conversations, count: int) -> list[float]:
    times = list[float]()
    for at in range(count):
        began = time.perf_counter()
        await _by_pam(ca, talks, f"198.51.100.{at % 250}")
        times.append(time.perf_counter() - began)
        began = time.perf_counter()
        await ca.sign_in(sub="bench-1", email="bench@example.com")
        times.append(time.perf_counter() - began)
    return times


async def _by_pam(ca: Heart, talks: Conversations, address: str) -> None:
    begin = _begin("unix")
    asked = await talks.start(begin, address)
    said = await talks.answer(asked.conversation, [Secret(WORDS["alice"])])
    assert said.token is not None
    credential = Credential(said.token, (begin.key,), salt=SALT, possessed=True)
    await ca.authority.issue(Request(CertType.USER, credential.keys), credential)


def _begin(provider: str) -> Begin:
    key = PublicKey.from_cryptography(Ed25519PrivateKey.generate().public_key())
    return Begin(provider, "alice", key, login_nonce(CA_ID, key.blob, b"login", SALT))
