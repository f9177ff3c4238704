"""Included files: which are read and in what order, whom they may belong to, and where a mistake is said to be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.config.sample import GOOD
from tests.parts.needs import need

from daypass.config import errors_in, load, policy_hash, warnings_in
from daypass.config.files import MAX_BYTES, MAX_FILES
from daypass.config.problem import Problem
from daypass.config.reading import read
from daypass.errors import Misconfigured

DBA = GOOD[GOOD.index('[[roles]]\nname = "dba"') :]
INCLUDE = 'include = ["roles.d/*.toml"]\n'
STRANGER = 4711  # a uid that is not root's, nor whoever runs the tests


def role(name: str) -> str:
    return DBA.replace('"dba"', f'"{name}"', 1)


class Folder:
    """A daypass.toml with roles.d beside it."""

    def __init__(self, path: Path, include: str = INCLUDE) -> None:
        self.path = path
        self.main = self.write("daypass.toml", include + GOOD)
        (path / "roles.d").mkdir(mode=0o755)

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(text)
        file.chmod(0o644)
        return file

    def problems(self) -> list[Problem]:
        return read(self.main).problems

    def mistakes(self) -> list[str]:
        return [str(each) for each in errors_in(self.problems())]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_roles_of_further_files_come_after_the_main_ones_in_the_order_of_their_names(folder: Folder) -> None:
    folder.write("roles.d/20-web.toml", role("web") + role("api"))
    folder.write("roles.d/10-db.toml", role("db"))
    folder.write("roles.d/.hidden.toml", "nonsense")
    folder.write("roles.d/notes.txt", "nonsense")
    assert [each.name for each in load(folder.main).roles] == ["staff", "dba", "db", "web", "api"]


def test_it_is_the_policy_wherever_it_stands(folder: Folder) -> None:
    folder.write("roles.d/db.toml", role("db"))
    apart = policy_hash(load(folder.main))
    folder.main.write_text(GOOD + role("db"))
    assert policy_hash(load(folder.main)) == apart


def test_providers_operators_and_reserved_logins_may_stand_there_too(folder: Folder) -> None:
    partner = '[[providers]]\nname = "partner"\nissuer = "https://id.partner.example"\nclient_id = "daypass"\n'
    operator = '[[operators]]\nname = "auditors"\nprovider = "corp"\ngroups = ["audit"]\ncan = ["audit"]\n'
    folder.write("roles.d/a.toml", f'reserved_logins = ["ceo"]\n{partner}{operator}')
    folder.main.write_text(folder.main.read_text().replace("[[roles]]\n", '[[roles]]\nprovider = "corp"\n'))
    config = load(folder.main)
    assert (config.providers[1].name, config.operators[0].name) == ("partner", "auditors")
    assert config.reserved_logins == ["deploy", "ceo"]


PLACES = [
    (role("db").replace("groups", "gruops"), "roles.d/db.toml: roles[0].gruops: there is no such key"),
    (role("db") + role("x").replace('"postgres"', "7"), "roles.d/db.toml: roles[1].accounts[0]: must be text"),
    (role("db").replace('["dba"]', '[""]'), "roles.d/db.toml: roles[0].groups[0]: is empty"),
    (role("staff"), 'roles.d/db.toml: roles[0].name: "staff" is taken by another one'),
    ('reserved_logins = ["A"]', 'roles.d/db.toml: reserved_logins[0]: "A" is not a login name'),
    ("roles = 3", "roles.d/db.toml: roles: must be a list in brackets"),
    ('[ca]\nname = "x"', "roles.d/db.toml: ca: stands in the main file only"),
    ("[hosts]\ndomains = []", "roles.d/db.toml: hosts: stands in the main file only"),
    ('include = ["more/*.toml"]', "roles.d/db.toml: include: stands in the main file only"),
    ("config_version = 1", "roles.d/db.toml: config_version: stands in the main file only"),
    ("bogus = 1", "roles.d/db.toml: bogus: there is no such key"),
    ("[[roles", "roles.d/db.toml: not valid TOML"),
    ("a = " + "[" * 4000, "roles.d/db.toml: lists or tables are nested too deep"),
]


@pytest.mark.parametrize(("text", "said"), PLACES)
def test_a_mistake_is_told_by_its_file_and_its_key_there(folder: Folder, text: str, said: str) -> None:
    folder.write("roles.d/db.toml", text)
    assert [each.startswith(said) for each in folder.mistakes()] == [True], folder.mistakes()
    with pytest.raises(Misconfigured, match=r"daypass.toml has 1 mistake"):
        load(folder.main)


def test_a_mistake_in_one_file_hides_none_at_the_same_key_of_another(folder: Folder) -> None:
    folder.main.write_text(folder.main.read_text().replace('groups = ["staff"]', 'gruops = ["staff"]'))
    folder.write("roles.d/db.toml", role("db").replace('groups = ["dba"]', ""))
    assert [each.partition(": ")[0] for each in folder.mistakes()] == ["roles[0].gruops", "roles.d/db.toml"]


PATTERNS = [
    ("/etc/daypass/*.toml", "is absolute"),
    ("../*.toml", "names no files below this file's folder"),
    ("roles.d/../x.toml", "names no files below"),
    ("./x.toml", "names no files below"),
    ("", "names no files below"),
    ("roles.d/", "names no files below"),
    ("roles.d/\\u0000", "names no files below"),
    ("roles.d/[a-z].toml", "names no files below"),
    ("*/db.toml", "has * or ? in a folder's name"),
    ("roles.d/**", "has * or ? in a folder's name"),
    ("*.toml", "includes the file that it stands in"),
    ("daypass.toml", "includes the file that it stands in"),
    ("roles.d/db.toml", "there is no file"),
    ("nowhere/db.toml", "there is no file"),
]


@pytest.mark.parametrize(("pattern", "said"), PATTERNS)
def test_a_pattern_names_files_below_the_main_ones_folder(tmp_path: Path, pattern: str, said: str) -> None:
    mistakes = Folder(tmp_path, f'include = ["{pattern}"]\n').mistakes()
    assert len(mistakes) == 1 and mistakes[0].startswith("include[0]: ") and said in mistakes[0]


@pytest.mark.parametrize("pattern", ["roles.d/*.toml", "nowhere/*.toml"])
def test_a_pattern_that_matches_nothing_is_a_warning(tmp_path: Path, pattern: str) -> None:
    found = Folder(tmp_path, f'include = ["{pattern}"]\n').problems()
    assert errors_in(found) == []
    assert [str(each) for each in warnings_in(found)] == [f'include[0]: "{pattern}" matches no file']


def test_a_file_that_two_patterns_match_is_read_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 'include = ["roles.d/db*", "roles.d/*.toml"]\n')
    folder.write("roles.d/db.toml", role("db"))
    assert len(load(folder.main).roles) == 3


def _foreign(path: Path) -> None:
    os.chown(path, STRANGER, -1)


def _foreign_link(path: Path) -> None:
    target = path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(target)
    os.chown(path, STRANGER, -1, follow_symlinks=False)


def _link_to_foreign(path: Path) -> None:
    target = path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(target)
    os.chown(path, STRANGER, -1)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o644)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o755)


OTHERS = [
    (lambda path: path.chmod(0o664), "roles.d/db.toml: can be written by others (chmod go-w)"),
    (lambda path: path.chmod(0o602), "roles.d/db.toml: can be written by others"),
    (_foreign, f"roles.d/db.toml: belongs to somebody else (uid {STRANGER})"),
    (_foreign_link, "roles.d/db.toml: belongs to somebody else"),
    (_link_to_foreign, "roles.d/db.toml: belongs to somebody else"),
    (_fifo, "roles.d/db.toml: is not a file"),
    (_loop, "roles.d/db.toml: can't be read"),
    (_folder, "roles.d/db.toml: is not a file"),
    (lambda path: path.parent.chmod(0o777), 'include[0]: the folder "roles.d" can be written by others'),
    (lambda path: _foreign(path.parent), 'include[0]: the folder "roles.d" belongs to somebody else'),
]


@pytest.mark.parametrize(("change", "said"), OTHERS)
def test_what_others_could_write_is_not_read(folder: Folder, change: Callable[[Path], None], said: str) -> None:
    need("root")  # gives files to others
    path = folder.write("roles.d/db.toml", role("db"))
    assert folder.mistakes() == []
    change(path)
    assert len(folder.mistakes()) == 1 and folder.mistakes()[0].startswith(said), folder.mistakes()


def test_files_of_the_main_ones_owner_are_read_and_links_too(folder: Folder) -> None:
    """A configuration mounted from elsewhere is made of links; a CA's own user may keep its files."""
    need("root")
    path = folder.write("roles.d/db.toml", role("db"))
    for each in (folder.main, path):
        _foreign(each)
    _link_to_foreign(path)
    assert len(load(folder.main).roles) == 3


def test_all_files_together_are_no_larger_than_one_may_be(folder: Folder) -> None:
    for number in range(3):
        folder.write(f"roles.d/{number}.toml", "# padding\n" * (MAX_BYTES // 30))
    assert folder.mistakes() == ["include: all files together are larger than 512 KiB"]


def test_there_are_not_more_files_than_anyone_needs(folder: Folder) -> None:
    for number in range(MAX_FILES + 1):
        folder.write(f"roles.d/{number}.toml", "")
    assert folder.mistakes() == [f"include: names {MAX_FILES + 1} files; {MAX_FILES} may be included"]


def test_a_name_that_no_message_can_show_is_refused(folder: Folder) -> None:
    folder.write("roles.d/a\x1b[2J.toml", role("db"))
    assert folder.mistakes() == ['include[0]: a file\'s name is "a\\u001b[2J.toml" (rename it)']


def test_files_with_a_client_secret_are_known(folder: Folder) -> None:
    text = '[[providers]]\nname = "partner"\nissuer = "https://p.example"\nclient_id = "d"\nclient_secret = "s"\n'
    path = folder.write("roles.d/partner.toml", text)
    assert read(folder.main).secret == (path,)
