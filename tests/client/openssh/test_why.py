"""`daypass why`: each way in which ssh fails or works, made with real ssh, sshd and agents, and told in our words."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.cli.main import main
from daypass.client.holding import Held
from daypass.client.openssh import sshsetup, why
from daypass.client.openssh.sshprogram import host_of
from daypass.client.openssh.verdict import Verdict
from daypass.client.settings import Settings
from daypass.client.signin.login import Login
from daypass.client.trust import Membership
from daypass.errors import Invalid
from daypass.wire import Krl, PublicKey
from daypass.wire.krl import CertificateSection
from tests.client.doctor.test_here import lock
from tests.client.lab import HOST, Lab, run_lab
from tests.client.mini_ca import MiniCa, line
from tests.parts.needs import need
from tests.parts.openssh import make_key, run_agent
from tests.parts.processes import free_port

ACCOUNT = getpass.getuser()
Spoil = Callable[[Lab, Held], object]


@pytest.fixture
def held(joined: Membership, sign_in: Callable[..., Login]) -> Held:
    return sign_in().run()


@pytest.fixture
def lab(company: MiniCa, settings: Settings, held: Held) -> Iterator[Lab]:
    with (
        tempfile.TemporaryDirectory(prefix="dp-lab-") as folder,
        run_lab(company, settings, Path(folder), ACCOUNT) as up,
    ):
        yield up


def reloaded(lab: Lab, *lines: str) -> None:
    """sshd with these lines before its own."""
    lab.sshd.config.write_text("\n".join([*lines, lab.sshd.config.read_text()]))
    lab.sshd.reload()


def recertified(lab: Lab, *names: str, **options: object) -> None:
    lab.certify_host(*names, **options)  # type: ignore[arg-type]
    lab.sshd.reload()


def uncertified(lab: Lab) -> None:
    lab.sshd.config.write_text(lab.sshd.config.read_text().replace("HostCertificate", "#"))
    lab.sshd.reload()


def written(path: Path, text: str) -> None:
    path.write_text(text)


def another_s_key(lab: Lab) -> None:
    uncertified(lab)
    (lab.settings.ssh_folder / "known_hosts").write_text(f"web-9.corp.test {line(Ed25519PrivateKey.generate())}\n")
    lab.known_as("web-9.corp.test", HostKeyAlias="web-9.corp.test")


def unknown_key(lab: Lab) -> None:
    uncertified(lab)
    lab.known_as("web-9.corp.test", HostKeyAlias="web-9.corp.test")


def revoked(lab: Lab) -> None:
    section = CertificateSection(PublicKey.from_cryptography(lab.ca.host_ca.public_key()), ((7, 7),))
    krl = Krl(2, int(time.time()), "test", (section,)).encode()
    path = next(lab.settings.home.glob("contexts/*/revoked_host_keys"))
    path.write_bytes(krl)
    lab.first(f"Host {HOST}\n    RevokedHostKeys {path}\n")


def many_keys(lab: Lab, held: Held) -> None:
    """The person's own come first: ssh offers what the agent has before all others, and ours is not there."""
    gone(lab, held)
    paths = [make_key(lab.folder / f"own-{each}") for each in range(7)]
    files = "".join(f"    IdentityFile {path}\n" for path in paths)
    lab.first(f"Host {HOST}\n{files}")


def own_key(lab: Lab, held: Held) -> None:
    key = make_key(lab.folder / "own")
    (lab.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    lab.first(f"Host {HOST}\n    IdentityFile {key}\n")
    held.agent.remove(held.certificate.encode())


def expired(lab: Lab) -> None:
    """The marker is in the past, as in the evening."""
    context = next((lab.settings.home / "contexts").iterdir())
    os.utime(context / "valid", (1, 1))
    for path in (context / "agent", context / "pass.conf"):
        path.unlink(missing_ok=True)


def gone(_lab: Lab, held: Held) -> None:
    held.agent.remove(held.certificate.encode())


def locked(_lab: Lab, held: Held) -> None:
    lock(Path(held.agent.path))


def nothing(_lab: Lab, _held: Held) -> None:
    """As it is."""


def through_a_hop(lab: Lab, _held: Held) -> None:
    """By a key, as the test CA's certificates forward no ports."""
    key = make_key(lab.folder / "hop")
    (lab.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    lab.first(f"Host {HOST}\n    ProxyJump hop\n")
    lab.known_as(
        "hop", IdentityFile=str(key), HostKeyAlias="hop", StrictHostKeyChecking="no", UserKnownHostsFile="/dev/null"
    )


def of_lab(spoil: Callable[[Lab], object]) -> Spoil:
    return lambda lab, _held: spoil(lab)


OUTCOMES: list[tuple[str, Spoil, list[str], str, str]] = [
    ("all is well", nothing, [], "works", f"{ACCOUNT}@{HOST} works, by your day pass"),
    ("own key", own_key, [], "works", "works, by the key "),
    ("no such account", nothing, ["-l", "nobody-here"], "not-admitted", "day pass for the account nobody-here"),
    ("no role admits", of_lab(lambda lab: written(lab.folder / "principals" / ACCOUNT, "role:dba\n")), [],
     "not-admitted", f"does not take your day pass for the account {ACCOUNT}"),
    ("user CA unknown", of_lab(lambda lab: written(lab.folder / "user_ca.pub", "")), [], "not-admitted", "does not"),
    ("denied user", of_lab(lambda lab: reloaded(lab, f"DenyUsers {ACCOUNT}")), [], "not-admitted", "does not"),
    ("more wanted", of_lab(lambda lab: reloaded(lab, "AuthenticationMethods publickey,keyboard-interactive",
                                                "KbdInteractiveAuthentication yes")), [],
     "more-wanted", "asks for more: keyboard-interactive"),
    ("no keys taken", of_lab(lambda lab: reloaded(lab, "PubkeyAuthentication no", "PasswordAuthentication yes")), [],
     "no-publickey", "takes no keys at all, only password"),
    ("agent without it", gone, [], "agent-gone", "its key is not in the agent"),
    ("agent locked", locked, [], "agent-gone", "its key is not in the agent"),
    ("expired", of_lab(expired), [], "not-offered", "your day pass was not offered"),
    ("IdentityAgent none", of_lab(lambda lab: lab.first(f"Host {HOST}\n    IdentityAgent none\n")), [],
     "agent-gone", "its key is not in the agent"),
    ("certificates left out", nothing, ["-o", "PubkeyAcceptedAlgorithms=ssh-ed25519"], "algorithms", "not offered"),
    ("many keys first", many_keys, [], "too-many", "gave up after 6 key(s)"),
    ("host certificate expired", of_lab(lambda lab: recertified(lab, begin=-100, end=-10)), [],
     "host-certificate-expired", "certificate has expired"),
    ("host certificate early", of_lab(lambda lab: recertified(lab, begin=1000)), [],
     "host-certificate-early", "not valid yet"),
    ("host of another name", of_lab(lambda lab: recertified(lab, "db-1.corp.test")), [],
     "host-certificate-name", f"is for another name than {HOST}"),
    ("host of another CA", of_lab(lambda lab: recertified(lab, signer=Ed25519PrivateKey.generate())), [],
     "host-certificate-ca", "a CA that is not your company's (ssh-ed25519 SHA256:"),
    ("host not certified", of_lab(uncertified), [], "host-not-certified", "it has only plain keys (ssh-ed25519)"),
    ("host revoked", of_lab(revoked), [], "host-revoked", "has been revoked"),
    ("command refused", of_lab(lambda lab: reloaded(lab, "ForceCommand exit 3")), [], "works", "by your day pass"),
    ("session ended", of_lab(lambda lab: reloaded(lab, "ForceCommand kill -9 $PPID")), [], "ended", "then ends"),
    ("refused", nothing, ["-p", "1"], "refused", "127.0.0.1 is there, and nothing listens at port 1"),
    ("hop unknown", nothing, ["-J", "jump.corp.invalid"], "dns", f"on the way to {HOST}: the name jump.corp.invalid"),
    ("hop refused", nothing, ["-J", "127.0.0.1:1"], "refused", f"on the way to {HOST}: 127.0.0.1 is there"),
    ("second hop", nothing, ["-J", f"{HOST},nobody@127.0.0.1:1"], "hop-forward", "does not get through to 127.0.0.1"),
    ("through a hop", through_a_hop, [], "works", "by your day pass"),
    ("hop without forwarding", nothing, ["-J", HOST],
     "hop-forward", f"{HOST} lets you in, and does not get through to {HOST}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "arguments", "code", "says"), OUTCOMES, ids=[each[0] for each in OUTCOMES])
def test_what_keeps_one_out_is_told(
    name: str, spoil: Spoil, arguments: list[str], code: str, says: str, lab: Lab, held: Held
) -> None:
    spoil(lab, held)
    found = why.ask(lab.settings, HOST, arguments)
    assert (found.code, found.works) == (code, code == "works"), found
    assert says in found.message, found
    assert found.works or found.hint


@pytest.mark.parametrize(
    ("spoil", "code"), [(another_s_key, "host-changed"), (unknown_key, "host-unknown")], ids=["changed", "unknown"]
)
def test_hosts_that_have_not_enrolled(spoil: Callable[[Lab], None], code: str, lab: Lab) -> None:
    spoil(lab)
    assert why.ask(lab.settings, "web-9.corp.test").code == code


def test_of_one_who_is_not_admitted_it_says_what_the_pass_holds_and_which_account_is_theirs(lab: Lab) -> None:
    written(lab.folder / "principals" / ACCOUNT, "role:dba\n")
    found = why.ask(lab.settings, HOST)
    assert found.details[0] == "it holds: alice, role:dev:alice"
    assert found.hint == (
        f"try your own account: ssh alice@{HOST}; or ask the CA by which rule: daypass explain root@{HOST}"
    )


def test_of_a_git_server_that_the_pass_names_it_says_who_one_is_there(
    lab: Lab, company: MiniCa, sign_in: Callable[..., Login]
) -> None:
    """It is under no pattern of the company's, and proved by its own key."""
    company.change = lambda draft: dataclasses.replace(draft, extensions=(("login@git.example.org", "alice-w"),))
    sign_in(force=True).run()
    uncertified(lab)
    key = lab.sshd.host_key.with_suffix(".pub").read_text()
    (lab.settings.ssh_folder / "known_hosts").write_text(f"git.example.org {key}")
    lab.known_as("git.example.org", HostKeyAlias="git.example.org", UserKnownHostsFile=known_hosts(lab))
    assert why.ask(lab.settings, "git.example.org").message.endswith("works, by your day pass")
    written(lab.folder / "principals" / ACCOUNT, "role:dba\n")
    found = why.ask(lab.settings, f"{ACCOUNT}@git.example.org")
    assert (found.code, found.details[0]) == ("not-admitted", "it says that you are alice-w there")


def known_hosts(lab: Lab) -> str:
    """ssh's own place for it is below the home folder of passwd(5)."""
    return str(lab.settings.ssh_folder / "known_hosts")


def test_a_pass_that_ended_is_said_to_have_ended(lab: Lab, held: Held, company: MiniCa, sign_in: Callable[..., Login],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    expired(lab)
    monkeypatch.setattr(why, "clock", lambda: held.certificate.valid_before + 3600)
    assert why.ask(lab.settings, HOST).hint == "your day pass ended 1 h ago; run: daypass login"


def test_the_company_to_sign_in_at_is_named_where_another_one_is_in_use(
    lab: Lab, held: Held, other: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`daypass login` alone would sign in at the other one, and ssh would go on refusing."""
    (mine,) = (each for each in lab.settings.contexts() if each != other.context)
    os.utime(mine.valid_marker, (1, 1))
    monkeypatch.setattr(why, "clock", lambda: held.certificate.valid_before + 3600)
    assert why.ask(lab.settings, HOST).hint.endswith(f"run: daypass login --context {mine.name}")


def test_what_a_host_says_moves_no_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at_home: Settings
) -> None:
    """Its banner and its last words are in what ssh says."""
    said = "\x1b]0;mine\x07 \x1b[2J\rdaypass: hint: run this"
    monkeypatch.setattr(why, "ask", lambda *_: Verdict("x", False, said, said, (said,)))
    assert main(["why", "web-1"]) == 1
    shown = "".join(capsys.readouterr())
    assert not set(shown) & set("\x1b\x07\r") and shown.count("mine") == 3
    assert len(shown.splitlines()) == 3


def test_it_lends_no_agent_to_a_host_that_is_only_tried(lab: Lab, held: Held) -> None:
    """Whatever the person's configuration does for a session of theirs."""
    lab.first(f"Host {HOST}\n    ForwardAgent {held.agent.path}\n")
    assert "agent forwarding" not in why._run(lab.settings, HOST, ()).err


def test_of_a_host_that_is_nobody_s_it_names_the_hosts_of_every_company(lab: Lab, other: Membership) -> None:
    lab.known_as("stranger")
    found = why.ask(lab.settings, "stranger", ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"])
    assert "*.corp.test" in found.hint and "*.other.test" in found.hint
    assert "does not let" in found.message and "0 key(s)" not in found.message


def test_an_open_shared_connection_answers_for_itself(lab: Lab) -> None:
    path = lab.folder / "control"
    config = ["-F", str(lab.config), "-o", f"ControlPath={path}"]
    master = subprocess.Popen(["ssh", *config, "-M", "-N", HOST], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if path.exists():
                break
            time.sleep(0.01)
        found = why.ask(lab.settings, HOST, ["-o", f"ControlPath={path}"])
    finally:
        master.terminate()
        master.wait()
    assert (found.code, found.works) == ("shared", True) and "ssh -O exit" in found.hint


def test_a_user_before_the_host_is_no_part_of_its_name(lab: Lab, held: Held) -> None:
    """As ssh takes it, and as its own kind of URL."""
    known = f"{lab.account}@{HOST} works, by your day pass"
    for text in (f"{lab.account}@{HOST}", f"ssh://{lab.account}@{HOST}"):
        assert why.ask(lab.settings, text).message == known
    refused = why.ask(lab.settings, f"no@body@{HOST}")
    assert refused.code == "not-admitted"
    assert refused.message == f"{HOST} does not take your day pass for the account no@body"
    assert not any("not known to have enrolled" in each for each in refused.details)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("web-1", "web-1"),
        ("a@web-1", "web-1"),
        ("a@b@web-1", "web-1"),
        ("ssh://web-1", "web-1"),
        ("ssh://a@web-1:22/", "web-1"),
        ("SSH://a@[2001:db8::1]:22", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_host_of_what_ssh_is_given(text: str, host: str) -> None:
    assert host_of(text) == host


def test_names_nobody_knows_and_names_that_are_none(lab: Lab) -> None:
    found = why.ask(lab.settings, "nosuch.corp.invalid")
    assert (found.code, found.message) == (
        "dns", "the name nosuch.corp.invalid is not known here: Name or service not known",
    )  # fmt: skip
    for bad in ("-oProxyCommand=touch /tmp/pwned", "a b\n"):
        with pytest.raises(Invalid):
            why.ask(lab.settings, bad)


def answering(said: bytes | None) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        if said is None:
            time.sleep(5)
        connection.sendall(said or b"")

    return serve


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"", "closed-early"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n\x00\xff", "not-ssh"),
        (b"SSH-1.5-old\r\n", "not-ssh"),
        (None, "no-banner"),
    ],
)
def test_what_is_no_sshd(said: bytes | None, code: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    answering(said)(connection)

        threading.Thread(target=accept, daemon=True).start()
        assert why.ask(settings, "127.0.0.1", ["-p", str(listener.getsockname()[1])]).code == code


def test_a_host_that_drops_everything(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backlog: the kernel drops what comes, as firewalls do."""
    monkeypatch.setattr(why, "CONNECT_SECONDS", 1)
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        found = why.ask(settings, "127.0.0.1", ["-p", str(listener.getsockname()[1])])
    assert found.code == "timeout" and "does not answer at port" in found.message


def test_an_ssh_that_never_ends_is_stopped(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "SECONDS", 0.5)
    found = why.ask(settings, "127.0.0.1", ["-o", "ProxyCommand=sleep 60"])
    assert not found.works


def test_an_agent_that_asks_and_is_told_no(lab: Lab, held: Held, tmp_path: Path) -> None:
    """As after `daypass login --confirm`, with nobody there to say yes."""
    ask = tmp_path / "no"
    ask.write_text("#!/bin/sh\nexit 1\n")
    ask.chmod(0o755)
    with run_agent() as other:
        key = make_key(lab.folder / "asked")
        (lab.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
        other.add(key, "-c")
        lab.first(f"Host {HOST}\n    IdentityAgent {other.socket}\n    IdentityFile {key}.pub\n")
        key.unlink()
        gone(lab, held)
        found = why.ask(lab.settings, HOST)
    assert found.code in ("agent-refused", "agent-gone") and not found.works


def test_the_command_says_yes_or_no_and_a_script_gets_json(
    lab: Lab, at_home: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", HOST]) == 0
    assert capsys.readouterr().out == f"yes: {ACCOUNT}@{HOST} works, by your day pass\n"
    assert main(["why", HOST, "--", "-l", "nobody-here"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"no: {HOST} does not take your day pass") and "daypass: hint: try your own account" in err
    assert main(["why", "--json", HOST, "--", "-p", str(free_port())]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["works"], found["code"], found["hop"]) == (False, "refused", None)


def test_nothing_is_left_behind(lab: Lab) -> None:
    lab.first(
        f"Host {HOST}\n    ControlMaster auto\n    ControlPersist yes\n    LocalForward {free_port()} localhost:1\n"
    )
    assert why.ask(lab.settings, HOST).works
    assert not list(lab.settings.ssh_folder.glob("dp-*"))


def test_without_a_company_ssh_s_own_reasons_are_told(settings: Settings) -> None:
    need("ssh")
    found: Verdict = why.ask(settings, "127.0.0.1", ["-p", "1"])
    assert found.code == "refused"


def test_where_ssh_was_never_set_up_the_command_is_named(lab: Lab) -> None:
    changes = sshsetup.plan(lab.settings, remove=True)
    sshsetup.apply(lab.settings, changes, remove=True)
    found = why.ask(lab.settings, HOST, ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
    assert (found.code, found.hint) == ("not-offered", "ssh is not set up for it; run: daypass ssh-config")
