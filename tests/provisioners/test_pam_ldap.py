"""People of a directory: pam_ldap in front of a real slapd, and what is said once that is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.parts.ldap import WORD, Directory, run_ldap
from tests.parts.pam import Stack, make_stack

_TALK = """\
import sys
from pathlib import Path
from tests.provisioners.test_pamtalk import Stack, talked
from daypass.errors import DaypassError
folder, *environ = sys.argv[1:4]
stack = Stack(Path(folder), environ=dict(each.split("=", 1) for each in sys.argv[4:]))
try:
    rounds, account = talked(stack, *environ)
    print(rounds[0][0][0], account.name, account.uid)
except DaypassError as error:
    print(error.code)
"""


ROOT = Path(__file__).parents[2]


def said(directory: Directory, stack: Stack, account: str, word: str) -> str:
    environ = [f"{name}={value}" for name, value in stack.environ.items()]
    command = [sys.executable, "-c", _TALK, str(stack.folder), account, word, *environ]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}  # in that mount namespace it stands in the root
    told = subprocess.run(directory.inside(*command), capture_output=True, text=True, env=env)
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def test_a_directory_says_who_may_sign_in_and_its_outage_is_no_wrong_password(tmp_path: Path) -> None:
    (tmp_path / "ldap").mkdir()
    with run_ldap(tmp_path / "ldap") as directory:
        stack = make_stack(tmp_path, *directory.lines)
        assert said(directory, stack, "alice", WORD) == "secret alice 1001"
        assert said(directory, stack, "alice", "wrong") == "pam.refused"
        assert said(directory, stack, "nobody-here", WORD) == "pam.refused"
        directory.slapd.terminate()
        directory.slapd.wait()
        assert said(directory, stack, "alice", WORD) == "pam.backend"
