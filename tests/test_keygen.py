"""Who judges a list of revoked certificates before anybody is given it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daypass import keygen
from daypass.assemble.krls import judge
from daypass.errors import Unavailable
from daypass.wire import CertificateSection, Krl
from tests.parts.needs import need
from tests.wire.making import public_key


async def verdict_on(krl: bytes) -> bool:
    return await judge()(krl)


GOOD = Krl(7, 1, "daypass", (CertificateSection(public_key(1), ((5, 9),)),)).encode()
BITMAP = GOOD.replace(b"\x21\x00\x00\x00\x10", b"\x22\x00\x00\x00\x10")


@pytest.mark.parametrize(("krl", "verdict"), [(GOOD, True), (GOOD[:-1], False), (b"", False), (b"# text\n", False)])
def test_ssh_keygen_says_what_sshd_would_do_with_a_list(krl: bytes, verdict: bool) -> None:
    assert keygen.loads(need("ssh-keygen"), krl) is verdict
    assert asyncio.run(verdict_on(krl)) is verdict


def test_what_ssh_keygen_would_take_and_we_did_not_write_goes_to_nobody() -> None:
    assert not asyncio.run(verdict_on(BITMAP))


def test_without_ssh_keygen_our_own_parser_judges_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = [asyncio.run(verdict_on(krl)) for krl in (GOOD, GOOD[:-1], b"")]
    assert "there is no ssh-keygen here" in caplog.text
    assert found == [True, False, False]


def test_a_program_that_can_not_be_run_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        keygen.loads(tmp_path / "missing", GOOD)
