"""Hosts that enrol by their name: whose name it is comes first, and nobody's is taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.provisioners.desk import CA_ID, KEY, NOW, OTHER_KEY, StillClock
from tests.provisioners.kinds.port22 import SECTION

from daypass.ca.ports import HostRecord
from daypass.errors import Conflict, Unauthenticated
from daypass.model import Credential, Proof, Secret
from daypass.provisioners.port22 import Port22Provisioner
from daypass.wire import PublicKey
from daypass.wire.nametoken import NameToken

NAME = "old-1.example.com"
GOOD = Credential(
    Secret(NameToken(int(NOW), NAME).encode()), (KEY,), act=b"enrol", possessed=True, address="192.0.2.7"
)


class Port:
    """Who was connected to, and who is on record."""

    def __init__(self, *known: HostRecord) -> None:
        self.known, self.asked = known, list[tuple[object, ...]]()

    async def prove(
        self, where: str, keys: Sequence[PublicKey], networks: Sequence[str], *, port: int, caller: str
    ) -> None:
        self.asked.append((where, tuple(keys), tuple(networks), port, caller))

    async def lookup(self, name: str) -> HostRecord | None:
        return next((each for each in self.known if each.name == name), None)

    def show(self, credential: Credential) -> Proof:
        section = replace(SECTION, labels={"from": "scan"}, port=2222)
        provisioner = Port22Provisioner(
            section, CA_ID, lambda name: name.startswith("old-"), self.lookup, StillClock(), self.prove
        )
        return asyncio.run(provisioner.authenticate(credential))


def on_record(*keys: PublicKey) -> HostRecord:
    return HostRecord("0" * 32, NAME, (), {}, tuple(key.blob for key in keys), live_until=0)


def test_a_proof_carries_the_name_and_the_operator_s_labels() -> None:
    port = Port()
    proof = port.show(replace(GOOD, keys=(KEY, OTHER_KEY)))
    assert proof.enrolment is not None
    assert (proof.enrolment.name, proof.enrolment.labels, proof.enrolment.aliases) == (NAME, {"from": "scan"}, ())
    assert port.asked == [(NAME, (KEY, OTHER_KEY), ("10.0.0.0/8",), 2222, "192.0.2.7")]
    assert proof.joins is None and proof.identity.subject == NAME


def word(time: float = NOW, name: str = NAME) -> Secret:
    return Secret(NameToken(int(time), name).encode())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"possessed": False}, "port22.possession"),
        ({"act": b"login"}, "port22.act"),
        ({"token": word(name="new-1.example.com")}, "port22.name"),
        ({"token": word(name="old-1..example.com")}, "port22.name"),
        ({"token": word(name="old-1.10.0.0.1")}, "port22.name"),
        ({"token": word(time=NOW - 600)}, "port22.time"),
        ({"token": word(time=NOW + 61)}, "port22.time"),
        ({"token": Secret("ssh1.x")}, "port22.form"),
    ],
)
def test_nobody_is_connected_to_for_a_word_that_does_not_hold(change: dict[str, object], code: str) -> None:
    port = Port()
    with pytest.raises(Unauthenticated) as error:
        port.show(replace(GOOD, **change))
    assert (error.value.code, port.asked) == (code, [])


def test_a_name_on_record_with_another_key_stays_where_it_is_though_it_has_no_live_certificate() -> None:
    port = Port(on_record(OTHER_KEY))
    with pytest.raises(Conflict, match="other keys"):
        port.show(GOOD)
    with pytest.raises(Conflict):  # one of its keys does not bring another along
        port.show(replace(GOOD, keys=(KEY, OTHER_KEY)))
    assert port.asked == []


def test_a_host_comes_back_with_its_own_keys() -> None:
    port = Port(on_record(OTHER_KEY, KEY))
    assert port.show(GOOD).enrolment is not None
    assert len(port.asked) == 1


def test_the_same_word_by_other_keys_is_another_use() -> None:
    port = Port()
    assert port.show(GOOD).once == port.show(GOOD).once != port.show(replace(GOOD, keys=(OTHER_KEY,))).once
