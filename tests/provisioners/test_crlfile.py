"""Revocation lists of X.509 issuers: who is named passes no more, and where nobody can say nobody passes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace
from tests.parts.clientcert import Client, make_root
from tests.provisioners.desk import NOW, StillClock
from tests.provisioners.test_x5c import MESH, ROOT, SPIFFE, show, uri

from daypass.config import X5cSection
from daypass.errors import Unauthenticated, Unavailable
from daypass.provisioners.x5c import X5cProvisioner

GOOD, BAD = ROOT.client([uri(SPIFFE)]), ROOT.client([uri(SPIFFE)])
ISSUING = ROOT.intermediate()
BELOW = ISSUING.client([uri(SPIFFE)])
NAMESAKE = make_root(NOW - 1800)  # the same name, another key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lists.crl"


def mesh(file: Path) -> X5cSection:
    return replace(MESH, crl_file=str(file))


def told(file: Path, client: Client) -> str:
    """`passes`, or the code of the refusal."""
    try:
        show(client, mesh(file))
    except (Unauthenticated, Unavailable) as error:
        return error.code
    return "passes"


def test_who_is_named_by_a_list_passes_no_more(file: Path) -> None:
    file.write_text(ROOT.revoked(BAD))
    assert (told(file, GOOD), told(file, BAD)) == ("passes", "x5c.certificate")


def test_an_issuer_between_is_looked_up_and_the_leafs_own_has_to_have_a_list(file: Path) -> None:
    file.write_text(ROOT.revoked())
    assert told(file, BELOW) == "x5c.crl"
    file.write_text("of the issuer\n" + ISSUING.revoked())
    assert told(file, BELOW) == "passes"
    issuer = Client(BELOW.key, BELOW.chain[1:])
    file.write_text(ISSUING.revoked() + "of the root\n" + ROOT.revoked(issuer))
    assert told(file, BELOW) == "x5c.certificate"
    file.write_text(ISSUING.revoked(BELOW) + ROOT.revoked())
    assert told(file, BELOW) == "x5c.certificate"


@pytest.mark.parametrize("text", [
    "", "nothing", ROOT.revoked(begins=-7200, hours=1), ROOT.revoked(begins=7200), NAMESAKE.revoked(),
    ROOT.revoked(signer=ec.generate_private_key(ec.SECP256R1())), ROOT.revoked()[:200], ISSUING.revoked(),
    ROOT.revoked(more=x509.DeltaCRLIndicator(1)),
    ROOT.revoked(more=x509.IssuingDistributionPoint(
        full_name=None, relative_name=None, only_contains_user_certs=False, only_contains_ca_certs=True,
        only_some_reasons=None, indirect_crl=False, only_contains_attribute_certs=False,
    )),
], ids=["empty", "none", "over", "tomorrow", "namesake", "forged", "cut", "other", "delta", "for CAs"])  # fmt: skip
def test_where_nobody_can_say_nobody_passes(file: Path, text: str) -> None:
    file.write_text(text)
    assert told(file, GOOD) == "x5c.crl"


def test_a_file_that_is_put_right_counts_at_once(file: Path) -> None:
    gate = X5cProvisioner(mesh(file), ["ca.example.com"], StillClock())

    def findings() -> list[bool]:
        return [each.ok for each in asyncio.run(gate.test())]

    assert (told(file, GOOD), findings()) == ("x5c.crl", [True, False])
    file.write_text(ROOT.revoked(BAD))
    assert (told(file, GOOD), findings()) == ("passes", [True, True])
    file.write_text(ROOT.revoked(GOOD, BAD))
    assert told(file, GOOD) == "x5c.certificate"
