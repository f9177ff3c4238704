"""canaille, a provider with pages, pushes its own people: what its manager does there is carried out here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.parts.canaille import Canaille, run_canaille
from tests.parts.needs import need
from tests.server.inbound.directory import Pushing, held, later, refused, run_pushing, sign_in


@pytest.fixture(scope="module")
def pushing() -> Iterator[Pushing]:
    need("canaille")
    with run_pushing("userName=sub", groups_from="scim") as found:
        yield found


@pytest.fixture(scope="module")
def canaille(pushing: Pushing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaille]:
    root = tmp_path_factory.mktemp("canaille") / "root.pem"
    root.write_text(pushing.company.root.pem)
    with run_canaille("http://127.0.0.1/callback") as found:
        assert refused(sign_in(pushing, "alice")) == "scim.inactive"
        found.push_to(f"{pushing.company.url}/scim/v2", pushing.token, root)
        yield found


@pytest.fixture(scope="module")
def pages(canaille: Canaille) -> Iterator[httpx2.Client]:
    with canaille.managing() as browser:
        yield browser


def test_its_people_sign_in_with_its_groups(pushing: Pushing, canaille: Canaille) -> None:
    assert sign_in(pushing, "alice", groups=[]).status_code == 201
    assert refused(sign_in(pushing, "dave", groups=["engineers"])).startswith("policy.")


def test_whoever_is_locked_in_its_pages_is_out_until_they_are_unlocked(
    pushing: Pushing, canaille: Canaille, pages: httpx2.Client
) -> None:
    assert sign_in(pushing, "alice").status_code == 201
    canaille.act(pages, "/profile/alice/settings", action="lock-execute")
    assert not any(held(pushing, "alice"))
    assert refused(sign_in(pushing, "alice")) == "scim.inactive"
    canaille.act(pages, "/profile/alice/settings", action="unlock")
    assert sign_in(pushing, "alice", **later(pushing)).status_code == 201


def test_whoever_is_taken_out_of_a_group_in_its_pages_loses_what_it_gave(
    pushing: Pushing, canaille: Canaille, pages: httpx2.Client
) -> None:
    assert sign_in(pushing, "alice", **later(pushing)).status_code == 201
    found = pushing.web.get("Users", params={"filter": 'userName eq "alice"'}).json()["Resources"][0]
    canaille.act(pages, "/groups/engineers", action="remove-member", member=found["externalId"])
    assert not any(held(pushing, "alice"))
    assert refused(sign_in(pushing, "alice", **later(pushing))).startswith("policy.")


def test_whoever_is_deleted_in_its_pages_is_out(pushing: Pushing, canaille: Canaille, pages: httpx2.Client) -> None:
    canaille.act(pages, "/profile/alice/settings", action="delete-execute")
    assert refused(sign_in(pushing, "alice")) == "scim.inactive"
    assert "alice" not in pushing.web.get("Users").text


def test_the_hashes_of_passwords_that_it_pushes_are_nowhere(
    pushing: Pushing, canaille: Canaille, tmp_path: Path
) -> None:
    rows = pushing.company.wait(pushing.company.heart.store.ledger(0, 10_000))
    said = b"".join(row.entry for row in rows) + pushing.web.get("Users").content
    database = Path(pushing.company.heart.store._database.engine.url.database or "")
    for each in (said, *(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))):
        assert b"$argon2" not in each and b"$pbkdf2" not in each and b"password" not in each.lower()
