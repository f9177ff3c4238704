"""Agent messages, against the real ssh-agent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.parts.openssh import run_agent
from tests.wire.making import damaged, opened, private_key, public_key, signed
from tests.wire.openssh import PLAIN, Keyring

from daypass.errors import Invalid
from daypass.wire import Certificate, PublicKey, agent, string, uint32

DATA = b"what is signed"
Ask = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """The socket of an ssh-agent."""
    with run_agent() as started:
        yield started.socket


@pytest.fixture
def ask(running: Path) -> Iterator[Ask]:
    """A conversation with an agent that holds nothing yet."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(running))

        def exchange(message: bytes) -> bytes:
            connection.sendall(agent.frame(message))
            answer: bytes | None = None
            received = b""
            while answer is None:
                received += connection.recv(65536)
                answer, rest = agent.split_frame(received)
            assert rest == b""
            return answer

        for identity in agent.identities(exchange(agent.request_identities())):
            agent.expect_success(exchange(agent.remove_identity(identity.blob)))
        yield exchange


def held(ask: Ask) -> list[tuple[bytes, str]]:
    return [(each.blob, each.comment) for each in agent.identities(ask(agent.request_identities()))]


def sign(ask: Ask, blob: bytes, flags: int = agent.RSA_SHA2_512) -> bytes:
    return agent.signature(ask(agent.sign_request(blob, DATA, flags)))


@pytest.mark.parametrize("name", PLAIN)
def test_the_agent_signs_with_a_key_it_was_given(keyring: Keyring, ask: Ask, name: str) -> None:
    key = PublicKey.from_line(keyring.line(name))
    agent.expect_success(ask(agent.add_identity(opened(keyring, name), comment="laptop")))
    assert held(ask) == [(key.blob, "laptop")]
    key.verify(sign(ask, key.blob), DATA)


@pytest.mark.parametrize("name", PLAIN)
def test_the_agent_signs_with_a_certificate_it_was_given(keyring: Keyring, ask: Ask, name: str) -> None:
    key = PublicKey.from_line(keyring.line(name))
    blob = signed(public_key=key).encode()
    agent.expect_success(ask(agent.add_identity(opened(keyring, name), blob, comment="day pass", lifetime=60)))
    assert held(ask) == [(blob, "day pass")]
    key.verify(sign(ask, blob), DATA)


def test_a_certificate_comes_back_from_the_agent_as_it_went_in(ask: Ask) -> None:
    certificate = signed()
    agent.expect_success(ask(agent.add_identity(private_key(2), certificate.encode())))
    ((blob, _),) = held(ask)
    assert Certificate.parse(blob) == certificate


def test_rsa_signs_with_sha1_unless_the_flags_say_otherwise(keyring: Keyring, ask: Ask) -> None:
    key = PublicKey.from_line(keyring.line("rsa-2048"))
    agent.expect_success(ask(agent.add_identity(opened(keyring, "rsa-2048"))))
    key.verify(sign(ask, key.blob, agent.RSA_SHA2_256), DATA)
    with pytest.raises(Invalid, match="does not sign with 'ssh-rsa'"):
        key.verify(sign(ask, key.blob, 0), DATA)


def test_a_key_is_gone_after_its_lifetime(ask: Ask) -> None:
    agent.expect_success(ask(agent.add_identity(private_key(2), lifetime=1)))
    assert len(held(ask)) == 1
    deadline = time.monotonic() + 30
    while held(ask) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert held(ask) == []


def test_a_key_is_gone_once_removed(ask: Ask) -> None:
    agent.expect_success(ask(agent.add_identity(private_key(2))))
    agent.expect_success(ask(agent.remove_identity(public_key(2).blob)))
    assert held(ask) == []


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("a key it does not hold", agent.sign_request(public_key(9).blob, DATA)),
        ("the removal of a key it does not hold", agent.remove_identity(public_key(9).blob)),
        (
            "a constraint it does not know",
            agent.add_identity(private_key(3), extensions=[agent.ConstraintExtension("no@example.com", b"")]),
        ),
        ("a request it does not know", agent.extension("no@example.com")),
    ],
)
def test_a_refusal_is_an_error(ask: Ask, what: str, message: bytes) -> None:
    """CVE-2023-51384, CVE-2026-39832: a constraint that was not honoured must never pass for one that was."""
    with pytest.raises(Invalid) as caught:
        agent.expect_success(ask(message))
    assert caught.value.code == "agent-refused"


def test_an_agent_that_must_ask_and_can_not_refuses_to_sign(ask: Ask) -> None:
    agent.expect_success(ask(agent.add_identity(private_key(2), confirm=True)))
    with pytest.raises(Invalid):
        sign(ask, public_key(2).blob)


def test_constraints_stand_behind_the_comment() -> None:
    extension = agent.ConstraintExtension("a@example.com", b"content")
    message = agent.add_identity(private_key(2), lifetime=60, confirm=True, extensions=[extension])
    assert message[0] == 25
    assert message.endswith(b"\x01" + uint32(60) + b"\x02" + b"\xff" + string("a@example.com") + b"content")


def test_a_certificate_for_another_key_is_never_sent() -> None:
    with pytest.raises(Invalid, match="another key"):
        agent.add_identity(private_key(3), signed().encode())


@pytest.mark.parametrize("lifetime", [0, -1, 2**32])
def test_a_lifetime_the_agent_would_misread_is_never_sent(lifetime: int) -> None:
    with pytest.raises(Invalid):
        agent.add_identity(private_key(2), lifetime=lifetime)


def test_a_comment_that_is_not_utf8_hides_nothing() -> None:
    answer = b"\x0c" + uint32(2) + string(b"a") + string(b"caf\xe9") + string(b"b") + string("ours")
    assert [each.comment for each in agent.identities(answer)] == ["caf\ufffd", "ours"]


@pytest.mark.parametrize(
    ("sin", "answer"),
    [
        ("nothing", b""),
        ("another message", b"\x06"),
        ("one key of two", b"\x0c" + uint32(2) + string(b"a") + string(b"b")),
        ("a byte behind the last key", b"\x0c" + uint32(0) + b"\0"),
    ],
)
def test_a_bad_answer_is_refused(sin: str, answer: bytes) -> None:
    with pytest.raises(Invalid):
        agent.identities(answer)


def test_more_keys_than_anyone_holds_are_refused_by_their_number() -> None:
    with pytest.raises(Invalid, match="4294967295 keys"):
        agent.identities(b"\x0c" + uint32(2**32 - 1))


@pytest.mark.parametrize("answer", [b"", b"\x05", b"\x06\0", b"\x0c"])
def test_only_success_is_success(answer: bytes) -> None:
    with pytest.raises(Invalid):
        agent.expect_success(answer)


@given(damaged(st.sampled_from([b"\x0c" + uint32(1) + string(b"blob") + string("me"), b"\x0e" + string(b"s")])))
def test_a_damaged_answer_is_read_or_refused(answer: bytes) -> None:
    for read in (agent.identities, agent.signature, agent.expect_success):
        try:
            read(answer)
        except Invalid:
            continue


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=300))
def test_frames_come_apart_wherever_the_stream_is_cut(message: bytes, following: bytes) -> None:
    stream = agent.frame(message) + following
    assert agent.split_frame(stream) == (message, following)
    for cut in range(0, len(message) + 4, 7):
        assert agent.split_frame(stream[:cut]) == (None, stream[:cut])


@pytest.mark.parametrize("size", [0, agent.MAX_MESSAGE_BYTES + 1, 2**32 - 1])
def test_a_frame_of_impossible_size_is_refused_by_its_head(size: int) -> None:
    with pytest.raises(Invalid):
        agent.frame_length(uint32(size))
    with pytest.raises(Invalid):
        agent.split_frame(uint32(size))


def test_a_message_of_impossible_size_is_never_sent() -> None:
    for message in (b"", bytes(agent.MAX_MESSAGE_BYTES + 1)):
        with pytest.raises(Invalid):
            agent.frame(message)
