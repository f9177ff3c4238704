"""A host's next certificate by the one it has, and giving certificates up, at a whole company."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.e2e.test_files import BROWSER, token
from tests.parts.openssh import keygen

from daypass.demo.company import Company
from daypass.wire import Certificate


def line(path: Path) -> Certificate:
    return Certificate.from_line(path.read_text())


@pytest.fixture
def host(firm: Company, tmp_path: Path) -> Path:
    """A host's key, with its certificate beside it."""
    key = tmp_path / "hostkey"
    name = f"h{abs(hash(tmp_path)) % 10**9}.demo.test"
    firm.daypass(
        *("certificate", "--host", name, str(key), "--no-password", "--token-file", "-"), input=token(firm, name)
    )
    return key


def certificate_of(key: Path) -> Path:
    return key.with_name(f"{key.name}-cert.pub")


def test_the_company_s_ca_renews_a_certificate_in_its_file(firm: Company, host: Path) -> None:
    cert, before = certificate_of(host), line(certificate_of(host))
    told = firm.daypass("renew", str(cert), str(host))
    after = line(cert)
    assert "renewed" in told.stderr and after.serial != before.serial
    assert (after.public_key, after.principals) == (before.public_key, before.principals)
    assert cert.read_text().endswith(before.key_id + "\n")


def test_any_machine_can_renew_with_the_ca_s_address_and_fingerprint(firm: Company, host: Path) -> None:
    url, _, fingerprint = firm.bootstrap_line.split()[2].partition("#")
    elsewhere = {"HOME": str(host.parent), "DAYPASS_HOME": str(host.parent / "dp")}
    refused = firm.daypass("renew", str(certificate_of(host)), str(host), env=elsewhere, check=False)
    assert refused.returncode == 6 and "joined no company" in refused.stderr
    out = host.parent / "next-cert.pub"
    ca = ("--ca-url", url.rstrip("/"), "--fingerprint", fingerprint)
    firm.daypass("renew", str(certificate_of(host)), str(host), "--out", str(out), *ca, env=elsewhere)
    assert line(out).serial != line(certificate_of(host)).serial
    again = firm.daypass(
        "renew", str(certificate_of(host)), str(host), "--out", str(out), *ca, env=elsewhere, check=False
    )
    assert again.returncode == 7 and "is there already" in again.stderr


def test_an_enrolled_host_renews_with_its_own_ca_and_remembers_it(firm: Company) -> None:
    ours = firm.host_root / "etc/ssh/daypass/ssh_host_ed25519_key-cert.pub"
    key, before = firm.host_root / "etc/ssh/ssh_host_ed25519_key", line(ours)
    elsewhere = {"HOME": "/nonexistent", "DAYPASS_HOME": "/nonexistent/dp"}
    firm.daypass("renew", str(ours), str(key), "--root", str(firm.host_root), env=elsewhere)
    status = json.loads(firm.daypass("host", "status", "--json", "--root", str(firm.host_root)).stdout)
    assert [each["serial"] for each in status["certificates"]] == [line(ours).serial] != [before.serial]
    firm.daypass("host", "sync", "--root", str(firm.host_root))  # it still knows the key it signs with
    firm.reload_sshd()
    firm.sign_in("alice")
    assert firm.ssh(firm.host, "true").returncode == 0


def test_rekey_makes_a_new_key_with_the_old_one_s_names(firm: Company, host: Path) -> None:
    before = line(certificate_of(host))
    refused = firm.daypass("rekey", str(certificate_of(host)), str(host), check=False)
    assert refused.returncode == 7 and "--force" in refused.stderr
    new = host.parent / "new"
    firm.daypass("rekey", str(certificate_of(host)), str(host), "--out", str(new))
    after = line(certificate_of(new))
    assert after.principals == before.principals and after.public_key != before.public_key
    assert keygen("-y", "-f", new).split()[1] == new.with_name("new.pub").read_text().split()[1]
    assert new.stat().st_mode & 0o777 == 0o600 and line(certificate_of(host)) == before
    firm.daypass("rekey", str(certificate_of(new)), str(new), "--force")
    assert line(certificate_of(new)).public_key.line() in keygen("-y", "-f", new)


def test_a_key_with_a_passphrase_is_rekeyed_to_one_with_the_same(firm: Company, host: Path) -> None:
    secret = host.parent / "secret"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    keygen("-q", "-p", "-P", "", "-N", "open sesame", "-f", host)
    locked = firm.daypass("renew", str(certificate_of(host)), str(host), check=False)
    assert locked.returncode == 3 and "protected by a passphrase" in locked.stderr
    firm.daypass("renew", str(certificate_of(host)), str(host), "--password-file", str(secret))
    firm.daypass("rekey", str(certificate_of(host)), str(host), "--force", "--password-file", str(secret))
    assert line(certificate_of(host)).public_key.line() in keygen("-y", "-P", "open sesame", "-f", host)
    bare = ("--no-password", "--insecure")  # as scripts for step say it
    firm.daypass("rekey", str(certificate_of(host)), str(host), "--force", "--password-file", str(secret), *bare)
    assert line(certificate_of(host)).public_key.line() in keygen("-y", "-P", "", "-f", host)


def test_a_host_gives_up_its_certificate_and_can_not_renew_it_any_more(firm: Company, host: Path) -> None:
    cert = certificate_of(host)
    other = firm.daypass("revoke", "5", "--sshpop-cert", str(cert), "--sshpop-key", str(host), check=False)
    assert other.returncode == 3 and "and not 5" in other.stderr
    told = firm.daypass("revoke", "--sshpop-cert", str(cert), "--sshpop-key", str(host), "--reason", "moved")
    assert f"revoked {line(cert).serial}" in told.stderr
    before = cert.read_bytes()
    refused = firm.daypass("renew", str(cert), str(host), check=False)
    assert refused.returncode not in (0, 70) and cert.read_bytes() == before


def test_a_day_pass_gives_up_what_is_its_person_s_and_nothing_else(firm: Company, host: Path) -> None:
    file = host.parent / "id"
    firm.daypass("certificate", "laptop", str(file), "--no-password", env=BROWSER)
    away = firm.daypass("revoke", str(line(certificate_of(file)).serial), check=False)
    assert away.returncode == 4 and "daypass login" in away.stderr
    firm.sign_in("alice")
    listed = json.loads(firm.daypass("list", "--remote", "--json").stdout)
    serials = [each["serial"] for each in listed]
    pass_serial = json.loads(firm.daypass("status", "--json").stdout)["serial"]
    assert serials[0] == pass_serial and line(certificate_of(file)).serial in serials
    offered = firm.daypass("revoke", check=False)
    assert (
        offered.returncode == 2 and str(pass_serial) in offered.stdout and "daypass revoke SERIAL" in offered.stderr
    )
    firm.daypass("revoke", str(line(certificate_of(file)).serial), "--reason", "lost")
    assert firm.daypass("status").returncode == 0
    assert (
        f"{line(certificate_of(file)).serial}  alice@example.com  revoked" in firm.daypass("list", "--remote").stdout
    )
    foreign = firm.daypass("revoke", str(line(certificate_of(host)).serial), check=False)
    assert foreign.returncode == 6
    told = firm.daypass("revoke", str(pass_serial))
    assert "it was your day pass" in told.stderr and firm.daypass("status", check=False).returncode == 1
    assert "CERT" not in firm.daypass("list", check=False).stdout


def test_a_person_s_certificate_is_not_renewed(firm: Company, host: Path) -> None:
    file = host.parent / "id"
    firm.daypass("certificate", "laptop", str(file), "--no-password", env=BROWSER)
    for command in ("renew", "rekey"):
        refused = firm.daypass(command, str(certificate_of(file)), str(file), check=False)
        assert refused.returncode == 3 and "hint: sign in anew: daypass login" in refused.stderr
