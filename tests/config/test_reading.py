"""From a file to a Config: what can't be read, what is too much, and what the policy hash depends on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.config.sample import GOOD, GOOD_HASH, WITH_SECRET, edited

from daypass.config import load, policy_document, policy_hash, problems, rebased
from daypass.config.problem import Problem
from daypass.errors import Misconfigured


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "daypass.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_good_file_becomes_a_config_with_its_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert (config.ca.name, config.ca.listen, config.lifetimes.floor) == ("Example", "0.0.0.0:8443", "5m")
    assert config.keys[0].file == Path("/etc/daypass/keys/user_ca")
    assert config.providers[0].scopes == ["openid", "email", "profile"]
    assert [role.accounts for role in config.roles] == [["{login}"], ["postgres"]]


def test_empty_text_turns_max_age_off(tmp_path: Path) -> None:
    config = load(write(tmp_path, edited('client_id = "daypass"', 'client_id = "daypass"\nmax_age = ""')))
    assert config.providers[0].max_age == ""


def test_one_error_lists_every_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('groups = ["dba"]', "").replace('"16h"', '"tomorrow"'))
    with pytest.raises(Misconfigured) as caught:
        load(path)
    lines = caught.value.message.splitlines()
    assert lines[0] == f"{path} has 2 mistakes:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["lifetimes.user", "roles[1]"]
    assert f"check-config --config {path}" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ca\n", "not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 4)"),
        ("a = 1\na = 2\n", "(at line 2, column 6)"),
        (b"# caf\xe9\n", "line 1 is not UTF-8"),
        (b"a = 1\n# \xff\n", "line 2 is not UTF-8"),
        (b"\xef\xbb\xbf" + GOOD.encode(), "starts with a byte order mark"),
        ("a = " + "[" * 4000, "nested too deep"),
        ("a = " + "9" * 4400, "line 1 is too long"),
        ("a = 0x" + "f" * 4090, "there is no such key"),
        (".".join("a" * 300) + " = 1", "line 1 is too long"),
        ("# padding\n" * 60_000, "larger than 512 KiB"),
        (b"\0", "not valid TOML"),
    ],
)
def test_what_is_no_configuration_at_all_is_said_in_one_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(write(tmp_path, text))
    assert said in caught.value.message


def test_the_longest_dotted_keys_that_pass_are_read_in_reasonable_time() -> None:
    text = "\n".join(f"k{number}" + ".a" * 250 + " = 1" for number in range(1000))
    start = time.process_time()  # work, and not waiting for others on a busy machine
    problems(text[: 512 * 1024])
    assert time.process_time() - start < 10


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path / "daypass.toml")
    assert caught.value.code == "config.missing"
    assert "daypass ca init" in (caught.value.hint or "")


def test_a_directory_in_its_place_is_misconfigured_too(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    assert caught.value.code == "config.unreadable"


_values = st.recursive(
    st.one_of(
        st.sampled_from(['"16h"', '"*"', '""', "1", "true", "1.5", "inf", "07:32:00", "1979-05-27", "[]", "{}"]),
        st.text(max_size=8).map(lambda text: "'" + text.replace("'", "").replace("\n", "") + "'"),
        st.integers().map(str),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda item: f"{{ name = {item} }}"),
    ),
    max_leaves=4,
)
_keys = st.sampled_from(
    "config_version name url names listen database keys use file domains user floor issuer client_id max_age scopes "
    "algorithms redirect_ports groups emails accounts lifetime provider reserved_logins bogus tenants git".split()
)
_heads = st.sampled_from(
    ["[ca]", "[[keys]]", "[hosts]", "[lifetimes]", "[[providers]]", "[[roles]]", "[keys]", "[x.y]", "roles = 3", ""]
)
_lines = st.one_of(_heads, st.builds(lambda key, value: f"{key} = {value}", _keys, _values))


@given(st.lists(_lines, max_size=12).map("\n".join))
@example('[[providers]]\nissuer = "https://["\n[[roles]]\nemails = ["@"]')
@example('[ca]\nurl = "https://[::1%25x]/"\nlisten = "[]:"')
def test_any_toml_gives_problems_and_never_an_exception(text: str) -> None:
    assert all(isinstance(problem, Problem) for problem in problems(text))


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_garbage_gives_problems_and_never_an_exception(text: str | bytes) -> None:
    assert problems(text)


def test_a_root_moves_every_path_and_nothing_else(tmp_path: Path) -> None:
    config = load(write(tmp_path, edited("[ca]", '[ca]\npassphrase_file = "/run/pass"')))
    moved = rebased(config, Path("/image"))
    assert moved.ca.database == "sqlite:////image/var/lib/daypass/ca.sqlite"
    assert moved.ca.passphrase_file == Path("/image/run/pass")
    assert moved.ca.admin_socket == Path("/image/run/daypass/admin.sock")
    assert [key.file.parts[:3] for key in moved.keys] == [("/", "image", "etc")] * 4
    assert policy_hash(moved) == policy_hash(config)
    assert rebased(config, Path("/")) == config


def test_a_root_moves_the_certificate_of_the_pages_too(tmp_path: Path) -> None:
    files = 'certificate = "/etc/daypass/pages.crt"\nkey = "/etc/daypass/pages.key"'
    config = load(write(tmp_path, edited("[hosts]", f'[pages]\nurl = "https://login.example.com"\n{files}\n[hosts]')))
    pages = rebased(config, Path("/image")).pages
    assert pages is not None
    assert (pages.certificate, pages.key) == (
        Path("/image/etc/daypass/pages.crt"),
        Path("/image/etc/daypass/pages.key"),
    )
    assert rebased(load(write(tmp_path, GOOD)), Path("/image")).pages is None


def test_a_root_leaves_a_database_server_where_it_is(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD.replace("sqlite:////var/lib/daypass/ca.sqlite", "postgresql://db/ca")))
    assert rebased(config, Path("/image")).ca.database == "postgresql://db/ca"


def test_the_policy_is_what_all_processes_share_and_holds_no_secret(tmp_path: Path) -> None:
    document = policy_document(load(write(tmp_path, WITH_SECRET)))
    assert document.startswith('{"ca":{"name":"Example"},"config_version":1,"hosts":{"domains":["*.example.com"]}')
    assert "hunter2" not in document
    assert "client_secret" not in document


def test_a_file_of_an_older_release_has_the_hash_it_had(tmp_path: Path) -> None:
    assert policy_hash(load(write(tmp_path, GOOD))).hex() == GOOD_HASH


def test_the_device_client_is_policy_and_its_secret_is_not(tmp_path: Path) -> None:
    device = 'client_id = "daypass"\ndevice_client_id = "tv"\ndevice_client_secret = "hunter3"'
    document = policy_document(load(write(tmp_path, edited('client_id = "daypass"', device))))
    assert '"device_client_id":"tv"' in document and "hunter3" not in document


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# nothing", "# a comment", True),
        ("[ca]", '[ca]\nlisten = "127.0.0.1:1"', True),
        ("hunter2-hunter2", "another", True),
        ("sqlite:////var/lib", "sqlite:////srv", True),
        ('user = "16h"', 'floor = "5m"\nuser = "16h"', True),
        ('user = "16h"', 'user = "15h"', False),
        ('groups = ["dba"]', 'groups = ["dba", "root"]', False),
        ("*.example.com", "*.example.org", False),
        ('"deploy"', "", False),
        ('client_id = "daypass"', 'client_id = "daypass2"', False),
        ('client_id = "daypass"', 'client_id = "daypass"\nweb_client_id = "web"', False),
        ("[hosts]", '[pages]\nurl = "https://pages.example.com"\n[hosts]', True),
        ('client_id = "daypass"', 'client_id = "daypass"\ndevice_client_id = "tv"', False),
        ('groups = ["dba"]', 'groups = ["dba"]\ngit = { "github.com" = "login" }', False),
        ('groups = ["dba"]', 'groups = ["dba"]\ngit = {}', True),
        ('groups = ["dba"]', 'groups = ["dba"]\nrefuse_remote = true', False),
    ],
)
def test_the_policy_hash_changes_with_the_policy_alone(tmp_path: Path, old: str, new: str, same: bool) -> None:
    text = WITH_SECRET + "# nothing\n"
    assert old in text
    before = policy_hash(load(write(tmp_path, text)))
    after = policy_hash(load(write(tmp_path, text.replace(old, new, 1))))
    assert (before == after) is same
