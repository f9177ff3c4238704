"""What OpenSSH makes of the files we write: asked by `ssh -G`, and proved by logins to a real sshd."""

from __future__ import annotations

import dataclasses
import getpass
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daypass.client import enrolled, marker, trust
from daypass.client.agents.agent import Agent
from daypass.client.logout import logout
from daypass.client.openssh import sshconfig, sshsetup
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import Misconfigured
from daypass.wire import Certificate, CertType, PublicKey, sign_blob
from tests.client.mini_ca import MiniCa
from tests.parts.needs import need
from tests.parts.openssh import Agent as Part
from tests.parts.openssh import Sshd, keygen, make_key, run_sshd

HOST = "web-1.corp.test"
NOT_ENROLLED = "web-9.corp.test"
SERIAL = 7


@pytest.fixture
def set_up(joined: Membership, settings: Settings) -> Settings:
    sshsetup.apply(settings, sshsetup.plan(settings))
    return settings


def resolve(settings: Settings, host: str, *options: str, lines: str = "") -> dict[str, list[str]]:
    """`ssh -G`: every option that would be used for `host`; `lines` follow ours in the person's file."""
    config = settings.ssh_folder / "config"
    if lines:
        config.write_text(config.read_text() + lines)
    done = subprocess.run(
        ["ssh", "-T", "-F", str(config), *options, "-G", host],
        env={**os.environ, "SHELL": "/bin/sh"},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


def put_marker(settings: Settings, member: Membership, seconds: int = 60) -> None:
    """As if a certificate with so many seconds left were held, in an agent."""
    folder = member.context.folder
    if not member.context.certificate.exists():
        member.context.certificate.write_text("")
    with socket.socket(socket.AF_UNIX) as agent:
        (folder / "s").unlink(missing_ok=True)
        agent.bind(str(folder / "s"))
        marker.write(str(folder), int(time.time()) + seconds, str(folder / "s"), settings.environ)


def expire(member: Membership) -> None:
    """As the next morning finds it: the marker's time has come, and the agent has let the key go."""
    agent = Agent(member.context.agent.read_text().strip())
    agent.remove_certified_by(member.user_ca)
    marker.write(str(member.context.folder), int(time.time()) - 1, agent.path, {})


def resolve_plain(host: str) -> dict[str, list[str]]:
    """The same without any configuration."""
    done = subprocess.run(["ssh", "-T", "-F", "none", "-G", host], check=True, capture_output=True, text=True)
    pairs = [line.partition(" ") for line in done.stdout.splitlines()]
    return {name: [value for other, _, value in pairs if other == name] for name, _, _ in pairs}


def timed(settings: Settings, host: str) -> float:
    """Seconds that `ssh -G` takes."""
    start = time.perf_counter()
    command = ["ssh", "-T", "-F", str(settings.ssh_folder / "config"), "-G", host]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


CARELESS = """Host *
  StrictHostKeyChecking no
  GlobalKnownHostsFile /tmp/elsewhere
  UpdateHostKeys yes
  ForwardAgent yes
  VerifyHostKeyDNS yes
  CheckHostIP yes
"""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("stricthostkeychecking", "true"),
        ("globalknownhostsfile", "none"),
        ("updatehostkeys", "false"),
        ("forwardagent", "no"),
        ("verifyhostkeydns", "false"),
        ("checkhostip", "no"),
    ],
)
def test_an_enrolled_host_is_met_strictly(
    option: str, value: str, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    """Whatever the person has set for all hosts, and whatever ssh's defaults become."""
    sign_in().run()
    assert resolve(set_up, HOST, lines=CARELESS)[option] == [value]


def test_no_plain_host_key_algorithm_is_left(set_up: Settings, sign_in: Callable[..., Login]) -> None:
    """With one of them an impostor gets ssh's yes/no question."""
    sign_in().run()
    [algorithms] = resolve(set_up, HOST)["hostkeyalgorithms"]
    assert all("-cert-v01@openssh.com" in each for each in algorithms.split(","))


@pytest.mark.parametrize("host", ["github.com", "corp.test", "web-1.corp.test.evil.com", "evilcorp.test", "10.0.0.1"])
def test_other_hosts_are_left_alone(host: str, set_up: Settings, sign_in: Callable[..., Login]) -> None:
    sign_in().run()
    plain = subprocess.run(["ssh", "-T", "-F", "none", "-G", host], capture_output=True, text=True).stdout
    ours = resolve(set_up, host)
    assert {f"{name} {value}" for name, values in ours.items() for value in values} == set(plain.splitlines())


def test_a_host_not_enrolled_is_met_as_ssh_always_did(set_up: Settings, sign_in: Callable[..., Login]) -> None:
    """Nobody is locked out of it while a fleet moves; the certificate is offered there all the same. ssh leaves
    UpdateHostKeys by itself where the list of files is not its own: keys of such hosts rotate with a warning."""
    sign_in().run()
    plain, ours = resolve_plain(NOT_ENROLLED), resolve(set_up, NOT_ENROLLED)
    changed = {name for name in ours if ours[name] != plain.get(name)}
    offer = {"identityagent", "identitiesonly", "identityfile"}
    assert changed == {"userknownhostsfile", "updatehostkeys", "revokedhostkeys", "controlpath"} | offer


def test_before_the_first_login_no_host_is_known_to_have_enrolled(set_up: Settings, joined: Membership) -> None:
    assert resolve(set_up, HOST)["stricthostkeychecking"] == ["ask"]
    assert "StrictHostKeyChecking" not in joined.context.ssh_config.read_text()


def test_without_names_there_is_no_strict_block(
    company: MiniCa, set_up: Settings, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    company.enrolled = []
    sign_in().run()
    assert "StrictHostKeyChecking" not in joined.context.ssh_config.read_text()


def test_ten_thousand_enrolled_hosts_cost_ssh_a_few_milliseconds(
    company: MiniCa, set_up: Settings, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    """Measured at 3 ms; the bound leaves room for a busy machine. In `Host` lines they took 650."""
    few = min(timed(set_up, HOST) for _ in range(10))
    company.enrolled = [f"web-{number:05}.eu-central.corp.test" for number in range(10_000)]
    sign_in().run()
    joined.context.pass_config.unlink()  # its command is measured elsewhere
    assert joined.context.ssh_config.stat().st_size > 300_000
    for name in (company.enrolled[0], company.enrolled[-1]):
        assert resolve(set_up, name)["stricthostkeychecking"] == ["true"]
    assert resolve(set_up, "web-10000.eu-central.corp.test")["stricthostkeychecking"] == ["ask"]
    assert min(timed(set_up, company.enrolled[-1]) for _ in range(10)) - few < 0.015


def test_an_alias_is_matched_by_the_name_it_leads_to(set_up: Settings, sign_in: Callable[..., Login]) -> None:
    sign_in().run()
    found = resolve(set_up, "w1", lines=f"Host w1\n  HostName {HOST}\n  User deploy\n")
    assert found["stricthostkeychecking"] == ["true"]
    assert found["identitiesonly"] == ["yes"]
    assert found["user"] == ["deploy"]


THEIRS = [
    ("a catch-all", "Host *\n  User me\n  IdentitiesOnly no\n"),
    ("Match all", "Match all\n  User me\n"),
    ("tabs, equals signs and quotes", 'Host\t*\n\tUser="me"\n'),
    ("Windows' line ends", "Host *\r\n  User me\r\n"),
    ("no line's end", "Host *\n  User me"),
    ("lines before any Host", "User me\nIdentityFile none\n"),
    ("an Include", 'Include "{home}/more"\nHost *\n  User me\n'),
    ("a Match exec", 'Match exec "true"\n  User me\n'),
    ("a Match exec that says no", 'Match exec "false"\n  User other\nHost *\n  User me\n'),
    ("an agent of their own", "Host *\n  IdentityAgent none\n  User me\n"),
    ("canonical names", "CanonicalizeHostname yes\nCanonicalDomains corp.test\nHost *\n  User me\n"),
    ("20,000 lines", "Host some-{home}\n  User other\n" * 10_000 + "Host *\n  User me\n"),
    ("comments and empty lines", "# Host x\n\n   \n#\n  Host *\n# >>> daypass\n\n  User me\n"),
]


@pytest.mark.parametrize("theirs", [row[1] for row in THEIRS], ids=[row[0] for row in THEIRS])
@pytest.mark.parametrize("where", ["behind ours", "before ours"])
def test_whatever_else_the_file_holds_the_pass_is_offered_first_and_their_lines_count(
    where: str, theirs: str, joined: Membership, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    """Lines put before ours are behind them after the next `ssh-config`."""
    theirs = theirs.format(home=set_up.home)
    (set_up.home / "more").write_text("IdentityFile none\n")
    config = set_up.ssh_folder / "config"
    mine = config.read_text()
    config.write_bytes((mine + theirs if where == "behind ours" else f"{theirs}\n{mine}").encode())
    sshsetup.apply(set_up, sshsetup.plan(set_up))
    held = sign_in().run()
    found = resolve(set_up, HOST)
    assert (found["user"], found["identityagent"], found["identitiesonly"]) == (["me"], [held.agent.path], ["yes"])
    assert found["identityfile"][0] == str(joined.context.certificate)
    assert resolve(set_up, "elsewhere.org")["user"] == ["me"]
    assert str(joined.context.certificate) not in resolve(set_up, "elsewhere.org").get("identityfile", [])


def test_git_servers_that_the_pass_names_are_offered_it_and_met_as_ever(
    company: MiniCa, joined: Membership, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    """A block's worth of trust in a name is a name's: what looks like one and is none is left out."""
    names = ["login@github.com", "login@git.example.org", 'login@a"\nHost *', "login@*", "login@", "x@gitlab.com"]
    extensions = tuple(sorted((name, "alice") for name in names))
    company.change = lambda draft: dataclasses.replace(draft, extensions=extensions)
    sign_in().run()
    for host in ("github.com", "git.example.org"):
        plain, ours = resolve_plain(host), resolve(set_up, host)
        changed = {name for name in ours if ours[name] != plain.get(name)}
        assert changed == {"identityagent", "identitiesonly", "identityfile"}
        assert ours["identityfile"][0] == str(joined.context.certificate)
    for host in ("gitlab.com", "gist.github.com"):
        assert resolve(set_up, host) == resolve_plain(host)
    assert resolve(set_up, "github.com", lines="Host *\n  ForwardAgent yes\n")["forwardagent"] == ["no"]
    expire(joined)
    assert resolve(set_up, "github.com")["identitiesonly"] == ["no"]


def test_the_program_ssh_runs_is_the_one_that_was_run_or_python_that_looks_in_no_folder_of_the_moment(
    joined: Membership, set_up: Settings, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    assert " -P -m daypass.cli.main auto-login" in joined.context.check.read_text()
    program = home / "it's here/daypass"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" $DAYPASS_HOME\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    sshconfig.update(set_up, joined)
    done = subprocess.run(
        ["sh", joined.context.check], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert done.stdout == f"auto-login --context {joined.context.name} {set_up.home}\n"


def test_the_script_ssh_runs_is_one_that_shellcheck_finds_no_fault_with(joined: Membership, set_up: Settings) -> None:
    done = subprocess.run([need("shellcheck"), "-e", "SC2166", joined.context.check], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_one_identity_while_the_pass_is_valid_and_the_person_s_own_after_it(
    joined: Membership, settings: Settings, sign_in: Callable[..., Login], home: Path
) -> None:
    (home / ".ssh").mkdir(mode=0o700)
    make_key(home / ".ssh/id_ed25519")
    sshsetup.apply(settings, sshsetup.plan(settings))
    held = sign_in().run()
    found = resolve(settings, HOST, lines=f"Host *\n  IdentityFile {home}/.ssh/special\n")
    assert found["identitiesonly"] == ["yes"]
    assert found["identityagent"] == [held.agent.path]
    own = [str(home / ".ssh/id_ed25519"), str(home / ".ssh/special")]
    assert found["identityfile"] == [str(joined.context.certificate), *own]


@pytest.mark.parametrize("principals", [("role:dev:alice",), ("alice", "role:dev:alice")])
@pytest.mark.parametrize("others", [0, 5])
def test_only_enrolled_hosts_are_offered_a_pass_that_no_other_takes_and_that_hides_the_person_s_keys(
    principals: tuple[str, ...], others: int, company: MiniCa, set_up: Settings, sign_in: Callable[..., Login],
    agent: Part, tmp_path: Path,
) -> None:  # fmt: skip
    for number in range(others):
        agent.add(make_key(tmp_path / str(number)))
    company.principals = principals
    here = Settings.load("", {**set_up.environ, "SSH_AUTH_SOCK": str(agent.socket)})
    sign_in(settings=here).run()
    assert resolve(set_up, HOST)["identitiesonly"] == ["yes"]
    hidden = others > 3 and principals[0] != "alice"
    assert resolve(set_up, NOT_ENROLLED)["identitiesonly"] == ["no" if hidden else "yes"]


def test_a_home_folder_with_a_space_and_an_umlaut_works_as_any(company: MiniCa, home: Path) -> None:
    folder = home / "Frau Müller"
    folder.mkdir()
    settings = Settings.load("", {"HOME": str(folder), "SHELL": "/bin/sh", "DAYPASS_HOME": str(folder / "day pass")})
    member = trust.bootstrap(settings, company.url, company.fingerprint)
    enrolled.keep(member, enrolled.verify(member, company.client_bundle(), time.time(), print))
    sshsetup.apply(settings, sshsetup.plan(settings))
    sshconfig.write_pass(settings, member, f"{folder}/agent")
    put_marker(settings, member)
    found = resolve(settings, HOST)
    assert found["stricthostkeychecking"] == ["true"]
    assert found["identityfile"] == [str(member.context.certificate)]
    assert found["identityagent"] == [f"{folder}/agent"]
    assert found["userknownhostsfile"] == [str(member.context.known_hosts)]
    own = f"{folder}/.ssh/known_hosts {folder}/.ssh/known_hosts2 {member.context.known_hosts}"
    assert resolve(settings, NOT_ENROLLED)["userknownhostsfile"] == [own]


def test_once_it_has_expired_ssh_is_as_if_there_were_none(
    joined: Membership, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    before = resolve(set_up, NOT_ENROLLED)
    sign_in().run()
    assert resolve(set_up, NOT_ENROLLED) != before
    expire(joined)
    assert resolve(set_up, NOT_ENROLLED) == before


def test_after_logout_ssh_is_as_if_there_had_been_none(set_up: Settings, sign_in: Callable[..., Login]) -> None:
    before = resolve(set_up, NOT_ENROLLED)
    sign_in().run()
    logout(set_up)
    assert resolve(set_up, NOT_ENROLLED) == before


def test_after_logout_an_enrolled_host_is_met_as_strictly(set_up: Settings, sign_in: Callable[..., Login]) -> None:
    sign_in().run()
    logout(set_up)
    assert resolve(set_up, HOST)["stricthostkeychecking"] == ["true"]


def test_a_shell_that_may_have_no_test_of_its_own_is_given_a_script(
    joined: Membership, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    """fish's builtin knew no -nt for long."""
    fish = Settings.load("", {**set_up.environ, "SHELL": "/usr/bin/fish"})
    sign_in(settings=fish).run()
    assert f"exec \"/bin/sh '{joined.context.check}'\"" in joined.context.ssh_config.read_text()
    assert resolve(set_up, HOST)["identitiesonly"] == ["yes"]
    logout(set_up)
    assert resolve(set_up, HOST)["identitiesonly"] == ["no"]


def test_where_the_environment_names_no_shell_it_is_sh_as_for_ssh(
    joined: Membership, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    """Nothing is to be mended where one process has SHELL and the next has not: sshd's sessions, cron, CI."""
    bare = Settings.load("", {name: value for name, value in set_up.environ.items() if name != "SHELL"})
    sign_in(settings=bare).run()
    assert sshsetup.plan(bare) == sshsetup.plan(set_up) == []


def test_where_there_is_no_proc_the_clock_is_asked(
    joined: Membership, set_up: Settings, sign_in: Callable[..., Login], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    sign_in().run()
    assert "/proc" not in joined.context.ssh_config.read_text() + joined.context.check.read_text()
    assert resolve(set_up, HOST)["identitiesonly"] == ["yes"]
    put_marker(set_up, joined, -1)
    assert subprocess.run(["sh", joined.context.check], env={"DAYPASS_AUTO_LOGIN": "0"}).returncode == 1


def test_no_token_that_ssh_fills_in_stands_in_a_command(
    joined: Membership, set_up: Settings, sign_in: Callable[..., Login]
) -> None:
    """CVE-2023-51385, CVE-2025-61984: %h, %u and %r carried shell metacharacters into commands."""
    sign_in().run()
    written = joined.context.ssh_config.read_text() + joined.context.pass_config.read_text()
    commands = [line for line in written.splitlines() if "exec" in line or "Command" in line]
    assert len(commands) == 2
    assert not any("%" in command for command in commands)
    assert "%" not in joined.context.check.read_text().replace("date +%s", "")


@pytest.mark.parametrize(
    "host", ["$(touch pwned).corp.test", "`id`.corp.test", "a;b.corp.test", "'x'.corp.test", "-oX.corp.test"]
)
def test_a_hostile_host_name_runs_nothing(
    host: str, set_up: Settings, sign_in: Callable[..., Login], home: Path
) -> None:
    sign_in().run()
    subprocess.run(
        ["ssh", "-T", "-F", str(set_up.ssh_folder / "config"), "-G", host], cwd=home, capture_output=True, timeout=10
    )
    assert not (home / "pwned").exists()


@pytest.mark.parametrize(
    "pattern",
    ["*", "*.", "*.*", "**.corp.test", "?.corp.test", "!*.corp.test", "a,b", "a b", "", "Corp.test", "a..b", "-a.b",
     "a\nHost *", 'a"b', "*.corp.test\n", "a%h", "[a]", "*.test", "a*b.corp.test", "ä.test", "a" * 64 + ".test"],
)  # fmt: skip
def test_a_hostile_pattern_is_refused(pattern: str, company: MiniCa, joined: Membership, settings: Settings) -> None:
    """With `*` a host certified as github.com was accepted over github.com's pinned key."""
    with pytest.raises(Misconfigured) as caught:
        trust.check_patterns(["*.corp.test", pattern])
    assert caught.value.code == "host-pattern"


def test_a_ca_that_publishes_no_pattern_gets_no_configuration() -> None:
    with pytest.raises(Misconfigured):
        trust.check_patterns([])


def test_a_ca_that_comes_to_publish_everything_stops_the_login_and_changes_no_file(
    company: MiniCa, set_up: Settings, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    before = {path: path.read_bytes() for path in joined.context.folder.iterdir()}
    company.host_patterns = ["*"]
    with pytest.raises(Misconfigured):
        sign_in().run()
    assert {path: path.read_bytes() for path in joined.context.folder.iterdir()} == before
    assert not company.seen


def test_a_login_brings_the_files_up_to_date(
    company: MiniCa, set_up: Settings, joined: Membership, sign_in: Callable[..., Login]
) -> None:
    sign_in().run()
    assert "bastion.example.org" not in joined.context.known_hosts.read_text()
    company.host_patterns = ["*.corp.test", "bastion.example.org"]
    company.enrolled = [HOST, "bastion.example.org"]
    sign_in(force=True).run()
    assert resolve(set_up, "bastion.example.org")["stricthostkeychecking"] == ["true"]
    assert "bastion.example.org" in joined.context.known_hosts.read_text()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (HOST, True),
        ("a.b.corp.test", True),
        (f"[{HOST}]:2222", True),
        ("corp.test", False),
        ("evilcorp.test", False),
        ("github.com", False),
        ("[github.com]:22", False),
    ],
)
def test_known_hosts_lines_are_found_by_ssh_keygen_for_our_hosts_alone(
    name: str, found: bool, set_up: Settings, joined: Membership
) -> None:
    done = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", str(joined.context.known_hosts)], capture_output=True, text=True
    )
    assert ("found: line 1 CA" in done.stdout) is found


def test_the_host_ca_in_known_hosts_is_the_one_of_the_trust_document(joined: Membership, set_up: Settings) -> None:
    line = joined.context.known_hosts.read_text()
    assert line.startswith("@cert-authority *.corp.test,[*.corp.test]:* ")
    assert line.split()[2:4] == joined.trust.host_ca[0].split()[:2]


# -- real connections ------------------------------------------------------------------------------------------


def host_certificate(company: MiniCa, key: Path, names: tuple[str, ...]) -> Path:
    draft = Certificate(
        nonce=os.urandom(32),
        public_key=PublicKey.from_line(key.with_name(f"{key.name}.pub").read_text()),
        serial=SERIAL,
        type=CertType.HOST,
        key_id=names[0],
        principals=names,
        valid_after=int(time.time()) - 60,
        valid_before=int(time.time()) + 3600,
        critical_options=(),
        extensions=(),
        signature_key=PublicKey.from_cryptography(company.host_ca.public_key()),
    )
    path = key.with_name(f"{key.name}-cert.pub")
    path.write_text(draft.with_signature(sign_blob(company.host_ca, draft.to_be_signed())).line() + "\n")
    return path


@pytest.fixture
def sshd(company: MiniCa, safe_path: Path) -> Iterator[Sshd]:
    """A host of the company: trusts the user CA, has a certificate for HOST, and accepts the key `old`."""
    key = make_key(safe_path / "ssh_host_ed25519_key")
    certificate = host_certificate(company, key, (HOST,))
    (safe_path / "user_ca.pub").write_text(PublicKey.from_cryptography(company.user_ca.public_key()).line() + "\n")
    make_key(safe_path / "old")
    lines = [
        f"HostCertificate {certificate}",
        f"TrustedUserCAKeys {safe_path}/user_ca.pub",
        f"AuthorizedKeysFile {safe_path}/old.pub",
        "StrictModes no",
        "MaxAuthTries 5",
    ]
    company.principals = (getpass.getuser(),)
    with run_sshd(safe_path, lines) as running:
        yield running


def ssh(settings: Settings, sshd: Sshd, *options: str, host: str = HOST) -> subprocess.CompletedProcess[str]:
    """Plain `ssh HOST true`; the name leads to loopback."""
    return subprocess.run(
        [
            *("ssh", "-T", "-F", str(settings.ssh_folder / "config"), "-p", str(sshd.port)),
            *(
                "-o",
                "HostName=127.0.0.1",
                "-o",
                f"HostKeyAlias={host}",
                "-o",
                "BatchMode=yes",
                *options,
                host,
                "echo in",
            ),
        ],
        env={name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"} | {"SHELL": "/bin/sh"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )


def match_typed_names(joined: Membership) -> None:
    """`Match host` sees HostName, which the tests have to point to loopback: match the name that was typed."""
    for path in (joined.context.ssh_config, joined.context.pass_config):
        if path.exists():
            text = path.read_text().replace("Match host ", "Match originalhost ")
            path.write_text(text.replace("Match !final host ", "Match !final originalhost "))


@pytest.fixture
def by_typed_name(set_up: Settings, joined: Membership) -> Settings:
    match_typed_names(joined)
    return set_up


def test_plain_ssh_works_with_the_pass_and_without_any_question(
    sshd: Sshd, set_up: Settings, sign_in: Callable[..., Login], request: pytest.FixtureRequest
) -> None:
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    done = ssh(settings, sshd)
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", "", 0)
    assert "ED25519-CERT" in sshd.log


def test_an_impostor_with_a_plain_key_is_refused_without_a_question(
    set_up: Settings, sign_in: Callable[..., Login], safe_path: Path, request: pytest.FixtureRequest
) -> None:
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    with run_sshd(safe_path) as impostor:
        done = ssh(settings, impostor)
    assert done.returncode == 255
    assert "no matching host key type" in done.stderr


def test_a_host_that_has_not_enrolled_is_learnt_as_ever_and_watched_from_then_on(
    company: MiniCa, set_up: Settings, sign_in: Callable[..., Login], safe_path: Path, request: pytest.FixtureRequest
) -> None:
    """By a plain key that is new, with the key the person always had for it."""
    own = make_key(safe_path / "own")
    set_up.ssh_folder.joinpath("id_ed25519").write_bytes(own.read_bytes())
    set_up.ssh_folder.joinpath("id_ed25519").chmod(0o600)
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    lines = [f"AuthorizedKeysFile {own}.pub", "StrictModes no"]
    with run_sshd(safe_path, lines) as plain:
        assert "Host key verification failed" in ssh(settings, plain, host=NOT_ENROLLED).stderr
        learnt = ssh(settings, plain, "-o", "StrictHostKeyChecking=accept-new", host=NOT_ENROLLED)
        assert (learnt.stdout, learnt.returncode) == ("in\n", 0)
        assert NOT_ENROLLED in settings.ssh_folder.joinpath("known_hosts").read_text()
        assert ssh(settings, plain, host=NOT_ENROLLED).returncode == 0
    (safe_path / "other").mkdir()
    with run_sshd(safe_path / "other", lines) as impostor:
        assert "IDENTIFICATION HAS CHANGED" in ssh(settings, impostor, host=NOT_ENROLLED).stderr


def test_a_host_that_enrols_after_the_login_is_proved_without_a_question_and_strict_from_the_next_on(
    company: MiniCa, sshd: Sshd, joined: Membership, set_up: Settings, sign_in: Callable[..., Login],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    company.enrolled = []
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    done = ssh(settings, sshd)
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", "", 0)
    assert not settings.ssh_folder.joinpath("known_hosts").exists()
    company.enrolled = [HOST]
    sign_in(force=True).run()
    assert resolve(settings, HOST)["stricthostkeychecking"] == ["true"]


@pytest.mark.parametrize("listed", [[HOST], []])
def test_a_revoked_host_certificate_is_refused_after_the_next_login(
    listed: list[str], company: MiniCa, sshd: Sshd, joined: Membership, set_up: Settings,
    sign_in: Callable[..., Login], request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    sign_in().run()
    assert ssh(request.getfixturevalue("by_typed_name"), sshd).returncode == 0
    company.revoked, company.enrolled = (SERIAL,), listed
    sign_in(force=True).run()
    match_typed_names(joined)
    done = ssh(set_up, sshd)
    assert done.returncode == 255
    assert "revoked" in done.stderr


def test_a_certificate_for_another_name_is_refused(
    sshd: Sshd, set_up: Settings, sign_in: Callable[..., Login], request: pytest.FixtureRequest
) -> None:
    """CVE-2014-2653: a bad host certificate must not fall back to anything weaker."""
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    done = ssh(settings, sshd, host="web-2.corp.test")
    assert done.returncode == 255
    assert "Certificate invalid: name is not a listed principal" in done.stderr


def test_a_revoked_host_is_refused(
    sshd: Sshd, joined: Membership, set_up: Settings, sign_in: Callable[..., Login], request: pytest.FixtureRequest
) -> None:
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    keygen("-k", "-f", joined.context.revoked_host_keys, sshd.host_key.with_name(f"{sshd.host_key.name}.pub"))
    done = ssh(settings, sshd)
    assert done.returncode == 255
    assert "revoked" in done.stderr


def test_a_key_of_one_s_own_still_opens_the_door_with_a_pass_that_does_not(
    company: MiniCa, sshd: Sshd, safe_path: Path, agent: Part, settings: Settings, set_up: Settings,
    sign_in: Callable[..., Login], request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """Migration locks nobody out, even with a full agent and an sshd that allows few tries."""
    for number in range(5):
        agent.add(make_key(safe_path / f"other-{number}"))
    company.principals = ("someone-else",)
    set_up.ssh_folder.mkdir(exist_ok=True)
    (set_up.ssh_folder / "id_ed25519").write_bytes((safe_path / "old").read_bytes())
    (set_up.ssh_folder / "id_ed25519").chmod(0o600)
    sign_in(settings=Settings.load("", {**settings.environ, "SSH_AUTH_SOCK": str(agent.socket)})).run()
    done = ssh(request.getfixturevalue("by_typed_name"), sshd)
    assert (done.stdout, done.returncode) == ("in\n", 0)


def test_logout_ends_shared_connections(
    sshd: Sshd, set_up: Settings, sign_in: Callable[..., Login], request: pytest.FixtureRequest
) -> None:
    """A multiplexing master would go on opening sessions (trust 6.5)."""
    sign_in().run()
    settings = request.getfixturevalue("by_typed_name")
    assert ssh(settings, sshd, "-o", "ControlMaster=auto", "-o", "ControlPersist=60").returncode == 0
    [path] = settings.ssh_folder.glob("dp-*")
    checked = subprocess.run(["ssh", "-O", "check", "-S", path, "x"], capture_output=True, text=True)
    master = Path(f"/proc/{checked.stderr.partition('pid=')[2].partition(')')[0]}")
    assert master.is_dir()
    assert logout(settings)[0].connections == 1
    assert not list(settings.ssh_folder.glob("dp-*"))
    deadline = time.monotonic() + 5
    while master.is_dir() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not master.is_dir(), "the connection is still open"
    assert ssh(settings, sshd).returncode == 255
