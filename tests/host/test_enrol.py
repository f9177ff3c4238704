"""Enrolment on a real sshd: what works after it, what still works, and what is left when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.fake_ca import NAME, OPTIONS, ROLES, public
from tests.parts.openssh import Accounts, Sshd, keygen, make_key, run_ssh, show_certificate

from daypass.errors import Conflict, Misconfigured
from daypass.host.enrol import prepare
from daypass.model import HostRole
from daypass.wire import PublicKey

PLACES = ("block", "include")


def known_hosts(box: Box) -> Path:
    path = box.root / "known_hosts"
    path.write_text(f"@cert-authority *.example.com {public(box.ca.host_ca).line()}\n")
    return path


def login(box: Box, sshd: Sshd, user: str, *options: str) -> tuple[int, str]:
    """`ssh user@NAME true`, where only the host's certificate is accepted as its proof."""
    given = (f"HostKeyAlias={NAME}", "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com", *options)
    ran = run_ssh(sshd, "true", user=user, known_hosts=known_hosts(box), options=given)
    return ran.returncode, ran.stderr


def day_pass(box: Box, *principals: str) -> tuple[str, str]:
    """ssh options for a person who holds these principals."""
    key = box.root / "id"
    if not key.exists():
        make_key(key)
    certificate = box.ca.user_certificate(PublicKey.from_line(key.with_suffix(".pub").read_text()), *principals)
    (box.root / "id-cert").write_text(certificate.line() + "\n")
    return f"IdentityFile={key}", f"CertificateFile={box.root / 'id-cert'}"


def owner_key(box: Box, sshd_lines: list[str]) -> str:
    """A key in everyone's authorized_keys, as the owner had it before us."""
    key = make_key(box.root / "old")
    (box.root / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    sshd_lines.append(f"AuthorizedKeysFile {box.root}/authorized_keys")
    return f"IdentityFile={key}"


@pytest.mark.parametrize("place", PLACES)
def test_after_enrolment_certificates_and_old_keys_log_in(box: Box, accounts: Accounts, place: str) -> None:
    lines = [box.include()] if place == "include" else list[str]()
    old = owner_key(box, lines)
    with box.running(*lines, accounts=accounts) as sshd:
        enrolled = box.enrol(with_reload=True)
        assert enrolled.outcome.proven
        assert login(box, sshd, "alice", *day_pass(box, "role:dev:alice"))[0] == 0
        assert login(box, sshd, "deploy", *day_pass(box, "role:deployers"))[0] == 0
        assert login(box, sshd, "alice", old)[0] == 0
        for user, principals in (
            ("alice", "role:dev:bob"),
            ("alice", "role:dev"),
            ("alice", "alice"),
            ("root", "root"),
        ):
            code, words = login(box, sshd, user, *day_pass(box, principals))
            assert (code, "Permission denied" in words) == (255, True), (user, principals, words)


def test_what_is_written_is_what_openssh_reads(box: Box) -> None:
    box.ca.bundle["roles"] = [HostRole("ops", OPTIONS, accounts=("alice", "root")), ROLES[1]]
    state = box.enrol().state
    shown = show_certificate(box.paths.ours / "ssh_host_ed25519_key-cert.pub")
    assert "host certificate" in shown
    assert NAME in shown
    files = {path.name: path.read_text() for path in box.paths.principals.iterdir()}
    assert files == {
        "alice": f"{OPTIONS} role:ops\n{OPTIONS} role:dev:alice\n",
        "bob": f"{OPTIONS} role:dev:bob\n",
        "root": f"{OPTIONS} role:ops\n",
    }
    assert keygen("-Q", "-l", "-f", box.paths.krl).startswith("# KRL version 1")
    assert box.paths.state.stat().st_mode & 0o777 == 0o600
    assert (state.name, state.host_id, state.bundle_version) == (NAME, "h-1", 1)


@pytest.mark.parametrize("place", PLACES)
def test_enrolling_again_changes_the_certificate_and_nothing_else(box: Box, place: str) -> None:
    box.write_config(*([box.include()] if place == "include" else []))
    box.enrol()
    first = box.tree()
    box.ca.bundle["roles"] = [ROLES[1]]
    box.ca.certificate["serial"] = 77
    box.enrol()
    changed = {path for path, found in box.tree().items() if first[path] != found}
    certificate = "etc/ssh/daypass/ssh_host_ed25519_key-cert.pub"
    expected = {certificate, "var/lib/daypass/bundle.json", "var/lib/daypass/state.json"}
    assert changed - {"var/lib/daypass/trust.json"} == expected  # which this CA signs anew, maybe in a new second
    assert not (box.paths.principals / "deploy").exists(), "an account that lost its roles keeps no file"


def test_the_owners_ceiling_beats_the_ca(box: Box) -> None:
    box.paths.settings.parent.mkdir(parents=True)
    box.paths.settings.write_text('never = ["root", "bob"]\n')
    box.ca.bundle["roles"] = [HostRole("ops", OPTIONS, accounts=("root",)), ROLES[1]]
    box.enrol()
    assert [path.name for path in box.paths.principals.iterdir()] == ["alice"]


def test_every_kind_of_host_key_is_certified_and_proven(box: Box) -> None:
    folder = box.root / "sshd"
    for kind, *options in (("ecdsa",), ("rsa", "-b", "2048")):
        make_key(folder / f"ssh_host_{kind}_key", kind, *options)
    keys = [f"HostKey {folder}/ssh_host_{kind}_key" for kind in ("ecdsa", "rsa")]
    with box.running(*keys):
        assert box.enrol(with_reload=True).outcome.proven
    assert sorted(path.name for path in box.paths.ours.glob("*-cert.pub")) == [
        f"ssh_host_{kind}_key-cert.pub" for kind in ("ecdsa", "ed25519", "rsa")
    ]


OWNERS = [
    ("TrustedUserCAKeys {root}/ca.pub", "trustedusercakeys"),
    ("AuthorizedPrincipalsFile .ssh/principals", "authorizedprincipalsfile"),
    (
        "AuthorizedPrincipalsCommand /usr/bin/true\nAuthorizedPrincipalsCommandUser nobody",
        "authorizedprincipalscommand",
    ),
    ("RevokedKeys {root}/revoked", "revokedkeys"),
    ("HostCertificate {root}/own-cert.pub", "hostcertificate"),
]


@pytest.mark.parametrize(("lines", "keyword"), OWNERS, ids=[row[1] for row in OWNERS])
def test_what_the_owner_has_set_is_a_conflict_and_never_overridden(box: Box, lines: str, keyword: str) -> None:
    box.write_config("# first", lines.format(root=box.root))
    before = box.tree()
    with pytest.raises(Conflict, match=f"sshd already has {keyword} .*sshd_config:2") as caught:
        box.enrol()
    assert caught.value.hint
    assert box.ca.asked == [], "the token is not used up for nothing"
    assert box.tree() == before


def test_a_match_block_of_the_owner_is_told_of(box: Box) -> None:
    with box.config.open("a") as config:
        config.write("Match User git\n  AuthorizedPrincipalsFile /etc/git/%u\n")
    machine = prepare(box.paths, box.sshd)
    assert [warning.split(" sets ")[1] for warning in machine.warnings] == [
        "authorizedprincipalsfile for some logins: there it wins over daypass"
    ]


def test_a_symbolic_link_where_we_write_is_refused(box: Box) -> None:
    """CVE-2020-8907: root's tool followed a link that someone else had laid."""
    target = box.root / "target"
    target.mkdir()
    box.paths.ours.symlink_to(target)
    with pytest.raises(Misconfigured, match="symbolic link"):
        box.enrol()
    box.paths.ours.unlink()
    box.paths.principals.mkdir(parents=True)
    (box.paths.principals / "alice").symlink_to(target / "x")
    with pytest.raises(Misconfigured, match="symbolic link"):
        box.enrol()
    assert list(target.iterdir()) == []
    assert box.ca.asked == []


def test_a_folder_others_may_write_to_is_refused(box: Box) -> None:
    box.paths.ours.mkdir()
    box.paths.ours.chmod(0o777)
    with pytest.raises(Misconfigured, match="writable by others"):
        box.enrol()


def refusing(box: Box, condition: str) -> Path:
    """An sshd that refuses configurations when `condition` (of a shell's case) fits its arguments."""
    script = box.root / "sshd-wrapper"
    text = (
        f'#!/bin/sh\ncase "$*" in {condition}) echo "line 1: Bad configuration option: Dragons" >&2; exit 255;; esac'
    )
    script.write_text(f'{text}\nexec {box.binary} "$@"\n')
    script.chmod(0o755)
    return script


REFUSALS = {"beside the real one": "'-t '*candidate", "in place": "'-t '*sshd_config"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("condition", REFUSALS.values(), ids=REFUSALS)
def test_a_configuration_sshd_refuses_is_taken_back_byte_for_byte(box: Box, place: str, condition: str) -> None:
    """step cli#232: a tool broke sshd's configuration, and nobody could log in any more."""
    box.write_config(*([box.include()] if place == "include" else []))
    box.config.chmod(0o640)
    box.binary = refusing(box, condition)
    before = box.tree()
    with pytest.raises(Misconfigured, match=r"Bad configuration option: Dragons; everything is as it was before"):
        box.enrol()
    assert box.tree() == before
    assert not box.paths.ours.exists()


def test_an_enrolled_machine_goes_back_to_its_last_good_state(box: Box) -> None:
    box.enrol()
    before = box.tree()
    box.ca.bundle |= {"roles": [HostRole("x", OPTIONS, accounts=("root",))], "version": 2}
    wrapper = refusing(box, "'-t '*sshd_config")
    box.binary = wrapper
    with pytest.raises(Misconfigured):
        box.enrol()
    wrapper.unlink()
    assert box.tree() == before


def test_an_sshd_that_does_not_present_the_certificate_is_taken_back(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sshd that runs reads another file than the one it was told of: its reload shows nothing new."""
    monkeypatch.setattr("daypass.host.reload._PAUSES", (0.1, 0.2))
    with box.running() as sshd:
        box.elsewhere = box.root / "sshd_config"
        box.elsewhere.write_text(box.config.read_text())
        before = box.tree()
        with pytest.raises(Misconfigured, match=r"does not present its new host certificate.*as it was before"):
            box.enrol(with_reload=True)
        assert box.tree() == before
        assert sshd.is_up()
