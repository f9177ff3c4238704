"""A founded CA, judged by ssh-keygen, openssl and what clients believe; and foundings that go wrong."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.parts.postgres import Postgres

from daypass.api import Signed
from daypass.assemble import load_parts
from daypass.config import load, policy_hash, problems, rebased
from daypass.config.reading import examine
from daypass.errors import Conflict, DaypassError, Invalid, Misconfigured
from daypass.founding import CONFIG_FILE, Founded, Plan, found
from daypass.ledger.chain import verify
from daypass.store import open_store
from daypass.trusted import extract_trust_root, verify_trust
from daypass.wire import PublicKey

NOW = 1_800_000_000
PASSPHRASE = b"correct horse"
SSH_KEYS = ("offline/trust_root", "keys/user_ca", "keys/host_ca", "keys/bundle")

PYTHON = sys.executable
SCRIPT = """
import sys
from pathlib import Path
from daypass.founding import Plan, found
config = Path(sys.argv[1], "daypass.toml")
found(Plan("Example", "https://ca.example.com", ("*.example.com",), config), now=1_800_000_000)
"""


def plan(folder: Path) -> Plan:
    return Plan(
        name="Example",
        url="https://ca.example.com",
        host_domains=("*.example.com",),
        config=folder / "daypass.toml",
        issuer="https://id.example.com",
        client_id="daypass",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ca") / "etc"


@pytest.fixture(scope="module")
def founded(folder: Path) -> Founded:
    return found(plan(folder), now=NOW)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locked")
    found(replace(plan(folder), passphrase=PASSPHRASE), now=NOW)
    return folder


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", SSH_KEYS)
def test_ssh_keygen_reads_every_key_and_finds_its_public_half(founded: Founded, folder: Path, name: str) -> None:
    private = PublicKey.from_line(output("ssh-keygen", "-y", "-f", folder / name))
    public = (folder / f"{name}.pub").read_text()
    assert private == PublicKey.from_line(public)
    assert "ED25519" in output("ssh-keygen", "-l", "-f", folder / f"{name}.pub")
    assert public.split(" ", 2)[2].startswith("Example ")


def test_the_ca_id_is_the_hash_of_the_trust_root(founded: Founded, folder: Path) -> None:
    root = PublicKey.from_line((folder / "offline/trust_root.pub").read_text())
    assert founded.ca_id == sha256(root.blob).digest()
    assert founded.offline == folder / "offline/trust_root"


def test_one_line_lets_people_join(founded: Founded, folder: Path) -> None:
    printed = output("openssl", "x509", "-in", folder / "keys/tls_root.crt", "-noout", "-fingerprint", "-sha256")
    fingerprint = printed.strip().partition("=")[2].replace(":", "").lower()
    assert founded.join == f"daypass bootstrap https://ca.example.com/#{fingerprint}"


def test_openssl_accepts_the_root_and_clients_find_the_ca_id_in_it(founded: Founded, folder: Path) -> None:
    root = folder / "keys/tls_root.crt"
    output("openssl", "verify", "-attime", str(NOW), "-CAfile", root, root)
    assert extract_trust_root(root.read_text()) == founded.ca_id


def test_clients_believe_the_trust_document(founded: Founded, folder: Path) -> None:
    signed = msgspec.json.decode((folder / "trust.json").read_bytes(), type=Signed)
    document = verify_trust(signed, founded.ca_id)
    assert (document.version, document.issued_at) == (1, NOW)
    named = [*document.user_ca, *document.host_ca, *document.bundle_keys]
    files = [(folder / f"keys/{name}.pub").read_text() for name in ("user_ca", "host_ca", "bundle")]
    assert [PublicKey.from_line(line) for line in named] == [PublicKey.from_line(line) for line in files]
    assert document.tls_roots == [(folder / "keys/tls_root.crt").read_text()]


def test_ssh_keygen_verifies_the_trust_document(founded: Founded, folder: Path, tmp_path: Path) -> None:
    signed = msgspec.json.decode((folder / "trust.json").read_bytes(), type=Signed)
    (tmp_path / "signature").write_text(signed.signature)
    (tmp_path / "allowed").write_text("root " + (folder / "offline/trust_root.pub").read_text())
    files = ["-f", str(tmp_path / "allowed"), "-s", str(tmp_path / "signature")]
    command = ["ssh-keygen", "-Y", "verify", "-n", "daypass-trust", "-I", "root", *files]
    subprocess.run(command, input=signed.document.encode(), check=True)


def test_no_two_keys_are_the_same(founded: Founded, folder: Path) -> None:
    assert len({(folder / f"{name}.pub").read_text().split()[1] for name in SSH_KEYS}) == len(SSH_KEYS)


def test_keys_are_their_owners_alone_and_folders_too(founded: Founded, folder: Path) -> None:
    modes = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    public = {f"{name}.pub" for name in SSH_KEYS} | {"keys/tls_root.crt", "trust.json"}
    assert {name for name, mode in modes.items() if mode & 0o077} == public
    assert {modes[name] for name in ("keys", "offline")} == {0o700}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {modes[name] for name in (*SSH_KEYS, "keys/tls_root.key", "daypass.toml", "ca.sqlite")} == {0o600}


def test_the_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o077):
        folder = tmp_path / str(umask)
        subprocess.run([PYTHON, "-c", SCRIPT, str(folder)], check=True, umask=umask)
        assert stat.S_IMODE((folder / "keys/user_ca").stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "keys/user_ca.pub").stat().st_mode) == 0o644
        assert stat.S_IMODE((folder / "ca.sqlite").stat().st_mode) == 0o600


def test_the_configuration_is_accepted_and_is_the_one_in_force(founded: Founded, folder: Path) -> None:
    assert [each.path for each in problems((folder / "daypass.toml").read_bytes())] == ["roles"]
    config = load(folder / "daypass.toml")
    store = open_store(config.ca.database)

    async def read() -> tuple[int, bytes, list[str]]:
        active, rows = await store.active_config(), await store.ledger(0, 10)
        await store.close()
        assert active is not None
        verify((row.seq, row.entry, row.hash) for row in rows)
        return active.version, active.hash, [row.act for row in rows]

    assert asyncio.run(read()) == (1, policy_hash(config), ["ca.init", "config.publish"])


def test_the_record_begins_with_who_this_ca_is(founded: Founded, folder: Path) -> None:
    store = open_store(f"sqlite:///{folder / 'ca.sqlite'}")

    async def first() -> bytes:
        rows = await store.ledger(0, 1)
        await store.close()
        return rows[0].entry

    entry = msgspec.json.decode(asyncio.run(first()))
    assert (entry["ca_id"], entry["tls_root"]) == (founded.ca_id.hex(), founded.fingerprint)
    assert entry["keys"]["user"] == output("ssh-keygen", "-l", "-f", folder / "keys/user_ca.pub").split()[1]


def test_it_can_be_served(founded: Founded, folder: Path) -> None:
    parts = load_parts(load(folder / "daypass.toml"))
    assert (parts.ca_id, parts.root_fingerprint) == (founded.ca_id, founded.fingerprint)


@pytest.mark.parametrize("name", [*SSH_KEYS, "keys/tls_root.key"])
def test_with_a_passphrase_no_key_opens_without_it(locked: Path, name: str) -> None:
    refused = subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", str(locked / name)], capture_output=True)
    assert refused.returncode != 0
    assert not refused.stdout


def test_with_its_passphrase_it_can_be_served_and_not_without(locked: Path) -> None:
    config = load(locked / "daypass.toml")
    assert load_parts(config, PASSPHRASE).ca_id
    for wrong in (None, b"wrong"):
        with pytest.raises(Misconfigured):
            load_parts(config, wrong)


def test_the_passphrase_stands_in_no_file(locked: Path) -> None:
    assert [path for path in locked.rglob("*") if path.is_file() and PASSPHRASE in path.read_bytes()] == []


def test_a_second_time_is_refused_and_changes_nothing(founded: Founded, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(Conflict) as caught:
        found(plan(folder), now=NOW)
    assert "ca serve" in (caught.value.hint or "")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "name",
    ["daypass.toml", "trust.json", "ca.sqlite", "keys/tls_root.crt", "keys/bundle.pub", *SSH_KEYS],
)
def test_one_file_that_is_there_already_stops_it_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(Conflict, match=name):
        found(plan(tmp_path), now=NOW)
    assert tree(tmp_path) == before
    assert (tmp_path / name).read_text() == "mine"


def test_a_dangling_link_counts_as_there(tmp_path: Path) -> None:
    (tmp_path / "trust.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        found(plan(tmp_path), now=NOW)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("step", range(1, 9))
def test_a_failure_after_any_step_takes_everything_back(tmp_path: Path, step: int) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found(plan(tmp_path / "a" / "b"), now=NOW, tell=tell)
    assert tree(tmp_path) == set()
    found(plan(tmp_path / "a" / "b"), now=NOW)


def test_a_file_that_appears_meanwhile_is_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    def tell(line: str) -> None:
        (tmp_path / "trust.json").write_text("mine")

    with pytest.raises(Conflict):
        found(plan(tmp_path), now=NOW, tell=tell)
    assert tree(tmp_path) == {"trust.json"}
    assert (tmp_path / "trust.json").read_text() == "mine"


def test_two_at_once_leave_one_whole_ca(tmp_path: Path) -> None:
    racing = [subprocess.Popen([PYTHON, "-c", SCRIPT, str(tmp_path)], stderr=subprocess.DEVNULL) for _ in range(2)]
    codes = [each.wait(30) for each in racing]
    if 0 in codes:
        assert load_parts(load(tmp_path / "daypass.toml")).ca_id
    else:
        assert tree(tmp_path) == set()
    assert codes.count(0) <= 1


@pytest.mark.parametrize("size", [0, 4096, 16384, 65536])
def test_on_a_full_disk_nothing_is_left(tmp_path: Path, size: int) -> None:
    """A limit on the size of files stands in for the disk: writes beyond it fail as they would there."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); " + SCRIPT
    done = subprocess.run([PYTHON, "-c", limited, str(tmp_path / "ca")], capture_output=True, text=True)
    assert done.returncode == 1
    assert tree(tmp_path) == set(), done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file")
    with pytest.raises(DaypassError, match=f"{tmp_path}/etc"):
        found(plan(tmp_path / "etc" / "daypass"), now=NOW)
    assert tree(tmp_path) == {"etc"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"url": "http://ca.example.com"}, "ca.url"),
        ({"name": "a\nb"}, "ca.name"),
        ({"host_domains": ("*",)}, "hosts.domains[0]"),
        ({"host_domains": ()}, "hosts.domains"),
        ({"issuer": "http://id.example.com"}, "providers[0].issuer"),
        ({"database": "mysql://db"}, "ca.database"),
        ({"database": "sqlite:///relative.sqlite"}, "ca.database"),
        ({"passphrase": b""}, "the passphrase is empty"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], key: str
) -> None:
    with pytest.raises(Invalid, match=key.replace("[", r"\[")):
        found(replace(plan(tmp_path / "ca"), **change), now=NOW)  # type: ignore[arg-type]
    assert tree(tmp_path) == set()


@given(name=st.text(max_size=80), domain=st.text(max_size=80))
def test_hostile_words_never_become_another_configuration(name: str, domain: str) -> None:
    text = replace(plan(Path("/ca")), name=name, host_domains=(domain,)).starter().text()
    config, found_problems = examine(text)
    wrong = {each.path for each in found_problems}
    assert config.ca.name == name or wrong & {"", "ca.name"}
    assert config.hosts.domains == [domain] or wrong & {"", "hosts.domains[0]"}
    assert config.ca.url == "https://ca.example.com" or "" in wrong


def test_the_system_wide_layout_goes_below_a_root(tmp_path: Path) -> None:
    founded = found(replace(plan(Path("/x")), config=CONFIG_FILE, root=tmp_path), now=NOW)
    assert {"etc/daypass/daypass.toml", "etc/daypass/keys/user_ca", "var/lib/daypass/ca.sqlite"} < tree(tmp_path)
    config = load(tmp_path / "etc/daypass/daypass.toml")
    assert config.ca.state == Path("/var/lib/daypass")
    assert load_parts(rebased(config, tmp_path)).ca_id == founded.ca_id


def test_postgresql_is_begun_once(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.fresh_url()
    first = found(replace(plan(tmp_path / "a"), database=url), now=NOW)
    assert load_parts(load(tmp_path / "a/daypass.toml")).ca_id == first.ca_id
    with pytest.raises(Conflict, match="the database holds a CA already"):
        found(replace(plan(tmp_path / "b"), database=url), now=NOW)
    assert not (tmp_path / "b").exists()


def test_a_database_that_does_not_answer_stops_it_before_anything_is_written(tmp_path: Path) -> None:
    url = "postgresql://daypass:hunter2@127.0.0.1:1/none"
    with pytest.raises(DaypassError) as caught:
        found(replace(plan(tmp_path / "ca"), database=url), now=NOW)
    assert "hunter2" not in str(caught.value)
    assert tree(tmp_path) == set()
