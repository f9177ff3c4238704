"""What is sealed can be opened by the same key, about the same thing, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from daypass.errors import Invalid, Misconfigured
from daypass.signers.seal import SecretsFile


def test_what_is_sealed_comes_back_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "secrets.key"
    sealed = SecretsFile(file).seal(b"hunter2", b"alice")
    assert b"hunter2" not in sealed
    assert SecretsFile(file).open(sealed, b"alice") == b"hunter2"
    assert file.stat().st_mode & 0o777 == 0o600
    assert SecretsFile(file).seal(b"hunter2", b"alice") != sealed, "a nonce is used once"


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    SecretsFile(tmp_path / "secrets.key")
    assert not list(tmp_path.iterdir())


def test_another_key_s_work_is_told_from_what_was_altered(tmp_path: Path) -> None:
    one, other = SecretsFile(tmp_path / "one"), SecretsFile(tmp_path / "other")
    sealed = one.seal(b"hunter2", b"alice")
    assert other.open(sealed, b"alice") is None
    assert one.open(b"", b"alice") is None
    for bad, about in ((sealed, b"bob"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"alice"), (sealed[:9], b"alice")):
        with pytest.raises(Invalid):
            one.open(bad, about)


@pytest.mark.parametrize(("text", "mode"), [("x", 0o600), ("AAAA", 0o600), ("A" * 44, 0o640), ("\xff", 0o600)])
def test_a_file_that_is_no_key_is_refused_and_left_as_it_is(tmp_path: Path, text: str, mode: int) -> None:
    file = tmp_path / "secrets.key"
    file.write_text(text, encoding="latin-1")
    file.chmod(mode)
    with pytest.raises(Misconfigured):
        SecretsFile(file).seal(b"hunter2", b"alice")
    assert file.read_text(encoding="latin-1") == text


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        SecretsFile(tmp_path / "none/secrets.key").seal(b"", b"")
