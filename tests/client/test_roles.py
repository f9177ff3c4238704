"""Certificates of one role alone: beside the day pass, before it in what ssh offers, gone when they end."""

from __future__ import annotations

import dataclasses
import getpass
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from daypass.client import holding, rolefiles, roles, trust
from daypass.client.doctor import holds
from daypass.client.doctor.report import State
from daypass.client.files import listed
from daypass.client.logout import logout, logout_role
from daypass.client.openssh import why
from daypass.client.roles import HeldRole
from daypass.client.settings import Settings
from daypass.client.signin import polling
from daypass.client.signin.login import Login
from daypass.client.signin.rolelogin import RoleLogin
from daypass.client.signin.typed import Code
from daypass.client.trust import Membership
from daypass.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from daypass.wire import Certificate
from tests.client.lab import HOST, Lab, run_lab
from tests.client.laptop import follow
from tests.client.mini_ca import MiniCa
from tests.parts.op import Op
from tests.parts.openssh import make_key, run_agent
from tests.parts.processes import wait_until

ACCOUNT = getpass.getuser()
SignIn = Callable[..., Login]
Take = Callable[..., HeldRole]


@pytest.fixture
def take(sign_in: SignIn) -> Take:
    """`daypass login --role`."""

    def go(role: str = "db-admin", **options: object) -> HeldRole:
        return RoleLogin(sign_in(**options), role).run()

    return go


@pytest.fixture
def lab(company: MiniCa, settings: Settings, joined: Membership) -> Iterator[Lab]:
    """A host whose shared account only the role db-admin may enter."""
    with (
        tempfile.TemporaryDirectory(prefix="dp-lab-") as folder,
        run_lab(company, settings, Path(folder), ACCOUNT) as up,
    ):
        admit(up, "role:db-admin")
        yield up


def admit(lab: Lab, *principals: str) -> None:
    (lab.folder / "principals" / lab.account).write_text("".join(f"{each}\n" for each in principals))


def ssh(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ssh", "-F", str(lab.config), "-o", "BatchMode=yes", *arguments, HOST, "true"]
    env = {**os.environ, **lab.settings.environ, "DAYPASS_AUTO_LOGIN": "0"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)


def offered(lab: Lab) -> list[str]:
    """What ssh offers, in order: the role, the day pass (by its comment or file), or the file of another key."""
    names = re.findall(r"Offering public key: (\S+) ", ssh(lab, "-v").stderr)
    company = lab.settings.contexts()[0].name
    known = {f"daypass:{company}": "day pass", "id-cert.pub": "day pass"}
    return [
        known.get(Path(each).name, Path(each).name.removeprefix("role-").removesuffix("-cert.pub")) for each in names
    ]


def works(lab: Lab) -> bool:
    return ssh(lab).returncode == 0


def on_file(settings: Settings) -> list[str]:
    context = settings.current()
    assert context is not None
    return sorted(path.name for path in context.folder.glob("*-cert.pub"))


# -- beside the day pass --------------------------------------------------------------------------------------


def test_a_shared_account_is_entered_by_its_role_and_not_by_the_day_pass(
    lab: Lab, sign_in: SignIn, take: Take
) -> None:
    sign_in().run()
    assert not works(lab)
    take()
    assert works(lab)
    logout_role(lab.settings, "db-admin")
    assert not works(lab)


def test_a_connection_by_a_role_is_shared_for_no_longer_than_it_is_used(lab: Lab, take: Take) -> None:
    """Whatever the person's own configuration wants for every host (trust 6.5)."""
    with lab.config.open("a") as config:
        config.write("\nHost *\n    ControlMaster auto\n    ControlPersist 10m\n")
    assert "\ncontrolpersist 600\n" in ssh(lab, "-G").stdout
    take()
    assert "\ncontrolpersist no\n" in ssh(lab, "-G").stdout


def test_it_works_without_a_day_pass(lab: Lab, take: Take) -> None:
    take()
    assert works(lab)
    assert on_file(lab.settings) == ["role-db-admin-cert.pub"]
    assert not (lab.settings.contexts()[0].folder / "valid").exists()  # ssh still signs in for a day pass by itself


def test_a_role_is_offered_first_then_the_day_pass_then_the_persons_own_keys(
    lab: Lab, sign_in: SignIn, take: Take
) -> None:
    make_key(lab.settings.ssh_folder / "id_ed25519")
    admit(lab, "role:nobody")
    sign_in().run()
    assert offered(lab) == ["day pass", "id_ed25519"]
    take()
    assert offered(lab) == ["db-admin", "day pass", "id_ed25519"]
    assert (lab.folder / "principals").exists()


def test_alone_it_leaves_the_persons_own_keys_in_use(lab: Lab, take: Take) -> None:
    key = make_key(lab.settings.ssh_folder / "id_ed25519")
    admit(lab, "role:nobody")
    (lab.folder / "authorized_keys").write_text(Path(f"{key}.pub").read_text())
    take()
    assert works(lab)
    assert offered(lab) == ["db-admin", "id_ed25519"]


def test_an_alias_leads_to_the_role_too(lab: Lab, take: Take) -> None:
    lab.known_as("db", HostName=HOST, HostKeyAlias=HOST, ProxyCommand=f"nc 127.0.0.1 {lab.sshd.port}")
    take()
    story = subprocess.run(["ssh", "-G", "-F", lab.config, "db"], capture_output=True, text=True, check=True).stdout
    assert "role-db-admin-cert.pub" in story


def test_other_peoples_hosts_are_offered_nothing_and_run_nothing(lab: Lab, take: Take) -> None:
    take()
    told = subprocess.run(
        ["ssh", "-v", "-G", "-F", lab.config, "host.elsewhere.example"], capture_output=True, text=True, check=True
    )
    assert "role-db-admin" not in told.stdout
    assert "role-check" not in told.stderr


@pytest.mark.parametrize("tries", [6, 4])
def test_three_roles_and_the_day_pass_get_in_before_a_host_has_had_enough(
    lab: Lab, sign_in: SignIn, take: Take, tries: int
) -> None:
    """MaxAuthTries is 6 by default, and 4 where people go by the CIS benchmarks."""
    lab.sshd.config.write_text(f"MaxAuthTries {tries}\n{lab.sshd.config.read_text()}")
    lab.sshd.reload()
    admit(lab, "role:dev:alice")
    sign_in().run()
    for role in ("aa", "bb", "cc"):
        take(role)
    assert offered(lab) == ["aa", "bb", "cc", "day pass"]
    sign_in(force=True).run()
    assert offered(lab) == ["aa", "bb", "cc", "day pass"]
    assert works(lab)


# -- how it is had --------------------------------------------------------------------------------------------


def test_the_person_signs_in_anew_for_this_role_and_a_fresh_key(
    sign_in: SignIn, take: Take, company: MiniCa, op: Op
) -> None:
    company.providers = [msgspec.structs.replace(company.providers[0], max_age=3600)]
    urls: list[dict[str, str]] = []

    def watch(url: str) -> None:
        urls.append(dict(httpx2.URL(url).params))
        follow(url)

    sign_in(open_browser=watch).run()
    take(open_browser=watch)
    assert [(each["max_age"], each.get("prompt")) for each in urls] == [("3600", None), ("3600", "login")]
    day_pass, role = company.seen
    assert (day_pass.role, role.role) == ("", "db-admin")
    assert day_pass.publicKey != role.publicKey


def test_google_is_asked_for_the_account_since_it_refuses_to_ask_for_a_login() -> None:
    from daypass.model import asked_of_sign_in

    assert asked_of_sign_in("https://accounts.google.com", [], None, fresh=True) == {"prompt": "select_account"}


def test_it_is_an_entry_of_its_own_that_ends_by_itself(
    sign_in: SignIn, take: Take, company: MiniCa, settings: Settings
) -> None:
    day_pass = sign_in().run()
    company.lifetime = 600
    held = take()
    assert held.agent == day_pass.agent
    entries = {each.comment: each.blob for each in held.agent.identities()}
    context = settings.contexts()[0]
    name = f"daypass:{context.name}"
    assert set(entries) == {name, f"{name}:db-admin"}
    assert entries[f"{name}:db-admin"] == held.certificate.encode()
    file = context.folder / "role-db-admin-cert.pub"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Certificate.from_line(file.read_text()) == held.certificate


def test_the_day_pass_and_what_ssh_knows_of_it_stay_as_they_are(
    lab: Lab, sign_in: SignIn, take: Take, settings: Settings
) -> None:
    sign_in().run()
    folder = settings.contexts()[0].folder
    names = ("id-cert.pub", "agent", "valid")
    pass_config = (folder / "pass.conf").read_text()
    before = {name: ((folder / name).stat().st_mtime_ns, (folder / name).read_bytes()) for name in names}
    take()
    logout_role(settings, "db-admin")
    assert (folder / "pass.conf").read_text() == pass_config
    assert before == {name: ((folder / name).stat().st_mtime_ns, (folder / name).read_bytes()) for name in names}


def test_a_new_day_pass_leaves_the_roles_where_they_are(lab: Lab, sign_in: SignIn, take: Take) -> None:
    held = take()
    sign_in(force=True).run()
    sign_in(force=True).run()
    assert held.agent.holds(held.certificate.encode())
    assert len(held.agent.identities()) == 2
    assert works(lab)


def test_the_same_role_again_replaces_it(lab: Lab, take: Take) -> None:
    first, second = take(), take()
    assert [each.blob for each in second.agent.identities()] == [second.certificate.encode()]
    assert first.certificate != second.certificate
    assert works(lab)


def test_roles_go_to_the_agent_that_has_the_day_pass_whatever_the_terminal_has(
    sign_in: SignIn, take: Take, settings: Settings
) -> None:
    day_pass = sign_in().run()
    with run_agent() as other:
        elsewhere = Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(other.socket)})
        assert take(settings=elsewhere).agent == day_pass.agent
        assert other.public_keys() == []


def test_a_fourth_role_is_refused_before_anybody_is_asked(take: Take, settings: Settings) -> None:
    for role in ("aa", "bb", "cc"):
        take(role)
    take("bb")  # again is no fourth
    with pytest.raises(Conflict) as caught:
        take("dd", open_browser=lambda _: pytest.fail("asked"))
    assert caught.value.hint == "give one up: daypass logout --role aa"
    logout_role(settings, "aa")
    take("dd")
    assert [each.role for each in roles.held(trust.load(settings.contexts()[0]), time.time())] == ["bb", "cc", "dd"]


@pytest.mark.parametrize("role", ["", "../x", "DB", "a b", "x" * 64, "-x", "a\nb"])
def test_what_is_no_role_s_name_goes_nowhere(take: Take, company: MiniCa, role: str) -> None:
    with pytest.raises(Invalid):
        take(role, open_browser=lambda _: pytest.fail("asked"))


def test_what_the_ca_says_no_to_is_told_as_it_says_it(
    sign_in: SignIn, take: Take, company: MiniCa, settings: Settings
) -> None:
    sign_in().run()
    before = on_file(settings)
    said = {"status": 403, "message": "the window of db-admin is closed", "code": "policy.window", "hint": "at 08:00"}
    company.answers["/v1/ssh/sign"] = [(403, said)]
    with pytest.raises(Denied) as caught:
        take()
    assert (caught.value.message, caught.value.code, caught.value.hint) == (said["message"], said["code"], "at 08:00")
    assert on_file(settings) == before
    assert len(holding.noted(settings.contexts()[0].agent)[0].identities()) == 1


OTHERS = [("role:dev:alice",), ("role:db-admin", "role:dev"), ("alice",), ("role:db-admin2",), ("role:db-admin-x:a",)]


@pytest.mark.parametrize("principals", OTHERS, ids=str)
def test_a_certificate_of_more_than_the_role_is_not_kept(
    take: Take, company: MiniCa, settings: Settings, principals: tuple[str, ...]
) -> None:
    company.change = lambda draft: dataclasses.replace(draft, principals=principals)
    with pytest.raises(Unauthenticated) as caught:
        take()
    assert caught.value.code == "wrong-certificate"
    assert on_file(settings) == []


def test_it_is_had_on_another_device_too(
    sign_in: SignIn, take: Take, company: MiniCa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SHORTEST", 0.01)
    company.providers = [msgspec.structs.replace(company.providers[0], hosted=True)]
    shown: list[Code] = []
    held = take(device=True, show_code=shown.append, open_browser=lambda _: pytest.fail("opened"))
    assert len(shown) == 1 and company.asked[0].role == "db-admin"
    assert held.certificate.principals == ("role:db-admin",)


# -- its end --------------------------------------------------------------------------------------------------


def test_one_that_has_ended_is_offered_no_more_and_leaves_the_disk(lab: Lab, sign_in: SignIn, take: Take) -> None:
    admit(lab, "role:dev:alice")
    sign_in().run()
    lab.ca.lifetime = 3
    held = take("short")
    assert offered(lab) == ["short", "day pass"]
    wait_until(lambda: time.time() > held.certificate.valid_before, "the role end")
    assert offered(lab) == ["day pass"]
    folder = str(lab.settings.contexts()[0].folder)
    assert rolefiles.names(folder) == ["short"]
    assert rolefiles.look(folder, time.time()) == {}
    assert rolefiles.names(folder) == []
    assert works(lab)


def test_one_whose_agent_has_ended_is_not_offered(lab: Lab, take: Take, settings: Settings) -> None:
    with run_agent() as mine:
        take(settings=Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(mine.socket)}))
        assert offered(lab) == ["db-admin"]
    assert "db-admin" not in offered(lab)
    take()
    assert works(lab)


def test_logout_gives_up_all_of_it_and_logout_role_one(lab: Lab, sign_in: SignIn, take: Take) -> None:
    day_pass = sign_in().run()
    take("aa")
    take("bb")
    logout_role(lab.settings, "aa")
    assert on_file(lab.settings) == ["id-cert.pub", "role-bb-cert.pub"]
    assert len(day_pass.agent.identities()) == 2
    with pytest.raises(NotFound) as caught:
        logout_role(lab.settings, "aa")
    assert caught.value.hint == "there is: bb"
    (done,) = logout(lab.settings)
    assert done.had_pass
    assert on_file(lab.settings) == [] and day_pass.agent.identities() == ()
    left = {path.name for path in lab.settings.contexts()[0].folder.iterdir()}
    assert not {each for each in left if each.startswith("role")}


def test_logout_finds_roles_without_a_day_pass(take: Take, settings: Settings) -> None:
    held = take()
    (done,) = logout(settings)
    assert done.had_pass and held.agent.identities() == ()


# -- what is told of it ---------------------------------------------------------------------------------------


def test_the_doctor_knows_roles_and_what_is_wrong_with_them(lab: Lab, sign_in: SignIn, take: Take) -> None:
    sign_in().run()
    held, now = take(), time.time()
    membership = trust.load(lab.settings.contexts()[0])
    (fine,) = holds.roles(membership, now)
    assert fine.state is State.OK and "role db-admin until" in fine.text
    held.agent.remove(held.certificate.encode())
    (gone,) = holds.roles(membership, now)
    assert gone.state is State.PROBLEM and gone.hint == "run: daypass login --role db-admin"
    assert list(holds.roles(membership, held.certificate.valid_before)) == []


def test_why_names_the_role_that_gets_in(lab: Lab, sign_in: SignIn, take: Take) -> None:
    sign_in().run()
    take()
    found = why.ask(lab.settings, HOST)
    assert found.works and found.message == f"{ACCOUNT}@{HOST} works, by your role db-admin"
    admit(lab, "role:nobody")
    found = why.ask(lab.settings, HOST)
    assert found.code == "not-admitted" and "does not take your day pass" in found.message


def test_list_says_which_entry_is_which_role(sign_in: SignIn, take: Take, settings: Settings) -> None:
    sign_in().run()
    take()
    found = listed.look(settings)
    assert found is not None
    name = settings.contexts()[0].name
    assert {(each.company, each.role) for each in found} == {(name, None), (name, "db-admin")}


def test_a_damaged_file_keeps_nobody_from_anything(lab: Lab, take: Take) -> None:
    folder = lab.settings.contexts()[0].folder
    (folder / "role-xx-cert.pub").write_text("nothing of ours")
    take()
    assert works(lab)
    assert logout(lab.settings)[0].had_pass
    assert on_file(lab.settings) == []
