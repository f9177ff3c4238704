"""Announce, sign, retire: what the files say after each, and after a death between any two of their writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from tests.rotation.kit import FIRST, NEXT, SSH, USES, Rotating

from daypass.config import load
from daypass.errors import Conflict, Misconfigured
from daypass.rotation import Stage
from daypass.signers import generate
from daypass.signers.file import FileSigner
from daypass.signers.generate import generate_key_file
from daypass.trusted import extract_trust_root

STAGES = ("announce", "sign", "retire")


@pytest.fixture
def ca(tmp_path: Path) -> Rotating:
    return Rotating(tmp_path)


@pytest.mark.parametrize("use", USES)
def test_each_kind_of_key_goes_through_all_stages(use: str, ca: Rotating) -> None:
    old, text, others = ca.signs(use), ca.file.read_text(), {each: ca.signs(each) for each in USES if each != use}
    assert ca.standing(use).stage is Stage.STEADY
    ca.stage(use, "announce")
    assert (ca.standing(use).stage, ca.signs(use), ca.trust().version) == (Stage.ANNOUNCED, old, 2)
    ca.stage(use, "sign")
    new = ca.signs(use)
    assert (ca.standing(use).stage, new != old, ca.trust().version) == (Stage.SIGNING, True, 2)
    assert ca.standing(use).announced == (old, new)
    ca.stage(use, "retire")
    assert (ca.standing(use).stage, ca.signs(use), ca.trust().version) == (Stage.STEADY, new, 3)
    assert ca.standing(use).announced == (new,)
    assert {each: ca.signs(each) for each in others} == others
    assert ca.file.read_text() == text.replace(f'/{FIRST[use]}"', f'/{NEXT[use]}"')
    assert f"retired/{FIRST[use]}" in ca.key_files() and FIRST[use] not in ca.key_files()
    assert ca.parts().ca_id == ca.founded.ca_id


def test_the_one_after_the_next_is_the_third(ca: Rotating) -> None:
    ca.stage("user", *STAGES, *STAGES)
    assert ca.parts().config.keys[0].file.name == "user_ca-3"
    assert {"retired/user_ca", "retired/user_ca-2"} <= ca.key_files()


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_the_new_key_is_for_its_owner_alone_and_encrypted_as_the_old_one(
    passphrase: bytes | None, tmp_path: Path
) -> None:
    ca = Rotating(tmp_path, passphrase)
    ca.stage("user", "announce")
    ca.stage("tls", "announce")
    for path in (ca.keys / "user_ca-2", ca.keys / "tls_root-2.key"):
        assert path.stat().st_mode & 0o777 == 0o600
        assert (b"ENCRYPTED" in path.read_bytes() or b"bcrypt" in _body(path)) is (passphrase is not None)
    assert (
        FileSigner.load(ca.keys / "user_ca-2", passphrase).public_key.line()
        in (ca.keys / "user_ca-2.pub").read_text()
    )
    ca.stage("user", "sign", "retire")


def test_a_wrong_passphrase_is_told_before_anything_changes(tmp_path: Path) -> None:
    ca = Rotating(tmp_path, b"correct horse")
    before = ca.key_files(), ca.file.read_bytes(), ca.trust().version
    ca.passphrase = b"wrong"
    for use in ("user", "tls"):
        with pytest.raises(Misconfigured):
            ca.stage(use, "announce")
    assert (ca.key_files(), ca.file.read_bytes(), ca.trust().version) == before


@pytest.mark.parametrize("stage", ["announce", "retire"])
@pytest.mark.parametrize("use", USES)
def test_no_other_key_than_the_offline_root_makes_anybody_believe_anything(
    stage: str, use: str, ca: Rotating, tmp_path: Path
) -> None:
    """Whoever has the CA's machine, its files and its database, and not that root, gets no new key believed."""
    ca.stage(use, *([] if stage == "announce" else ["announce", "sign"]))
    before = ca.key_files(), ca.file.read_bytes(), ca.trust()
    generate_key_file(tmp_path / "stranger")
    for path, error in ((tmp_path / "stranger", "not the offline root"), (tmp_path / "gone", "can't be read")):
        ca.root_file = path
        with pytest.raises(Misconfigured, match=error):
            ca.stage(use, stage)
    assert (ca.key_files(), ca.file.read_bytes(), ca.trust()) == before


@pytest.mark.parametrize(
    ("done", "wrong", "code"),
    [
        ([], "sign", "rotate.stage"),
        ([], "retire", "rotate.stage"),
        (["announce"], "announce", "rotate.stage"),
        (["announce"], "retire", "rotate.stage"),
        (["announce", "sign"], "sign", "rotate.stage"),
        (["announce", "sign"], "announce", "rotate.stage"),
    ],
)
def test_a_stage_out_of_turn_is_refused_with_the_one_that_is_next(
    done: list[str], wrong: str, code: str, ca: Rotating
) -> None:
    ca.stage("user", *done)
    before = ca.key_files(), ca.file.read_bytes(), ca.trust()
    with pytest.raises(Conflict) as caught:
        ca.stage("user", wrong)
    assert caught.value.code == code
    assert caught.value.hint == f"next is: daypass ca rotate user --{ca.standing('user').stage.following}"
    assert (ca.key_files(), ca.file.read_bytes(), ca.trust()) == before


def test_a_key_that_the_operator_has_made_and_listed_is_taken_as_the_next(ca: Rotating) -> None:
    """Whatever it is called: it is the newer one, as long as the trust document has only the other."""
    generate_key_file(ca.keys / "alpha")
    ca.ground("user").list(ca.keys / "user_ca", ca.keys / "alpha")
    for stage, at in zip(
        ("", *STAGES), (Stage.ANNOUNCING, Stage.ANNOUNCED, Stage.SIGNING, Stage.STEADY), strict=True
    ):
        ca.stage("user", *[stage] * bool(stage))
        assert ca.standing("user").stage is at
    assert [key.file.name for key in ca.parts().config.keys if key.use == "user"] == ["alpha"]


def test_a_domain_signed_in_between_changes_nothing_about_which_key_is_the_new_one(ca: Rotating) -> None:
    """`ca trust` writes the whole document anew, from a configuration that names the new key first."""
    ca.stage("user", "announce", "sign")
    new = ca.signs("user")
    ca.file.write_text(ca.file.read_text().replace('["*.example.com"]', '["*.example.com", "*.example.org"]'))
    ca.stage("host", "announce")
    assert ca.trust().host_patterns == ["*.example.com", "*.example.org"]
    assert (ca.standing("user").stage, ca.standing("user").announced[1]) == (Stage.SIGNING, new)


def test_the_new_root_pins_the_same_offline_root_and_is_certified_by_the_old_one(ca: Rotating) -> None:
    ca.stage("tls", "announce")
    old, new, crossed = (
        x509.load_pem_x509_certificate((ca.keys / name).read_bytes())
        for name in ("tls_root.crt", "tls_root-2.crt", "tls_root-2.cross")
    )
    crossed.verify_directly_issued_by(old)
    assert (crossed.public_key(), crossed.subject) == (new.public_key(), new.subject)
    assert extract_trust_root((ca.keys / "tls_root-2.crt").read_text()) == ca.founded.ca_id
    assert crossed.not_valid_after_utc <= old.not_valid_after_utc


class Killed(BaseException):
    """A process that ends here."""


@contextmanager
def killed_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Ends the stage once so many files were written or moved; the list counts those that were."""
    made = [0]
    sync, move = generate._sync_directory, Path.replace

    def counted(path: Path) -> None:
        sync(path)
        made[0] += 1
        if made[0] > writes:
            raise Killed

    def moved(self: Path, target: Path) -> Path:
        found = move(self, target)
        made[0] += 1
        if made[0] > writes:
            raise Killed
        return found

    with monkeypatch.context() as patched:
        patched.setattr(generate, "_sync_directory", counted)
        patched.setattr(Path, "replace", moved)
        yield made


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("use", ["user", "tls"])
def test_a_stage_that_dies_anywhere_leaves_a_ca_that_starts_and_is_finished_by_running_it_again(
    use: str, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Rotating(tmp_path / "whole")
    whole.stage(use, *STAGES[: STAGES.index(stage) + 1])
    for writes in range(20):
        ca = Rotating(tmp_path / str(writes))
        ca.stage(use, *STAGES[: STAGES.index(stage)])
        believed = {ca.signs(use), *ca.standing(use).announced}
        with killed_after(writes, monkeypatch):
            try:
                ca.stage(use, stage)
            except Killed:
                done = False
            else:
                done = True
        if done:
            break
        assert ca.signs(use) in believed | set(ca.standing(use).announced)
        if ca.standing(use).stage is not whole.standing(use).stage or ca.key_files() != whole.key_files():
            ca.stage(use, stage)
        assert (ca.key_files(), ca.standing(use).stage) == (whole.key_files(), whole.standing(use).stage)
        assert ca.signs(use) == ca.standing(use).announced[-1 if stage != "announce" else 0]
        assert ca.trust().version == whole.trust().version
    assert writes > 0, "nothing was written"


@pytest.mark.parametrize("use", SSH)
def test_a_second_machine_takes_each_stage_by_the_files_of_the_first(use: str, ca: Rotating, tmp_path: Path) -> None:
    other = second_machine(ca, tmp_path)
    ca.stage(use, "announce")
    copy(ca, other, "trust.json")
    assert other.standing(use).stage is Stage.ANNOUNCING
    with pytest.raises(Conflict, match="another machine") as caught:
        other.stage(use, "announce")
    assert caught.value.hint is not None and NEXT[use] in caught.value.hint
    copy(ca, other, f"keys/{NEXT[use]}", f"keys/{NEXT[use]}.pub")
    other.founded.offline.unlink()  # it is not needed there
    other.stage(use, "announce")
    assert (other.standing(use).stage, other.trust().version) == (Stage.ANNOUNCED, 2)
    ca.stage(use, "sign")
    other.stage(use, "sign")
    ca.stage(use, "retire")
    copy(ca, other, "trust.json")
    assert other.standing(use).stage is Stage.RETIRING
    other.stage(use, "retire")
    assert (other.standing(use).stage, other.signs(use)) == (Stage.STEADY, ca.signs(use))
    assert other.key_files() == ca.key_files()


def test_a_machine_that_made_a_key_of_its_own_is_told_to_take_the_announced_one(ca: Rotating, tmp_path: Path) -> None:
    other = second_machine(ca, tmp_path)
    ca.stage("user", "announce")
    generate_key_file(other.keys / "user_ca-2")
    copy(ca, other, "trust.json")
    with pytest.raises(Conflict, match="not the key that another machine announced"):
        other.stage("user", "announce")
    assert len(load(other.file).keys) == 4


def second_machine(ca: Rotating, folder: Path) -> Rotating:
    """Another machine of the same CA, with its own copy of all files."""
    other = Rotating(folder / "other")
    names = [
        *(f"keys/{each}" for each in ca.key_files()),
        "trust.json",
        "offline/trust_root",
        "offline/trust_root.pub",
    ]
    copy(ca, other, *names)
    return other


def copy(ca: Rotating, other: Rotating, *names: str) -> None:
    for name in names:
        path = other.file.parent / name
        path.unlink(missing_ok=True)
        path.write_bytes((ca.file.parent / name).read_bytes())
        path.chmod((ca.file.parent / name).stat().st_mode & 0o777)


def _body(path: Path) -> bytes:
    from base64 import b64decode

    lines = path.read_text().splitlines()
    return b64decode("".join(line for line in lines if not line.startswith("-")))
