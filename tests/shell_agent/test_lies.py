"""Whatever sits in the CA's place can answer what it likes: only the truth changes anything on the machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.host.box import Box
from tests.host.fake_ca import FakeCa, public
from tests.host.test_answer import LIES, Lie, bundle, signed_by_stranger
from tests.host.tls_ca import TlsCa, run_tls_ca
from tests.shell_agent.shell_box import ShellBox, in_lines

OF_JSON = {  # what answers in lines do not hold, or what a host without a name yet can't know
    "bundle of another host",
    "answer with another name",
    "role that stands twice",
    "certificate with a newline",
}
WORDS = {  # what the agent in shell says of some of them
    "does not hold": "is none",
    "cut short": "is none",
    "is a user certificate": "is no host certificate",
    "has expired": " not valid now| has expired",
    "not valid yet": "not valid now",
    "400 days": "has no end",
    "0 certificates": "another number of certificates",
    "another host": "names no host|does not name",
    "no KRL": "not the one",
    "can't be one": "can not stand",
    "can't stand on a line": "can not stand",
}
TOLD = [row for row in LIES if row[0] not in OF_JSON]


def own_user_ca(ca: FakeCa) -> None:
    """A bundle key that was stolen tries to bring a user CA along."""
    ca.bundle.update(user_ca=[public(ca.user_ca).line(), public(ca.stranger).line()])


TOLD.append(("user CA key that the trust document does not name", own_user_ca, "the trust document does not"))


@pytest.fixture
def ca(box: Box) -> Iterator[TlsCa]:
    with run_tls_ca(box.ca, box.root / "sshd", in_lines) as running:
        yield running


def tree(box: Box) -> dict[str, tuple[int, bytes]]:
    return {path: found for path, found in box.tree().items() if path != "token"}


@pytest.mark.parametrize(("lie", "words"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
def test_a_lie_is_refused_and_nothing_is_written(box: Box, ca: TlsCa, lie: Lie, words: str) -> None:
    lie(box.ca)
    before = tree(box)
    ran = ShellBox(box).enroll(ca.token(), "--no-reload", code=-1)
    assert ran.returncode in (3, 4), ran.stderr
    assert re.search(WORDS.get(words, words), ran.stderr), ran.stderr
    assert tree(box) == before


LATER: list[tuple[str, Lie]] = [
    ("forged bundle", signed_by_stranger("bundle")),
    ("forged trust document", signed_by_stranger("trust")),
    ("bundle older than the last", bundle(version=4, roles=[])),
    ("bundle of another host", bundle(host_id="h-2", version=6, roles=[])),
    ("bundle with another name", bundle(name="web-2.example.com", version=6, roles=[])),
    ("bundle that has expired", bundle(expires=1, version=6, roles=[])),
    ("bundle from the future", bundle(issued_at=2**33, expires=2**34, version=6, roles=[])),
]


@pytest.mark.parametrize("lie", [row[1] for row in LATER], ids=[row[0] for row in LATER])
def test_an_enrolled_host_goes_on_with_what_it_had(box: Box, ca: TlsCa, lie: Lie) -> None:
    machine = ShellBox(box)
    bundle(version=5)(box.ca)
    machine.enroll(ca.token(), "--no-reload")
    before = tree(box)
    lie(box.ca)
    machine.run("sync", code=-1)
    assert tree(box) == before
    box.ca.signers.clear()
    box.ca.bundle.clear()
    bundle(version=7, roles=[])(box.ca)
    machine.run("sync")
    assert not list(box.paths.principals.iterdir())


def test_keys_are_rotated_by_the_offline_root_alone(box: Box, ca: TlsCa) -> None:
    """Another user CA and bundle key are followed once the trust document names them, and not before."""
    machine, fake = ShellBox(box), box.ca
    machine.enroll(ca.token(), "--no-reload")
    fake.signers.update(bundle=fake.stranger)
    bundle(version=2, user_ca=[public(fake.stranger).line()])(fake)
    assert "not signed by a key of this CA" in machine.run("sync", code=4).stderr
    keys = {"user_ca": [public(fake.stranger).line()], "bundle_keys": [public(fake.stranger).line()]}
    fake.trust.update(version=2, **keys)
    machine.run("sync")
    assert (machine.ours / "user_ca.pub").read_text() == f"{public(fake.stranger).line()}\n"
    fake.trust.update(version=1, bundle_keys=[public(fake.bundle_key).line()])
    assert "version 2 was seen before" in machine.run("sync", code=7).stderr


def test_another_root_than_the_token_s_is_not_believed(box: Box, ca: TlsCa) -> None:
    ran = ShellBox(box).enroll(replace(ca, fingerprint="0" * 64).token(), code=4)
    assert "another root" in ran.stderr


@pytest.mark.parametrize("token", ["", "dpj1.", "dpj1.!!", "$(touch /tmp/x)", "dpj1." + "A" * 400])
def test_what_is_no_token_is_not_used(box: Box, token: str) -> None:
    assert "not a join token" in ShellBox(box).enroll(token, code=3).stderr
