"""Second factors in a stack: Debian's pam_oath (TOTP), and a RADIUS server that challenges."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from tests.parts.needs import need
from tests.parts.pam import WORDS, Stack, make_stack
from tests.parts.radius import CODE, WORD, Radius, library, module, run_radius
from tests.provisioners.test_pamtalk import talked

from daypass.errors import DaypassError

SEED = b"12345678901234567890"  # RFC 6238, appendix B


def refused(stack: Stack, account: str, *answers: str) -> str:
    with pytest.raises(DaypassError) as caught:
        talked(stack, account, *answers)
    return caught.value.code


def code_of(now: float) -> str:
    return TOTP(SEED, 6, SHA1(), 30).generate(int(now)).decode()  # noqa: S303  (what tokens use)


@pytest.fixture
def totp(tmp_path: Path) -> Stack:
    """As the guide has it: the password, then the code."""
    users, passwords = tmp_path / "users.oath", f"{need('pam_matrix')} passdb={tmp_path / 'passdb'}"
    users.write_text(f"HOTP/T30/6 alice - {SEED.hex()}\n")
    users.chmod(0o600)
    oath = f"auth required {module('pam_oath.so')} usersfile={users} window=2"
    stack = make_stack(tmp_path, f"auth requisite {passwords}", oath, f"account required {passwords}")
    return Stack(stack.folder, stack.service, {**stack.environ, **library()})


def test_a_password_and_then_the_code_of_the_moment_sign_in_and_that_code_once(totp: Stack) -> None:
    right = code_of(time.time())
    rounds, account = talked(totp, "alice", WORDS["alice"], right)
    assert account.name == "alice"
    assert [[style for style, _ in each] for each in rounds] == [["secret"], ["secret"]]
    assert "One-time password" in rounds[1][0][1]
    assert refused(totp, "alice", WORDS["alice"], right) == "pam.refused"


@pytest.mark.parametrize("wrong", ["000000", "", "12345", "1" * 400])
def test_a_wrong_code_is_no_and_a_wrong_password_is_asked_for_no_code(totp: Stack, wrong: str) -> None:
    assert refused(totp, "alice", WORDS["alice"], wrong) == "pam.refused"
    assert refused(totp, "alice", "wrong") == "pam.refused"


@pytest.fixture
def radius(tmp_path: Path) -> Iterator[tuple[Stack, Radius]]:
    (tmp_path / "radius").mkdir()
    with run_radius(tmp_path / "radius") as running:
        yield make_stack(tmp_path, *running.lines), running


def test_radius_asks_for_its_code_and_its_outage_is_no_wrong_password(radius: tuple[Stack, Radius]) -> None:
    stack, running = radius
    rounds, account = talked(stack, "alice", WORD, CODE)
    assert account.name == "alice"
    assert [each[-1] for each in rounds] == [("secret", "Password: "), ("text", "Code from your token: ")]
    assert refused(stack, "alice", "wrong") == "pam.refused"
    assert refused(stack, "alice", WORD, "000000") == "pam.refused"
    assert refused(stack, "bob", WORDS["bob"]) == "pam.refused"
    running.server.terminate()
    running.server.wait()
    assert refused(stack, "alice", WORD) == "pam.backend"
