"""A PAM stack that asks, one that breaks, and one that never ends: the CA's end of the conversation."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.parts.pam import Stack, make_module, make_stack

from daypass.ca.pam_ports import Account, Asked
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.model import Secret
from daypass.provisioners import pamhelper, pamtalk
from daypass.provisioners.pamtalk import PamTalk

Talked = tuple[list[list[tuple[str, str]]], Account]


def talk_of(stack: Stack, account: str, timeout: int = 20) -> PamTalk:
    section = pamtalk.Stack("unix", stack.service, str(stack.folder), timeout, stack.environ)
    return PamTalk(section, account, "192.0.2.7")


async def converse(talk: PamTalk, *answers: str) -> Talked:
    """What was asked, round by round, and who it was."""
    rounds, rest, said = list[list[tuple[str, str]]](), iter(answers), await talk.next(None)
    try:
        while isinstance(said, Asked):
            rounds.append([(each.style, each.text) for each in said.prompts])
            said = await talk.next([Secret(next(rest, "")) for _ in range(said.wanted)])
    finally:
        talk.end()
    return rounds, said


def talked(stack: Stack, account: str, *answers: str, timeout: int = 20) -> Talked:
    return asyncio.run(converse(talk_of(stack, account, timeout), *answers))


def refused(stack: Stack, account: str = "alice", *answers: str, timeout: int = 20) -> DaypassError:
    with pytest.raises(DaypassError) as caught:
        talked(stack, account, *answers, timeout=timeout)
    return caught.value


def test_a_right_password_says_who_it_was_with_uid_and_groups(tmp_path: Path) -> None:
    rounds, account = talked(make_stack(tmp_path), "alice", "correct horse")
    assert rounds == [[("secret", "Password: ")]]
    assert (account.name, account.uid, account.groups) == ("alice", 1001, ("engineers",))


@pytest.mark.parametrize("who", ["alice", "nobody-here", "root", "backup"])
def test_a_wrong_password_an_unknown_account_and_the_systems_own_are_told_alike(tmp_path: Path, who: str) -> None:
    stack = make_stack(tmp_path)
    assert talked(stack, "alice", "correct horse")[0] == [[("secret", "Password: ")]]
    error = refused(stack, who, "wrong")
    assert (type(error), error.code, error.message) == (Unauthenticated, "pam.refused", "the sign-in failed")


@pytest.mark.parametrize(("who", "word"), [("root", "toor"), ("backup", "b")])
def test_the_right_password_of_a_system_account_is_no_better_than_a_wrong_one(
    tmp_path: Path, who: str, word: str
) -> None:
    assert refused(make_stack(tmp_path), who, word).code == "pam.refused"


def test_a_stack_that_lets_anybody_in_lets_no_system_account_in(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, "auth required pam_permit.so", "account required pam_permit.so")
    assert talked(stack, "alice")[1].uid == 1001
    assert refused(stack, "root").code == "pam.refused"
    assert refused(stack, "nobody-here").code == "pam.refused"


def test_nobodys_groups_are_looked_up_before_the_first_question() -> None:
    """It would take longer than for whom there is not, and tell who is there."""
    assert pamhelper.look_up("root", 0) == {"name": "root", "uid": 0, "groups": []}
    assert "root" in pamhelper.groups_of("root")


def test_several_rounds_are_asked_one_after_the_other(tmp_path: Path) -> None:
    asks = (
        'if (ask(h, 1, SECRET, "Password: ", a)) return PAM_AUTH_ERR; ask(h, 1, INFO, "a code was sent", 0);'
        'if (ask(h, 1, TEXT, "Code: ", b)) return PAM_AUTH_ERR;'
        'return strcmp(a, "word") || strcmp(b, "123456") ? PAM_AUTH_ERR : PAM_SUCCESS;'
    )
    stack = make_stack(tmp_path, *make_module(tmp_path, asks))
    rounds, _ = talked(stack, "alice", "word", "123456")
    assert rounds == [[("secret", "Password: ")], [("info", "a code was sent")], [("text", "Code: ")]]
    assert refused(stack, "alice", "word", "654321").code == "pam.refused"


ACCOUNT = [
    ("PAM_NEW_AUTHTOK_REQD", Denied, "pam.password-expired"),
    ("PAM_ACCT_EXPIRED", Denied, "pam.account-expired"),
    ("PAM_PERM_DENIED", Denied, "pam.account"),
    ("PAM_CRED_EXPIRED", Denied, "pam.account"),
    ("PAM_AUTHINFO_UNAVAIL", Unavailable, "pam.backend"),
]


@pytest.mark.parametrize(("code", "kind", "told"), ACCOUNT)
def test_account_management_is_always_asked(tmp_path: Path, code: str, kind: type, told: str) -> None:
    lines = make_module(tmp_path, "return PAM_SUCCESS;", f"return {code};")
    error = refused(make_stack(tmp_path, *lines))
    assert (type(error), error.code) == (kind, told)


@pytest.mark.parametrize("code", ["PAM_NEW_AUTHTOK_REQD", "PAM_ACCT_EXPIRED", "PAM_PERM_DENIED"])
def test_of_an_account_that_is_none_nobody_learns_what_is_said_of_it(tmp_path: Path, code: str) -> None:
    stack = make_stack(tmp_path, *make_module(tmp_path, "return PAM_SUCCESS;", f"return {code};"))
    assert refused(stack, "root").code == refused(stack, "nobody-here").code == "pam.refused"


BROKEN = [
    ("raise(SIGSEGV);", Unavailable, "pam.crashed"),
    ("abort();", Unavailable, "pam.crashed"),
    ("_exit(0);", Unavailable, "pam.crashed"),
    ("for (;;) ask(h, 64, SECRET, \"x\", 0);", Unavailable, "pam.crashed"),
    ("for (;;) ask(h, 1, INFO, \"again\", 0);", Unavailable, "pam.crashed"),
    ("for (int i = 0; i < 9; i++) ask(h, 32, INFO, \"x\", 0);", Unavailable, "pam.flood"),
    ("return PAM_AUTHINFO_UNAVAIL;", Unavailable, "pam.backend"),
    ("return PAM_TRY_AGAIN;", Unavailable, "pam.backend"),
    ("return PAM_CRED_ERR;", Unauthenticated, "pam.refused"),
    ("return PAM_AUTHTOK_ERR;", Unauthenticated, "pam.refused"),
    ("return PAM_SYSTEM_ERR;", Misconfigured, "pam.stack"),
    ("pam_set_item(h, PAM_USER, \"bob\"); return PAM_SUCCESS;", Unauthenticated, "pam.refused"),
    ("write(1, \"{}\\n\", 3); write(2, \"x\", 1); return PAM_AUTH_ERR;", Unauthenticated, "pam.refused"),
    ("char *p = 0; while ((p = malloc(1 << 26))) memset(p, 1, 1 << 26); return PAM_AUTH_ERR;", Unauthenticated,
     "pam.refused"),
]  # fmt: skip


@pytest.mark.parametrize(("does", "kind", "told"), BROKEN)
def test_whatever_a_module_does_ends_the_conversation_and_nothing_else(
    tmp_path: Path, does: str, kind: type, told: str
) -> None:
    error = refused(make_stack(tmp_path, *make_module(tmp_path, does)))
    assert (type(error), error.code) == (kind, told)


HANGS = ["for (;;) pause();", "for (;;);", "signal(SIGTERM, SIG_IGN); if (!fork()) for (;;) pause(); pause();"]


@pytest.mark.parametrize("does", HANGS)
def test_one_that_never_returns_is_killed_with_all_it_has_started(tmp_path: Path, does: str) -> None:
    talk = talk_of(make_stack(tmp_path, *make_module(tmp_path, does)), "alice", 1)

    async def main() -> int:
        with pytest.raises(Unavailable) as caught:
            await asyncio.gather(talk.next(None), see())
        assert caught.value.code == "pam.timeout"
        return numbers[0]

    numbers: list[int] = []

    async def see() -> None:
        await asyncio.sleep(0)  # it has been started by then
        assert talk._process is not None
        numbers.append(talk._process.pid)

    gone(asyncio.run(main()))


def test_a_person_who_never_answers_leaves_no_process_behind(tmp_path: Path) -> None:
    stack = make_stack(tmp_path)

    async def main() -> int:
        talk = talk_of(stack, "alice", 1)
        await talk.next(None)
        assert talk._process is not None
        number = talk._process.pid
        assert talk._reader is not None
        assert await talk._reader.read() == b""  # its time is up
        with pytest.raises(Unavailable, match="took too long"):
            await talk.next([Secret("correct horse")])
        return number

    gone(asyncio.run(main()))


def gone(session: int) -> None:
    """No process of this session is left; one that was killed may take a moment."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        left = [each for each in Path("/proc").glob("[0-9]*/stat") if _is_of(each, session)]
        if not left:
            return
        pamtalk._LATE[:] = [each for each in pamtalk._LATE if each.poll() is None]
        time.sleep(0.02)
    pytest.fail(f"{left} are left")


def _is_of(stat: Path, session: int) -> bool:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[3]) == session and fields[0] != "Z"


def test_nothing_of_ours_is_in_the_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in its environment nor on its command line, nor an open file."""
    monkeypatch.setenv("DAYPASS_SECRET", "of the CA")
    stack = make_stack(tmp_path)

    async def main() -> tuple[bytes, bytes, set[str]]:
        talk = talk_of(stack, "alice")
        await talk.next(None)
        assert talk._process is not None
        proc = Path(f"/proc/{talk._process.pid}")
        files = {str(each.readlink()).partition(":")[0] for each in (proc / "fd").iterdir()}
        read = (proc / "environ").read_bytes(), (proc / "cmdline").read_bytes(), files
        talk.end()
        return read

    environ, command, files = asyncio.run(main())
    assert b"of the CA" not in environ and b"alice" not in command
    assert files - {stack.environ[f"NSS_WRAPPER_{each}"] for each in ("PASSWD", "GROUP")} == {"/dev/null", "socket"}


def test_a_stack_that_is_missing_is_the_operators_to_mend(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, "auth required /nonexistent/pam_x.so", "account required pam_permit.so")
    assert refused(stack).code == "pam.stack"
