"""Security event tokens: RFC 8417 as Shared Signals, CAEP and RISC profile it; whom they may name (trust 6.9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.docs.pages import ROOT
from tests.parts.jose import SigningKey, hs256_with_public_key, stranger, unsigned
from tests.parts.op import Op, run_op
from tests.parts.transmitter import CAEP, RISC, event_token, run_transmitter
from tests.provisioners.desk import NOW, TRUST_STORE, Desk, StillClock, open_desk, section_for
from tests.provisioners.test_logout import token as logout_token

from daypass.ca.inbound_ports import Deed, SecurityEvents, Signal, Subject
from daypass.config import SignalsSection
from daypass.errors import Denied, NotFound, Unauthenticated, Unavailable
from daypass.provisioners.events import DEEDS, MAX_AGE
from daypass.provisioners.inbound import InboundReader

AUDIENCE = "https://ca.example.com/signals"
SIGNALS = SignalsSection(audience=AUDIENCE)
ENDS, LOCKS, OPENS = Deed(ends=True), Deed(ends=True, locks=True), Deed(opens=True)


@pytest.fixture(scope="module")
def calm() -> Iterator[Desk]:
    with run_op() as op, open_desk(op) as desk:
        yield desk


def alice(op: Op) -> dict[str, Any]:
    return {"format": "iss_sub", "iss": op.issuer, "sub": "alice-1"}


def event(op: Op, uri: str = f"{CAEP}session-revoked", *, key: SigningKey | None = None, **change: Any) -> str:
    honest: dict[str, Any] = {"iss": op.issuer, "aud": AUDIENCE, "iat": NOW, "jti": "set-1", "sub_id": alice(op)}
    return event_token(key or op.key, uri, **{**honest, **change})


def read(desk: Desk, text: str, signals: SignalsSection | None = SIGNALS, **section: object) -> SecurityEvents:
    async def go() -> SecurityEvents:
        async with httpx2.AsyncClient(verify=TRUST_STORE) as http:
            own = section_for(desk.op, signals=signals, **section)
            return await InboundReader(own, desk.provisioner.keys, StillClock(), http).events(text)

    return desk.runner.run(go())


def one(desk: Desk, text: str) -> Signal:
    (signal,) = read(desk, text).signals
    return signal


def test_an_event_says_what_happened_to_whom_and_when(calm: Desk) -> None:
    found = read(calm, event(calm.op, event={"event_timestamp": NOW - 7}))
    about = Subject(issuer=calm.op.issuer, subject="alice-1")
    assert (found.issuer, found.jti) == (calm.op.issuer, "set-1")
    assert found.signals == (Signal(type="session-revoked", deed=ENDS, subjects=(about,), at=NOW - 7),)


@pytest.mark.parametrize(
    ("uri", "deed"),
    [
        (f"{CAEP}session-revoked", ENDS),
        (f"{CAEP}credential-change", ENDS),
        (f"{RISC}sessions-revoked", ENDS),
        (f"{RISC}credential-compromise", ENDS),
        (f"{RISC}account-credential-change-required", ENDS),
        (f"{RISC}account-disabled", LOCKS),
        (f"{RISC}account-purged", LOCKS),
        (f"{RISC}account-enabled", OPENS),
        (f"{CAEP}token-claims-change", Deed()),
        (f"{CAEP}assurance-level-change", Deed()),
        ("https://elsewhere.example/event-type/session-revoked", Deed()),
        ("https://schemas.openid.net/secevent/ssf/event-type/verification", Deed()),
    ],
)
def test_what_each_event_means_here(calm: Desk, uri: str, deed: Deed) -> None:
    assert one(calm, event(calm.op, uri)).deed == deed


@pytest.mark.parametrize(("change", "deed"), [("create", Deed()), ("revoke", ENDS), ("update", ENDS), (None, ENDS)])
def test_one_more_authenticator_takes_nothing_away(calm: Desk, change: str | None, deed: Deed) -> None:
    assert one(calm, event(calm.op, f"{CAEP}credential-change", event={"change_type": change})).deed == deed


@pytest.mark.parametrize(
    ("subject", "whom"),
    [
        ({"format": "iss_sub", "sub": "alice-1"}, {"subject": "alice-1"}),
        ({"subject_type": "iss-sub", "sub": "alice-1"}, {"subject": "alice-1"}),
        ({"format": "opaque", "id": "alice-1"}, {"subject": "alice-1"}),
        ({"format": "email", "email": "Alice@EXAMPLE.com"}, {"email": "Alice@example.com"}),
        ({"format": "complex", "user": {"format": "opaque", "id": "a"}}, {"subject": "a"}),
        ({"user": {"format": "opaque", "id": "a"}, "device": {"format": "opaque", "id": "d"}}, {"subject": "a"}),
        ({"format": "complex", "user": {"format": "opaque", "id": "a"}, "session": {"format": "opaque", "id": "s"}},
         {"subject": "a", "session": "s"}),
        ({"format": "complex", "session": {"format": "opaque", "id": "s"}}, {"session": "s"}),
        ({"format": "phone_number", "phone_number": "+123"}, None),
        ({"format": "complex", "tenant": {"format": "opaque", "id": "t"}}, None),
        ({"format": "complex", "user": {"format": "phone_number"}, "session": {"format": "opaque", "id": "s"}}, None),
    ],
)  # fmt: skip
def test_every_form_of_subject_that_is_known(calm: Desk, subject: dict[str, object], whom: dict[str, str]) -> None:
    if str(subject.get("format", subject.get("subject_type"))).replace("-", "_") == "iss_sub":
        subject = {**subject, "iss": calm.op.issuer}
    expected = (Subject(issuer=calm.op.issuer, **whom),) if whom else ()
    assert one(calm, event(calm.op, sub_id=subject)).subjects == expected
    within = event(calm.op, without=("sub_id",), event={"subject": subject})  # as it was before 1.0
    assert one(calm, within).subjects == expected


def test_aliases_are_the_same_one_several_times_and_never_within_each_other(calm: Desk) -> None:
    names = [alice(calm.op), {"format": "email", "email": "alice@example.com"}]
    nested = {"format": "aliases", "identifiers": [*names, {"format": "aliases", "identifiers": names}]}
    assert [bool(each.subject) for each in one(calm, event(calm.op, sub_id=nested)).subjects] == [True, False]


def test_the_subject_of_the_token_itself_is_of_its_issuer(calm: Desk) -> None:
    (found,) = one(calm, event(calm.op, without=("sub_id",), sub="alice-1")).subjects
    assert found == Subject(issuer=calm.op.issuer, subject="alice-1")


@pytest.mark.parametrize(
    ("code", "change", "without"),
    [
        ("kind", {"header": {"typ": "JWT"}}, ()),
        ("kind", {"header": {"typ": None}}, ()),
        ("kind", {"header": {"typ": "logout+jwt"}}, ()),
        ("issuer", {"iss": "https://elsewhere.example"}, ()),
        ("issuer", {}, ("iss",)),
        ("audience", {"aud": "somebody else"}, ()),
        ("audience", {"aud": ["somebody", "else"]}, ()),
        ("audience", {}, ("aud",)),
        ("issued", {}, ("iat",)),
        ("not-yet", {"iat": NOW + 61}, ()),
        ("old", {"iat": NOW - MAX_AGE - 1}, ()),
        ("old", {"exp": NOW - 61}, ()),
        ("claim", {"iat": True}, ()),
        ("jti", {}, ("jti",)),
        ("events", {}, ("events",)),
        ("events", {"events": {}}, ()),
        ("events", {"events": [f"{CAEP}session-revoked"]}, ()),
        ("events", {"events": {f"{CAEP}session-revoked": None}}, ()),
        ("events", {"events": {f"https://x.example/{n}": {} for n in range(21)}}, ()),
        ("nonce", {"nonce": "n"}, ()),
        ("subject", {}, ("sub_id",)),
        ("subject", {"sub_id": "alice-1"}, ()),
        ("subject", {"sub_id": {"format": "opaque"}}, ()),
        ("subject", {"sub_id": {"format": "opaque", "id": "a\x1b[2J"}}, ()),
        ("subject", {"sub_id": {"format": "aliases", "identifiers": [{"format": "opaque", "id": "a"}] * 21}}, ()),
        ("token", {"header": {"crit": ["b64"], "b64": False}}, ()),
        ("key", {"header": {"kid": "unheard-of"}}, ()),
        ("algorithm", {"header": {"alg": "none"}}, ()),
        ("token", {"pad": "x" * 16384}, ()),
    ],
)  # fmt: skip
def test_what_is_no_event_for_us_fails_for_its_own_reason(
    calm: Desk, code: str, change: dict[str, Any], without: tuple[str, ...]
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        read(calm, event(calm.op, without=without, **change))
    assert refused.value.code == f"oidc.{code}"


def test_a_late_event_still_counts_and_none_happened_after_it_was_told(calm: Desk) -> None:
    assert one(calm, event(calm.op, iat=NOW - 86400 * 3)).at == NOW - 86400 * 3
    assert one(calm, event(calm.op, toe=NOW + 500)).at == NOW
    assert one(calm, event(calm.op, toe=NOW - 5)).at == NOW - 5


def test_only_the_transmitters_own_signature_counts(calm: Desk) -> None:
    for key in (stranger(), hs256_with_public_key(calm.op.key), unsigned()):
        headers: tuple[dict[str, Any], ...] = ({}, {"alg": calm.op.key.alg, "kid": calm.op.key.kid})
        for header in headers:
            with pytest.raises(Unauthenticated):
                read(calm, event(calm.op, key=key, header=header))


def test_no_other_token_of_the_provider_is_an_event_and_an_event_is_no_other(calm: Desk) -> None:
    for text in (calm.token(), logout_token(calm.op), calm.op.mint(header={"typ": "at+jwt"}, scope="openid")):
        with pytest.raises(Unauthenticated):
            read(calm, text)
    as_id_token = event(calm.op, aud=calm.op.client_id, sub="alice-1", exp=NOW + 300, auth_time=NOW)
    with pytest.raises(Unauthenticated) as refused:
        calm.show(as_id_token)
    assert refused.value.code == "oidc.kind"


@pytest.mark.parametrize("sub_id", [
    {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "alice-1"},
    {"format": "complex", "user": {"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "alice-1"}},
    {"format": "aliases", "identifiers": [{"format": "iss_sub", "iss": "https://elsewhere.example", "sub": "a"}]},
])  # fmt: skip
def test_a_transmitter_names_only_subjects_of_its_own_issuer(calm: Desk, sub_id: dict[str, object]) -> None:
    with pytest.raises(Denied) as denied:
        read(calm, event(calm.op, sub_id=sub_id))
    assert denied.value.code == "signal.foreign"


def test_without_a_section_no_event_is_taken(calm: Desk) -> None:
    with pytest.raises(NotFound):
        read(calm, event(calm.op), None)


def test_a_transmitter_of_another_name_has_keys_of_its_own() -> None:
    with run_op() as op, open_desk(op) as desk, run_transmitter() as transmitter:
        signals = SignalsSection(audience=transmitter.audience, issuer=transmitter.issuer)
        text = transmitter.token(f"{RISC}account-disabled", iat=NOW, sub_id=alice(op))
        assert read(desk, text, signals).signals[0].subjects == (Subject(issuer=op.issuer, subject="alice-1"),)
        own = transmitter.token(f"{RISC}account-disabled", iat=NOW, sub="alice-1")
        assert read(desk, own, signals).signals[0].subjects == (Subject(issuer=op.issuer, subject="alice-1"),)
        for wrong in (event(op), event(op, iss=transmitter.issuer)):
            with pytest.raises(Unauthenticated):
                read(desk, wrong, signals)
        named = SignalsSection(
            audience=transmitter.audience, issuer=transmitter.issuer, jwks_uri=f"{transmitter.issuer}/jwks"
        )
        transmitter.metadata = {}
        assert read(desk, text, named)
        with pytest.raises(Unavailable):
            read(desk, text, signals)


def test_a_key_set_that_another_transmitter_names_is_not_fetched() -> None:
    with run_op() as op, open_desk(op) as desk, run_transmitter() as transmitter:
        signals = SignalsSection(audience=transmitter.audience, issuer=transmitter.issuer)
        transmitter.metadata["issuer"] = "https://elsewhere.example"
        with pytest.raises(Unavailable):
            read(desk, transmitter.token(f"{CAEP}session-revoked", iat=NOW, sub_id=alice(op)), signals)


def test_everything_that_means_something_is_in_the_guide() -> None:
    guide = (ROOT / "docs/guide/signals.md").read_text("utf-8")
    assert not [uri for uri in DEEDS if f"`{uri.rpartition('/')[2]}`" not in guide]


def test_a_subject_within_a_subject_within_a_subject_is_no_subject(calm: Desk) -> None:
    deep: dict[str, object] = alice(calm.op)
    for _ in range(400):
        deep = {"user": deep}
    assert one(calm, event(calm.op, sub_id=deep)).subjects == ()


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["format", "iss", "sub", "id", "user", "session", "identifiers", "email"]),
                        inner | st.sampled_from(["iss_sub", "opaque", "complex", "aliases"]), max_size=4),
                    max_leaves=8)  # fmt: skip


@settings(max_examples=80)
@given(JSON, JSON)
def test_subjects_and_events_of_any_shape_are_read_or_refused(calm: Desk, subject: object, event_: object) -> None:
    try:
        read(calm, event(calm.op, sub_id=subject, events={f"{RISC}account-disabled": event_}))
    except (Unauthenticated, Denied) as error:
        assert error.message
