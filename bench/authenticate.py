"""What each way in costs to look at: CPU of one `authenticate`, over the cryptography in it and nothing else.

The desks are those of the contract suite (`tests/provisioners/kinds`). What goes by a database, a sealed word or ssh
has no bare cryptography worth the name: its time stands alone. Every token is shown once, and keys are at hand.
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
                results |= _one(kind, desk, TOKENS // 10 if quick else TOKENS)
    ratios = [value for name, value in results.items() if "_over_floor_" in name]
    return results | {
        "authenticate_us_oidc": results["authenticate_us_oidc"],  # these the README quotes
        "authenticate_over_floor_oidc": results["authenticate_over_floor_oidc"],
        "authenticate_over_floor": max(ratios),
    }


def _one(kind: str, desk: Desk, count: int) -> dict[str, float]:
    """Both in turn and the least of each, so that a noisy second hits neither alone."""
    shown = [desk.make(Made()) for _ in range(count)]
    work = [desk.bare(each.token.reveal()) for each in shown] if desk.bare is not None else []
    desk.show(shown[0])  # fetches the keys
    rounds = [(desk.runner.run(_authenticated(desk, shown)), _done(work)) for _ in range(ROUNDS)]
    ours, least = (min(times) / count for times in zip(*rounds, strict=True))
    found = {f"authenticate_us_{kind}": ours * 1e6}
    if work:
        found |= {f"authenticate_floor_us_{kind}": least * 1e6, f"authenticate_over_floor_{kind}": ours / least}
    return found


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
