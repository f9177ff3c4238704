"""`daypass ca trust`: what the offline root signs when the configuration has changed (trust 5.2, 5.6)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.cli.kit import TRIAL, Admin, converse, on_terminal

from daypass.api import Signed, TrustDocument
from daypass.assemble import load_parts
from daypass.cli.exits import Exit
from daypass.config import load
from daypass.trusted import verify_trust

WIDER = ('domains = ["*.test.example"]', 'domains = ["*.test.example", "*.corp.example"]')


def document(admin: Admin) -> TrustDocument:
    """What clients would believe."""
    signed = msgspec.json.decode((admin.folder / "trust.json").read_bytes(), type=Signed)
    return verify_trust(signed, bytes.fromhex(msgspec.json.decode(signed.document, type=TrustDocument).ca_id))


def edit(admin: Admin, before: str, after: str) -> None:
    text = admin.config.read_text()
    assert before in text
    admin.config.write_text(text.replace(before, after))


def acts(admin: Admin) -> list[str]:
    return [json.loads(line)["act"] for line in admin("ledger", "show", "--json")[1].splitlines()]


def test_a_new_ca_has_its_host_domains_signed(admin: Admin) -> None:
    assert document(admin).host_patterns == ["*.test.example"]


def test_a_domain_nobody_has_signed_is_not_published_and_the_command_that_signs_it_is_told(admin: Admin) -> None:
    """Whoever owns the CA's machine, but not the offline root, can't have laptops believe in github.com."""
    edit(admin, '["*.test.example"]', '["*.test.example", "github.com"]')
    code, out, err = admin("ca", "reload")
    assert (code, out) == (Exit.MISCONFIGURED, "")
    assert "github.com" in err and "daypass ca trust" in err
    assert acts(admin) == ["ca.init", "config.publish"]


@pytest.mark.parametrize("narrower", ["web-1.test.example", "*.eu.test.example"])
def test_a_domain_below_a_signed_one_needs_no_signature(narrower: str, admin: Admin) -> None:
    edit(admin, '"*.test.example"', f'"{narrower}"')
    assert load_parts(load(admin.config)).ca_id


def test_the_next_document_holds_what_the_configuration_says(admin: Admin) -> None:
    before = document(admin)
    edit(admin, *WIDER)
    code, out, err = admin("ca", "trust", "--yes")
    assert (code, out) == (0, "version 2 of the trust document is in place\n")
    assert "+ host pattern *.corp.example" in err and "- host" not in err
    assert "every machine of this CA" in err and "daypass ca reload" in err
    after = document(admin)
    assert after.host_patterns == ["*.test.example", "*.corp.example"]
    assert (after.version, after.user_ca, after.tls_roots) == (2, before.user_ca, before.tls_roots)
    assert load_parts(load(admin.config)).ca_id
    assert acts(admin)[-1] == "ca.trust"
    assert (admin.folder / "trust.json").stat().st_mode & 0o777 == 0o644


def test_a_short_domain_and_networks_need_the_offline_root_too(admin: Admin) -> None:
    more = '["*.test.example"]\nshort_names = "test.example"\naddresses = ["10.0.0.0/8"]'
    edit(admin, '["*.test.example"]', more)
    code, _, err = admin("ca", "reload")
    assert code == Exit.MISCONFIGURED and "hosts.short_names holds test.example" in err
    _, _, err = admin("ca", "trust", "--yes")
    assert "+ short names in test.example" in err and "+ addresses in 10.0.0.0/8" in err
    assert (document(admin).short_domain, document(admin).address_networks) == ("test.example", ["10.0.0.0/8"])
    edit(admin, '["10.0.0.0/8"]', '["10.1.0.0/16"]')  # narrower
    assert load_parts(load(admin.config)).ca_id
    edit(admin, '["10.1.0.0/16"]', '["192.168.0.0/16"]')
    assert "hosts.addresses holds 192.168.0.0/16" in admin("ca", "reload")[2]


def test_keys_that_come_and_go_are_named_by_their_fingerprint(admin: Admin) -> None:
    old = admin.folder / "keys/user_ca"
    new = admin.folder / "keys/user_ca_2"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", new], check=True)
    edit(admin, f'file = "{old}"', f'file = "{new}"')
    answer = json.loads(admin("ca", "trust", "--yes", "--json")[1])
    prints = [
        subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout.split()[1]
        for key in (old, new)
    ]
    assert answer == {
        "version": 2,
        "changed": True,
        "changes": [f"- user CA key {prints[0]}", f"+ user CA key {prints[1]}"],
    }


def test_where_nothing_has_changed_nothing_is_signed(admin: Admin) -> None:
    shutil.rmtree(admin.folder / "offline")
    code, out, _ = admin("ca", "trust")
    assert (code, out.split(":")[0]) == (0, "nothing changed")
    assert document(admin).version == 1
    assert "ca.trust" not in acts(admin)


def test_without_a_terminal_it_signs_only_under_yes(admin: Admin) -> None:
    edit(admin, *WIDER)
    code, _, err = admin("ca", "trust")
    assert (code, document(admin).version) == (Exit.USAGE, 1)
    assert "+ host pattern *.corp.example" in err and "--yes" in err


def test_the_root_of_another_ca_is_refused_and_nothing_changes(admin: Admin, tmp_path: Path) -> None:
    edit(admin, *WIDER)
    stranger = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    code, _, err = admin("ca", "trust", "--yes", "--trust-root", str(stranger))
    assert code == Exit.MISCONFIGURED
    assert "not the offline root of this CA" in err
    assert document(admin).version == 1
    assert "ca.trust" not in acts(admin)


def test_a_tls_root_that_pins_another_ca_is_refused(admin: Admin, tmp_path: Path) -> None:
    """People who joined by it would believe that CA's documents."""
    other = tmp_path / "other"
    made = admin("ca", "init", *TRIAL, "--root", str(other))
    assert made[0] == 0
    (found,) = other.rglob("tls_root.crt")
    shutil.copy(found, admin.folder / "keys/tls_root.crt")
    edit(admin, *WIDER)
    code, _, err = admin("ca", "trust", "--yes")
    assert code == Exit.MISCONFIGURED
    assert "belongs to another CA" in err


@pytest.mark.parametrize("content", ["", "ssh-ed25519 AAAA\n", "\xff"])
def test_a_public_half_that_is_none_is_named_with_the_command_that_makes_it(content: str, admin: Admin) -> None:
    (admin.folder / "keys/host_ca.pub").write_text(content, "latin-1")
    edit(admin, *WIDER)
    code, _, err = admin("ca", "trust", "--yes")
    assert code == Exit.MISCONFIGURED
    assert "ssh-keygen -y -f" in err


@pytest.mark.parametrize("by", ["terminal", "file"])
def test_an_encrypted_root_is_opened(by: str, empty: Admin, tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("correct horse\n")
    assert empty("ca", "init", *TRIAL[:-1], "--passphrase-file", str(secret))[0] == 0
    edit(empty, *WIDER)
    if by == "file":
        assert empty("ca", "trust", "--yes", "--passphrase-file", str(secret))[0] == 0
    else:
        process, terminal = on_terminal("ca", "trust", "--config", str(empty.config))
        shown = converse(process, terminal, {"Sign this?": "y", "Passphrase of the offline root": "correct horse"})
        assert process.wait(20) == 0, shown
        assert "correct" not in shown
    assert document(empty).version == 2


def test_a_no_on_the_terminal_leaves_all_as_it_was(admin: Admin) -> None:
    edit(admin, *WIDER)
    process, terminal = on_terminal("ca", "trust", "--config", str(admin.config))
    converse(process, terminal, {"Sign this?": "n"})
    assert process.wait(20) != 0
    assert document(admin).version == 1
