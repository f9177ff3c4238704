"""Reading an owner's sshd configuration as sshd does, and reaching the sshd that runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.host.box import Box
from tests.parts.openssh import run_sshd
from tests.parts.processes import free_port

from daypass.errors import Misconfigured
from daypass.host import dropin, reload
from daypass.host.sshd import Sshd


def directives(tmp_path: Path, text: str) -> list[tuple[str, tuple[str, ...], bool]]:
    (tmp_path / "sshd_config").write_text(text)
    found = Sshd(Path("/usr/sbin/sshd"), tmp_path / "sshd_config").directives()
    return [(each.keyword, each.arguments, each.in_match) for each in found]


LINES = [
    ("Port 22", [("port", ("22",), False)]),
    ("  pOrT=22 # there", [("port", ("22",), False)]),
    ("Port = 22", [("port", ("22",), False)]),
    ('Banner "/a b"', [("banner", ("/a b",), False)]),
    ("# Port 22\n\n", []),
    ("SetEnv A=b", [("setenv", ("A=b",), False)]),
    ("Match User a\n Banner x\nMatch all\n Port 1", [("banner", ("x",), True), ("port", ("1",), True)]),
    ("Banner 'half", [("banner", ("'half",), False)]),
]


@pytest.mark.parametrize(("text", "found"), LINES, ids=[repr(row[0]) for row in LINES])
def test_lines_are_read_as_sshd_reads_them(
    tmp_path: Path, text: str, found: list[tuple[str, tuple[str, ...], bool]]
) -> None:
    assert directives(tmp_path, text) == found


def test_included_files_stand_in_their_place_and_keep_their_match_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/2.conf").write_text("Port 2")
    (tmp_path / "d/1.conf").write_text("Port 1\nMatch User a\nBanner x")
    text = f"Include {tmp_path}/d/*.conf\nPort 3\nMatch User b\nInclude {tmp_path}/d/2.conf"
    found = [each for each in directives(tmp_path, text) if each[0] != "include"]
    ports = [("port", ("1",), False), ("banner", ("x",), True), ("port", ("2",), False), ("port", ("3",), False)]
    assert found == [*ports, ("port", ("2",), True)]


def test_a_file_that_includes_itself_comes_to_an_end(tmp_path: Path) -> None:
    assert len(directives(tmp_path, f"Include {tmp_path}/sshd_config")) == 17


FOLDERS = [
    ("{include}", True),
    ("Port 22\n{include}", True),
    ("Match User a\n{include}", False),
    ("Include {root}/etc/ssh/sshd_config.d/50-*.conf", False),
    ("Include {root}/missing/*.conf", False),
    ("# nothing", False),
]


@pytest.mark.parametrize(("text", "include"), FOLDERS, ids=[row[0] for row in FOLDERS])
def test_a_drop_in_goes_where_sshd_reads_it_and_a_block_stands_on_top_else(
    box: Box, text: str, include: bool
) -> None:
    box.write_config(text.format(include=box.include(), root=box.root))
    placed = dropin.place(box.sshd, box.paths, ["Banner none"])
    assert placed.include is include
    assert placed.path == (box.root / "etc/ssh/sshd_config.d/10-daypass.conf" if include else box.config)
    assert include or placed.content.endswith(box.config.read_bytes())


def test_a_drop_in_never_leaves_the_root(box: Box) -> None:
    """An image's configuration names /etc/ssh/sshd_config.d: that would be this machine's."""
    box.write_config("Include /etc/ssh/sshd_config.d/*.conf")
    assert dropin.place(box.sshd, box.paths, []).path == box.config


def test_the_owners_bytes_survive_a_block_whatever_they_are(box: Box) -> None:
    box.config.write_bytes(b"# caf\xe9\r\nPort 22")
    first = dropin.place(box.sshd, box.paths, ["Banner none"]).content
    box.config.write_bytes(first)
    second = dropin.place(box.sshd, box.paths, ["Banner none"]).content
    assert first == second
    assert first.endswith(b"# <<< daypass <<<\n# caf\xe9\r\nPort 22")


PIDS = {"this process": str(os.getpid()), "its parent": str(os.getppid())}


@pytest.mark.parametrize("content", ["1", "0", "-1", "none", "", "999999999", *PIDS])
def test_only_an_sshd_is_ever_signalled(box: Box, content: str) -> None:
    (box.root / "pid").write_text(PIDS.get(content, content))
    assert reload.Running.find(box.sshd, {"pidfile": [str(box.root / "pid")]}) is None
    with pytest.raises(Misconfigured, match="sshd ended"):
        reload.Running(pid=os.getpid()).reload()


def test_an_sshd_that_offers_no_certificates_is_told_of_before_the_token_is_used(box: Box) -> None:
    box.write_config("HostKeyAlgorithms ssh-ed25519")
    with pytest.raises(Misconfigured, match="HostKeyAlgorithms leave out host certificates"):
        box.enrol()
    assert box.ca.asked == []


def test_a_configuration_that_was_broken_before_us_is_told_of_in_sshds_words(box: Box) -> None:
    box.write_config("Dragons yes")
    with pytest.raises(Misconfigured, match="Bad configuration option: Dragons"):
        box.enrol()
    assert box.ca.asked == []


def test_an_sshd_that_dies_of_its_reload_is_said_aloud(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner has moved sshd to a port that something else holds: no reload survives that."""
    monkeypatch.setattr(reload, "_PAUSES", (0.3,))
    other = box.root / "other"
    other.mkdir()
    with run_sshd(other) as holder, box.running() as sshd:
        box.config.write_text(box.config.read_text().replace(f"Port {sshd.port}", f"Port {holder.port}"))
        before = box.tree()
        with pytest.raises(Misconfigured, match="start sshd now, before you leave this session"):
            box.enrol(with_reload=True)
        assert box.tree() == before
        sshd.process.wait(5)


def test_a_machine_whose_sshd_does_not_run_is_enrolled_unproven(box: Box) -> None:
    box.write_config(f"PidFile {box.root}/nothing", f"Port {free_port()}")
    assert box.enrol(with_reload=True).outcome.proven is False
