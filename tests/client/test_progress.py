"""Whoever keeps the person waiting is named, once, after a second; here that second is shorter."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from daypass.client import progress as module
from daypass.client.progress import Progress
from daypass.client.signin.login import Login
from tests.client.mini_ca import MiniCa
from tests.parts.op import DISCOVERY, Op, slow
from tests.parts.processes import wait_until


def test_what_takes_long_is_told_once_and_what_is_quick_is_not() -> None:
    said: list[str] = []
    progress = Progress(said.append, quiet=0.05)
    for _ in range(2):
        with progress.waiting("the CA"):
            time.sleep(0.15)
    with progress.waiting("nobody"):
        pass
    time.sleep(0.1)
    assert said == ["waiting for the CA"]


def test_it_is_told_while_it_lasts_and_not_after(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with Progress(said.append, quiet=0.01).waiting("the CA"):
        wait_until(lambda: said == ["waiting for the CA"], "being told")


def test_a_slow_provider_and_a_slow_ca_are_named(
    sign_in: Callable[..., Login], company: MiniCa, op: Op, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.Progress.__init__, "__defaults__", (0.05,))
    op.answers[DISCOVERY] = slow(0.3)
    answer = company.answer

    def drowsy(path: str, body: bytes) -> tuple[int, object]:
        time.sleep(0.3)
        return answer(path, body)

    company.answer = drowsy  # type: ignore[method-assign]
    sign_in().run()
    assert f"waiting for the CA at {company.url}" in said
    assert f"waiting for the identity provider {op.issuer}" in said
