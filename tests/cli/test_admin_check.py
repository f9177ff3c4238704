"""`daypass ca check-config` beside a database: what is on record counts, and its absence is said."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.cli.kit import Admin
from tests.config.sample import GOOD
from tests.store.build import host_recording, person, recording
from tests.store.conftest import opened

from daypass.ca.host_ports import HostAccounts
from daypass.cli.main import main
from daypass.model import HostFacts
from daypass.store import open_store


@pytest.fixture
def admin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Admin:
    text = GOOD.replace("/var/lib/daypass/ca.sqlite", f"{tmp_path}/ca.sqlite")
    (tmp_path / "daypass.toml").write_text(text)
    return Admin(tmp_path, capsys)


def fill(folder: Path) -> None:
    """Ann has signed in with the group `staf`, and web-1 has the account `postgresql`."""

    async def go() -> None:
        url = f"sqlite:///{folder}/ca.sqlite"
        await open_store(url, create=True).close()
        async with opened(url) as store:
            ann = replace(person("ann"), provider="corp", groups=frozenset({"staf"}))
            await store.record(recording(ann))
            await store.record(host_recording(HostFacts("web-1.example.com")))
            (web,) = await store.hosts()
            await store.host_synced(web.id, HostAccounts(("root", "postgresql")), 1, 1)

    asyncio.run(go())


def test_what_is_on_record_is_held_against_the_file(admin: Admin, tmp_path: Path) -> None:
    fill(tmp_path)
    code, out, err = admin("ca", "check-config")
    assert code == 0
    assert out.splitlines()[:3] == [
        'warning: roles[0].groups[0]: "staff" was in no sign-in on record (did you mean "staf"?)',
        'warning: roles[1].groups[0]: "dba" was in no sign-in on record',
        'warning: roles[1].accounts[0]: no host that the role reaches has an account "postgres" '
        '(did you mean "postgresql"?)',
    ]
    assert "of 1 person on record it is for 0" in out
    assert "on record" not in err


def test_in_json_it_says_how_many_people_each_role_is_for(admin: Admin, tmp_path: Path) -> None:
    fill(tmp_path)
    answer = json.loads(admin("ca", "check-config", "--json")[1])
    assert answer["ok"] is True and len(answer["problems"]) == 3
    assert answer["on_record"] == {"people": 1, "hosts": 1, "roles": {"staff": 0, "dba": 0}}
    assert answer["not_on_record"] is None


def test_without_a_database_it_says_that_nothing_on_record_was_looked_at(admin: Admin, tmp_path: Path) -> None:
    _, _, err = admin("ca", "check-config")
    assert f"not held against people and hosts on record: there is no database at {tmp_path}/ca.sqlite" in err
    answer = json.loads(admin("ca", "check-config", "--json")[1])
    assert answer["on_record"] is None and "no database" in answer["not_on_record"]
    assert not (tmp_path / "ca.sqlite").exists()


def test_a_mistake_in_an_included_file_is_told_by_that_file(admin: Admin, tmp_path: Path) -> None:
    (tmp_path / "roles.d").mkdir(mode=0o755)
    extra = tmp_path / "roles.d" / "web.toml"
    extra.write_text('[[roles]]\nname = "web"\ngroups = ["web"]\naccounts = ["app"]\n')
    extra.chmod(0o644)
    admin.config.write_text('include = ["roles.d/*.toml"]\n' + admin.config.read_text())
    code, out, _ = admin("ca", "check-config")
    assert (code, out) == (1, 'error: roles.d/web.toml: roles[0]: reaches no host (hosts = ["*"] for every host)\n')
    assert json.loads(admin("ca", "check-config", "--json")[1])["problems"][0]["file"] == "roles.d/web.toml"


def test_below_a_root_files_are_included_and_the_database_is_looked_for_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "etc/daypass"
    (folder / "roles.d").mkdir(parents=True)
    (folder / "daypass.toml").write_text('include = ["roles.d/*.toml"]\n' + GOOD)
    (folder / "roles.d/web.toml").write_text(GOOD[GOOD.index("[[roles]]") :].replace('"staff"', '"web"', 1))
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o755)
    assert main(["ca", "check-config", "--root", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out == 'error: roles.d/web.toml: roles[1].name: "dba" is taken by another one\n'
    text = (folder / "roles.d/web.toml").read_text().replace('"dba"', '"ops"', 1)
    (folder / "roles.d/web.toml").write_text(text)
    assert main(["ca", "check-config", "--root", str(tmp_path)]) == 0
    assert f"there is no database at {tmp_path}/var/lib/daypass/ca.sqlite" in capsys.readouterr()[1]
