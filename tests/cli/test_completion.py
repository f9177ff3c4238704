"""Tab: the same answers in bash, zsh and fish, from real shells; and cheap, since each press runs it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.mini_ca import MiniCa
from tests.parts.needs import need

from daypass.cli.complete import candidates
from daypass.cli.completion import completion
from daypass.cli.main import main
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership

_BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$(({count} - 1)); compopt() {{ echo "compopt $1 $2"; }}
_daypass
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
_ZSH = """
autoload -Uz compinit; compinit -u -d {folder}/dump
source {script}
_files() {{ print compopt -o default }}
compadd() {{ print -rl -- $found }}
words=({words}); CURRENT={count}
_daypass
"""
_FISH = "source {script}; complete -C {line}"


@pytest.fixture
def enrolled(company: MiniCa, joined: Membership, at_home: Settings, sign_in: object) -> Membership:
    company.enrolled = ["db.corp.test", "web-1.corp.test", "web-2.corp.test"]
    assert callable(sign_in)
    login = sign_in()
    assert isinstance(login, Login)
    login.run()
    return joined


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """`daypass` on a PATH of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    found = folder / "daypass"
    found.write_text(f"#!{sys.executable}\nimport sys\nfrom daypass.cli.main import main\nsys.exit(main())\n")
    found.chmod(found.stat().st_mode | stat.S_IXUSR)
    return found


def shell(kind: str, line: list[str], folder: Path, program: Path) -> list[str]:
    """What the shell would offer for a line whose last word is being typed."""
    script = folder / f"script.{kind}"
    done = subprocess.run([program, "completion", kind], capture_output=True, text=True, check=True)
    script.write_text(done.stdout)
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in line)
    given = {"script": script, "words": quoted, "count": len(line), "folder": folder}
    text = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[kind].format(**given, line="'" + " ".join(line) + "'")
    argv = {"bash": ["bash", "--norc", "-c"], "zsh": ["zsh", "-f", "-c"], "fish": ["fish", "--no-config", "-c"]}[kind]
    env = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(folder)}
    shown = subprocess.run([need(argv[0]), *argv[1:], text], capture_output=True, text=True, env=env, cwd=folder)
    assert not shown.stderr, shown.stderr
    return [line.partition("\t")[0] for line in shown.stdout.splitlines() if line]


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("daypass logi", ["login"]),
        ("daypass context ", ["list", "use", "remove"]),
        ("daypass login --prov", ["--provider", "--provisioner"]),
        ("daypass completion ", ["bash", "zsh", "fish"]),
        ("daypass completion z", ["zsh"]),
        ("daypass nonsense --nonsense", []),
    ],
)
def test_every_shell_offers_the_same(
    kind: str, line: str, expected: list[str], tmp_path: Path, program: Path
) -> None:
    found = shell(kind, line.split(" "), tmp_path, program)
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_hosts_that_have_enrolled_are_offered(kind: str, enrolled: Membership, tmp_path: Path, program: Path) -> None:
    assert shell(kind, ["daypass", "why", "web-"], tmp_path, program) == ["web-1.corp.test", "web-2.corp.test"]


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_a_file_is_left_to_the_shell(kind: str, tmp_path: Path, program: Path) -> None:
    (tmp_path / "token.txt").touch()
    found = shell(kind, ["daypass", "host", "enroll", "--token-file", "tok"], tmp_path, program)
    assert found == (["token.txt"] if kind == "fish" else ["compopt -o default"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["login", "--context", ""], ["NAME"]),
        (["login", "--context="], ["--context=NAME"]),
        (["login", "--context", "=", ""], ["NAME"]),  # as bash splits it
        (["context", "use", ""], ["NAME"]),
        (["context", "remove", "zz"], []),
        (["why", "root@we"], ["root@web-1.corp.test", "root@web-2.corp.test"]),
        (["why", "root", "@", "d"], ["db.corp.test"]),
        (["login", "--lifetime", ""], []),
        (["status", "--json", "--ro"], ["--root"]),
        (["status", "--root", ""], [":file"]),
        (["--version", "stat"], ["status"]),
        (["logn", ""], list(candidates([""]))),
        ([], list(candidates([""]))),
    ],
)
def test_what_is_offered_where(words: list[str], expected: list[str], enrolled: Membership) -> None:
    found = [line.partition("\t")[0] for line in candidates(words)]
    assert found == [each.replace("NAME", enrolled.context.name).partition("\t")[0] for each in expected]


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"document": 1}', b'{"document": "{\\"enrolled\\": 1}"}', b"\xff"])
def test_a_damaged_list_of_hosts_offers_none(damage: bytes, enrolled: Membership) -> None:
    enrolled.context.bundle.write_bytes(damage)
    assert candidates(["why", ""]) == []


def test_before_anything_was_joined_there_is_nothing_to_offer(at_home: Settings) -> None:
    assert candidates(["context", "use", ""]) == []
    assert candidates(["why", ""]) == []


def test_every_shell_that_is_offered_has_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = completion.params[0].type.choices  # type: ignore[attr-defined]
    for kind in kinds:
        assert main(["completion", kind]) == 0
        assert "__complete" in capsys.readouterr().out


def test_it_imports_no_click_and_nothing_of_the_network(enrolled: Membership) -> None:
    script = f"import sys; sys.path[:0] = {sys.path!r}\n"
    script += "from daypass.cli.main import main; assert main(['__complete', 'why', 'we']) == 0\n"
    script += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-I", "-c", script], env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"click", "httpx2", "msgspec", "cryptography", "ssl"} & set(done.stderr.split())
    assert done.stdout.splitlines() == ["web-1.corp.test", "web-2.corp.test"]
