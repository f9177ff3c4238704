"""What each way in costs to look at: CPU of one `authenticate`, over the cryptography in it and nothing else.

The desks are those of the contract suite (`tests/provisioners/kinds`); a way in is measured where its desk says what
the bare cryptography is. Every token is shown once, and the provider's keys are at hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from tests.provisioners.kinds import KINDS, Desk, Made, open_kind

from daypass.model import Credential

TOKENS, ROUNDS = 600, 5


def measure(quick: bool) -> dict[str, float]:
    results: dict[str, float] = {}
    with asyncio.Runner() as runner:
        for kind in KINDS:
            with open_kind(kind, runner) as desk:
                if desk.bare is not None:
                    results |= _one(kind, desk, desk.bare, TOKENS // 10 if quick else TOKENS)
    ratios = [value for name, value in results.items() if "_over_floor_" in name]
    return results | {
        "authenticate_us_oidc": results["authenticate_us_oidc"],  # the one that the README quotes
        "authenticate_over_floor": max(ratios),
    }


def _one(kind: str, desk: Desk, bare: Callable[[str], Callable[[], object]], count: int) -> dict[str, float]:
    """Both in turn and the least of each, so that a noisy second hits neither alone."""
    shown = [desk.make(Made()) for _ in range(count)]
    work = [bare(each.token.reveal()) for each in shown]
    desk.show(shown[0])  # fetches the keys
    rounds = [(desk.runner.run(_authenticated(desk, shown)), _done(work)) for _ in range(ROUNDS)]
    ours, least = (min(times) / count for times in zip(*rounds, strict=True))
    return {
        f"authenticate_us_{kind}": ours * 1e6,
        f"authenticate_floor_us_{kind}": least * 1e6,
        f"authenticate_over_floor_{kind}": ours / least,
    }


async def _authenticated(desk: Desk, shown: Sequence[Credential]) -> float:
    """CPU seconds."""
    start = time.process_time()
    for credential in shown:
        await desk.provisioner.authenticate(credential)
    return time.process_time() - start


def _done(work: Sequence[Callable[[], object]]) -> float:
    start = time.process_time()
    for each in work:
        each()
    return time.process_time() - start
