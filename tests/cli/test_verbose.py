"""--verbose and the log on a whole sign-in: every step is told, and no secret of it is anywhere."""

from __future__ import annotations

import json
import logging
import sys
import urllib.request
from collections.abc import Iterator

import click
import pytest
from tests.client.mini_ca import MiniCa
from tests.parts.op import Answer, Op

from daypass.cli import group, login
from daypass.cli.main import main
from daypass.client.settings import Settings
from daypass.client.trust import Membership

PASSWORD = "s3cret-of-the-proxy"
commands: list[str] = []
sys.addaudithook(lambda event, found: commands.append(repr(found[:2])) if event == "subprocess.Popen" else None)


@pytest.fixture
def secrets(op: Op, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every secret of a sign-in, as the provider sees it go by; and a proxy's password."""
    seen, ordinary = [PASSWORD], op.ordinary

    def spy(path: str, query: dict[str, str], form: dict[str, str]) -> Answer:
        answer = ordinary(path, query, form)
        seen.extend(each for each in (form.get("code"), form.get("code_verifier"), query.get("state")) if each)
        if path == "/token" and answer.body:
            seen.append(json.loads(answer.body)["id_token"])
        return answer

    monkeypatch.setattr(op, "ordinary", spy)
    monkeypatch.setenv("HTTPS_PROXY", f"http://ann:{PASSWORD}@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return seen


def visit(url: str) -> None:
    """A browser that is no library with a log of its own."""
    urllib.request.urlopen(url, timeout=10).close()  # noqa: S310


def test_a_sign_in_at_debug_level_leaves_no_secret_anywhere(
    at_home: Settings, joined: Membership, secrets: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("DAYPASS_DEBUG", "1")
    monkeypatch.setattr(login, "opener_for", lambda _opens: visit)
    caplog.set_level(logging.DEBUG)
    commands.clear()
    assert main(["login", "--verbose"]) == 0
    out, err = capsys.readouterr()
    kept = at_home.log.read_text()
    for told in ("sign-in at https://127.0.0.1", "the key goes to the agent at", "signed in: serial"):
        assert told in err and told in kept
    assert "/v1/ssh/sign: 201 after" in err and "ssh-agent" in "".join(commands)
    assert len(secrets) == 5, "not everything was seen go by"
    everything = "\n".join((out, err, kept, caplog.text, *commands))
    assert not [each for each in secrets if each in everything]


def test_a_failure_is_in_the_log_with_its_code(at_home: Settings, joined: Membership, company: MiniCa) -> None:
    company.answers["/v1/trust"] = [(500, {"status": 500, "message": "out of order", "code": "internal"})]
    assert main(["login"]) == 70
    assert "daypass.cli failed with internal: out of order" in at_home.log.read_text()


def test_nothing_is_made_for_a_log_where_nothing_was_joined(at_home: Settings) -> None:
    main(["logout", "-v"])
    assert not at_home.home.exists()


def test_one_command_s_log_is_not_the_next_one_s(
    at_home: Settings, joined: Membership, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["logout", "-v"])
    capsys.readouterr()
    before = at_home.log.read_text()
    logging.getLogger("daypass.client.signin.login").info("nobody's")
    assert at_home.log.read_text() == before and capsys.readouterr().err == ""


def test_every_command_takes_verbose() -> None:
    def leaves(command: click.Command) -> Iterator[click.Command]:
        if not isinstance(command, click.Group):
            yield command
            return
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found)

    for command in leaves(group.daypass):
        assert sum("--verbose" in each.opts for each in command.params) == 1, command.name
