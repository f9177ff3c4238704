"""`daypass ca break-glass`: made offline, signed into trust by the offline root, and used with nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.kit import Admin
from tests.cli.test_admin_trust import WIDER, acts, document, edit
from tests.parts.openssh import make_key, show_certificate

from daypass.cli.admin_break_glass_status import _how
from daypass.cli.exits import Exit
from daypass.cli.main import main


def create(folder: Path, name: str = "glass") -> Path:
    key = folder / name
    assert main(["ca", "break-glass", "create", "--key", str(key), "--no-passphrase"]) == 0
    return key


def glass(admin: Admin, *arguments: str) -> tuple[int, str, str]:
    return admin("ca", "break-glass", *arguments)


def install(admin: Admin, *keys: Path, account: str = "deploy") -> tuple[int, str, str]:
    named = [str(key.with_suffix(".pub")) for key in keys]
    return glass(admin, "install", *named, "--account", account, "--yes")


def test_a_key_is_installed_shown_kept_by_the_next_document_and_removed(admin: Admin, tmp_path: Path) -> None:
    key = create(tmp_path)
    print_ = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout.split()[1]
    code, out, err = glass(admin, "status")
    assert (code, out) == (Exit.NO, "no break-glass key is installed\n"), err
    code, out, err = install(admin, key)
    assert (code, f"+ break-glass key {print_}" in err, "+ break-glass account deploy" in err) == (0, True, True)
    assert acts(admin)[-1] == "ca.break-glass"
    assert "nothing changed" in install(admin, key)[1]
    edit(admin, *WIDER)
    assert admin("ca", "trust", "--yes")[0] == 0
    after = document(admin)
    assert (after.break_glass_account, len(after.break_glass), after.version) == ("deploy", 1, 3)
    shown = json.loads(glass(admin, "status", "--json")[1])
    assert (shown["keys"], shown["account"], shown["hosts"]) == ([print_], "deploy", [])
    assert glass(admin, "install", "--remove", "--yes")[0] == 0
    assert (document(admin).break_glass, document(admin).break_glass_account) == ([], "")


def test_only_the_offline_root_installs_one(admin: Admin, tmp_path: Path) -> None:
    """Whoever owns the CA's machine and database without it adds none."""
    key, before = create(tmp_path), document(admin)
    code, _, err = glass(
        admin,
        "install",
        f"{key}.pub",
        "--account",
        "root",
        "--yes",
        "--trust-root",
        str(admin.folder / "keys/user_ca"),
    )
    assert (code, "is not the offline root" in err) == (Exit.MISCONFIGURED, True), err
    shutil.rmtree(admin.folder / "offline")
    assert install(admin, key)[0] == Exit.MISCONFIGURED
    assert document(admin) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["keys/user_ca.pub", "--account", "root"], Exit.INVALID, "a key that this CA signs by every day"),
        (["keys/host_ca.pub", "--account", "root"], Exit.INVALID, "a key that this CA signs by every day"),
        (["offline/trust_root.pub", "--account", "root"], Exit.INVALID, "the offline root itself"),
        (["offline/trust_root", "--account", "root"], Exit.INVALID, "holds no public key"),
        (["nothing.pub", "--account", "root"], Exit.MISCONFIGURED, "can't be read"),
        (["keys/user_ca.pub", "--account", "../root"], Exit.INVALID, "can't be an account"),
        (["keys/user_ca.pub"], Exit.USAGE, "name public keys and --account"),
        (["--remove", "--account", "root"], Exit.USAGE, "name public keys and --account"),
    ],
)
def test_what_no_host_would_take_is_refused(admin: Admin, arguments: list[str], code: int, said: str) -> None:
    before = document(admin)
    first, *more = arguments
    named = [first if first.startswith("-") else str(admin.folder / first), *more]
    found, _, err = glass(admin, "install", *named, "--yes")
    assert (found, said in err) == (code, True), err
    assert document(admin) == before


def test_a_certificate_is_signed_with_no_ca_and_written_down_first(tmp_path: Path) -> None:
    key, mine = create(tmp_path), make_key(tmp_path / "id")
    sign = ["ca", "break-glass", "sign", f"{mine}.pub", "--for", "alice", "--key", str(key), "--from", "10.0.0.0/8"]
    assert main(sign) == 0
    shown = show_certificate(tmp_path / "id-cert.pub")
    for each in ("break-glass:alice", "Principals: \n                break-glass", "source-address 10.0.0.0/8"):
        assert each in shown, shown
    assert "permit-agent-forwarding" not in shown
    (entry,) = map(json.loads, (tmp_path / "glass.issued").read_text().splitlines())
    assert f"Serial: {entry['serial']}" in shown
    assert (tmp_path / "glass.issued").stat().st_mode & 0o777 == 0o600
    (tmp_path / "id-cert.pub").unlink()
    assert main([*sign, "--record", str(tmp_path / "gone/record")]) == Exit.MISCONFIGURED
    assert not (tmp_path / "id-cert.pub").exists(), "what can't be written down is not signed"


@pytest.mark.parametrize(
    "more", [["--lifetime", "2d"], ["--lifetime", "30s"], ["--from", "everywhere"], ["--for", "al ice"]]
)
def test_what_a_certificate_may_not_say_is_refused(tmp_path: Path, more: list[str]) -> None:
    key, mine = create(tmp_path), make_key(tmp_path / "id")
    sign = ["ca", "break-glass", "sign", f"{mine}.pub", "--for", "alice", "--key", str(key)]
    assert main([*sign, *more]) == Exit.INVALID
    assert not (tmp_path / "glass.issued").exists()


def test_a_serial_is_revoked_by_the_offline_root_alone(admin: Admin, tmp_path: Path) -> None:
    code, _, err = glass(admin, "revoke", "7", "--yes")
    assert (code, "no break-glass key is installed" in err) == (Exit.CONFLICT, True)
    install(admin, create(tmp_path))
    assert glass(admin, "revoke", "7", "9", "7", "--yes")[0] == 0
    assert document(admin).break_glass_revoked == [[7, 7], [9, 9]]
    install(admin, create(tmp_path, "next"))
    assert document(admin).break_glass_revoked == [[7, 7], [9, 9]]


def test_a_key_that_comes_back_brings_back_nothing_that_was_revoked(admin: Admin, tmp_path: Path) -> None:
    """Hosts take no list of revoked certificates that says more of it than this document, nor any other word."""
    key = create(tmp_path)
    install(admin, key)
    assert glass(admin, "revoke", "7", "--yes")[0] == 0
    assert glass(admin, "install", "--remove", "--yes")[0] == 0
    assert document(admin).break_glass_revoked == [[7, 7]]
    install(admin, key)
    assert document(admin).break_glass_revoked == [[7, 7]]


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    key = create(tmp_path)
    before = key.read_bytes()
    assert main(["ca", "break-glass", "create", "--key", str(key), "--no-passphrase"]) == Exit.CONFLICT
    assert key.read_bytes() == before


@pytest.mark.parametrize(("has", "synced_at", "told"), [
    (["SHA256:a"], 5, "has it"), ([], 5, "has not said yet"), ([], None, "has not said yet"),
    ([], 20, "does NOT have it"), (["SHA256:b"], 20, "has other keys"), (["SHA256:b"], 5, "has not said yet"),
])  # fmt: skip
def test_a_host_that_said_nothing_since_is_not_told_to_be_without_it(
    has: list[str], synced_at: int | None, told: str
) -> None:
    """What a host says of itself it says as it asks, before it takes what it is given."""
    host: Any = SimpleNamespace(synced_at=synced_at, about=SimpleNamespace(break_glass=has))
    document: Any = SimpleNamespace(issued_at=10)
    assert _how(document, ["SHA256:a"], host) == told
