"""Answers: the error tree as statuses, the headers on each, what a log line says, what a step client reads."""

from __future__ import annotations

import logging
import re
import ssl
from base64 import b64encode
from typing import Any

import httpx2
import pytest
from tests.server.kit import GOOD, Double, Root, Running, key, public_info, running

from daypass import api, errors
from daypass.errors import DaypassError
from daypass.server import answers, app
from daypass.server.routes import PublicRoutes

PUBLIC = key()[1]
BODY = {"publicKey": b64encode(PUBLIC.blob).decode(), "ott": GOOD}


def fails_with(server: Running, error: BaseException) -> None:
    def answer(request: Any, credential: Any) -> Any:
        raise error

    server.heart.answer = answer


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.Invalid, 400),
        (errors.Unauthenticated, 401),
        (errors.Denied, 403),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.Throttled, 429),
        (errors.Misconfigured, 500),
        (errors.Internal, 500),
        (errors.Unavailable, 503),
    ],
)
def test_each_error_has_its_status_and_keeps_its_code_and_hint(
    server: Running, web: httpx2.Client, kind: type[DaypassError], status: int
) -> None:
    fails_with(server, kind("what happened", code="some.code", hint="what to do"))
    answer = web.post("/ssh/sign", json=BODY)
    assert answer.status_code == status
    assert answer.json() == {
        "status": status, "message": "what happened", "code": "some.code", "hint": "what to do",
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"


def test_no_class_of_the_tree_is_without_a_status() -> None:
    for name in errors.__all__:
        if name != "DaypassError":
            assert getattr(errors, name) in answers.STATUSES


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.Throttled("x", retry_after=7), "7"),
        (errors.Throttled("x"), "1"),
        (errors.Unavailable("x", retry_after=30), "30"),
        (errors.Unavailable("x"), "5"),
        (errors.Denied("x", retry_after=3), None),
    ],
)
def test_an_error_that_passes_says_when_to_come_back(
    server: Running, web: httpx2.Client, error: DaypassError, seconds: str | None
) -> None:
    fails_with(server, error)
    assert web.post("/ssh/sign", json=BODY).headers.get("retry-after") == seconds


def test_a_fault_of_ours_is_in_the_log_and_not_in_the_answer(
    server: Running, web: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    fails_with(server, RuntimeError("the inside of the machine"))
    answer = web.post("/ssh/sign", json=BODY, headers={"x-request-id": "call-17"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "machine" not in answer.text
    assert "call-17" in answer.json()["hint"]
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "call-17" in record.getMessage()
    assert record.exc_info is not None
    assert web.get("/health").status_code == 200


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.Internal])
def test_what_the_database_said_is_in_the_log_and_not_in_the_answer(
    server: Running, web: httpx2.Client, kind: type[DaypassError], caplog: pytest.LogCaptureFixture
) -> None:
    said = 'connection to server at "10.0.0.5" failed: no password for user "ca"'
    fails_with(server, kind(said, code="store.unavailable", hint="try again"))
    answer = web.post("/ssh/sign", json=BODY).json()
    assert "10.0.0.5" not in str(answer)
    assert (answer["code"], answer["hint"]) == ("store.unavailable", "try again")
    assert said in caplog.text


@pytest.mark.parametrize("sent", ["a", "a" * 64, "3f2b.A-z_9"])
def test_a_harmless_request_id_comes_back(web: httpx2.Client, sent: str) -> None:
    assert web.get("/health", headers={"x-request-id": sent}).headers["x-request-id"] == sent


def test_the_request_id_of_older_step_clients_is_taken_too(web: httpx2.Client) -> None:
    assert web.get("/health", headers={"x-smallstep-id": "call-18"}).headers["x-request-id"] == "call-18"


@pytest.mark.parametrize("sent", ["", "a" * 65, "a b", "a;b", "<b>", "é", "a\tb"])
def test_any_other_request_id_is_replaced(web: httpx2.Client, sent: str) -> None:
    headers = httpx2.Headers([(b"x-request-id", sent.encode("latin-1"))])
    found = web.get("/health", headers=headers).headers.get_list("x-request-id")
    assert len(found) == 1
    assert re.fullmatch("[0-9a-f]{24}", found[0])


def test_open_answers_are_revalidated_and_others_never_stored(web: httpx2.Client) -> None:
    for path, expected in (("/health", "no-cache"), ("/v1/trust", "no-cache"), ("/nothing", "no-store")):
        answer = web.get(path)
        assert answer.headers["cache-control"] == expected
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"
        assert "server" not in answer.headers
    assert web.post("/ssh/sign", json=BODY).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/nothing", "/health/", "//health", "/1.0", "/1.0/", "/1.0/v1/ca", "/2.0/health", "/v1", "/v1/health",
        "/root/", "/root/a/b", "/root/..%2f..%2fetc%2fpasswd", "/%2e%2e/health", "/HEALTH", "/health%00", "/%ff",
        "/admin/admins", "/v1/admin", "/v1/admin/", "/1.0/v1/admin/join_token",
    ],
)  # fmt: skip
def test_where_there_is_nothing_the_answer_is_404_in_the_usual_shape(web: httpx2.Client, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code == 404
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/root/abc", "GET, HEAD"),
        ("GET", "/ssh/sign", "POST"),
        ("HEAD", "/v1/host/enroll", "POST"),
        ("OPTIONS", "/1.0/ssh/sign", "POST"),
        ("PROPFIND", "/roots", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_for_this_path_is_405_and_the_right_ones_are_named(
    web: httpx2.Client, method: str, path: str, allowed: str
) -> None:
    answer = web.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert method == "HEAD" or answer.json()["status"] == 405


LOOKED_AT = [
    path
    for r in api.ROUTES
    if r.method == "GET" and r.access is not api.Access.PAGE  # a page's GET may spend a code: no HEAD there
    for path in app.paths(r)
]


@pytest.mark.parametrize("path", LOOKED_AT)
def test_head_answers_like_get_without_a_body(server: Running, web: httpx2.Client, path: str) -> None:
    server.heart.user = (PUBLIC,)
    path = path.replace("{sha}", server.root.fingerprint).replace("{kid}", "k")
    got, head = web.get(path), web.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == str(len(got.content))
    assert got.content.endswith(b"\n")


def test_a_line_per_request_tells_what_was_done_and_no_secret(
    server: Running, web: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    web.post("/ssh/sign?token=eyJquery", json=BODY | {"ott": "eyJbody"}, headers={"x-request-id": "call-18"})
    web.get("/root/eyJpath", headers={"authorization": "Bearer eyJheader"})
    web.get("/eyJunknown")
    lines = [record.getMessage() for record in caplog.records if record.name == "daypass.access"]
    assert re.fullmatch(r"method=POST path=/ssh/sign status=401 ms=\d+\.\d\d id=call-18 peer=127\.0\.0\.1", lines[0])
    assert re.match(r"method=GET path=/root/\{sha\} status=404 ", lines[1])
    assert re.match(r"method=GET path=- status=404 ", lines[2])
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx2", "httpcore2"))]
    assert not [line for line in ours if "eyJ" in line]  # tokens in logs: step-ca, BLESS, sigstore


def test_nothing_is_logged_per_request_where_nobody_listens(
    web: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="daypass.access")
    web.get("/health")
    assert not [record for record in caplog.records if record.name == "daypass.access"]


def test_the_root_is_found_by_its_fingerprint_in_any_spelling(server: Running, web: httpx2.Client) -> None:
    digest = server.root.fingerprint
    dashed = "-".join(digest[at : at + 2] for at in range(0, 64, 2)).upper()
    for spelling in (digest, digest.upper(), dashed):
        assert web.get(f"/root/{spelling}").json() == {"ca": server.root.pem}
    assert web.get(f"/root/{'0' * 64}").status_code == 404


def test_a_root_that_is_announced_is_found_and_all_stay_so_where_nothing_else_can_be_told(tmp_path: Any) -> None:
    """Who joins has to find the way to another process, if this one can't use what is published."""
    root, later = Root(), Root()
    both = public_info(root, roots={each.fingerprint: each.pem for each in (later, root)})
    answers: list[Any] = [both, both, DaypassError("x"), errors.Unavailable("not here")]

    def latest() -> Any:
        if isinstance(answers[0], Exception):
            raise answers.pop(0)
        return answers.pop(0)

    with running(tmp_path / "s", root=root, info=public_info(root, latest=latest)) as server:
        context = ssl.create_default_context(cadata=root.pem)
        with httpx2.Client(base_url=server.url, verify=context, trust_env=False) as web:
            assert web.get("/roots").json() == {"crts": [later.pem, root.pem]}
            assert web.get(f"/root/{later.fingerprint}").json() == {"ca": later.pem}
            assert web.get("/roots").status_code == 500
            assert web.get(f"/root/{root.fingerprint}").json() == {"ca": root.pem}


def test_ssh_roots_leave_out_what_is_empty(server: Running, web: httpx2.Client) -> None:
    server.heart.user = (PUBLIC,)
    assert set(web.get("/ssh/roots").json()) == {"userKey"}
    server.heart.host = (PUBLIC, PUBLIC)
    assert len(web.get("/ssh/roots").json()["hostKey"]) == 2
    server.heart.user = server.heart.host = ()
    assert web.get("/ssh/roots").status_code == 404


def test_provisioners_come_in_pages(tmp_path: Any) -> None:
    many = tuple(
        api.OidcProvisioner(name=f"p{n}", clientID="c", clientSecret="", configurationEndpoint="https://idp/")
        for n in range(45)
    )
    root = Root()
    with running(tmp_path / "s", root=root, info=public_info(root, provisioners=many)) as server:
        context = ssl.create_default_context(cadata=root.pem)
        with httpx2.Client(base_url=server.url, verify=context, trust_env=False) as web:
            found, cursor = list[str](), ""
            for size in (20, 20, 5):
                page = web.get("/provisioners", params={"cursor": cursor} if cursor else {}).json()
                assert len(page["provisioners"]) == size
                assert {each["type"] for each in page["provisioners"]} == {"OIDC"}
                found, cursor = found + [each["name"] for each in page["provisioners"]], page["nextCursor"]
            assert (found, cursor) == ([each.name for each in many], "")
            assert len(web.get("/provisioners?limit=1000").json()["provisioners"]) == 45
            for bad in ("limit=x", "limit=-1", "limit=1.5", "cursor=zz", "cursor=-1", "limit=%D9%A1", "b=1&" * 20):
                assert web.get(f"/provisioners?{bad}").status_code == 400, bad
            assert web.get("/provisioners?cursor=ffff").json() == {"provisioners": [], "nextCursor": ""}


def test_a_route_without_a_handler_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    more = (*api.ROUTES, api.Route("forgotten", "GET", "/forgotten", api.Access.OPEN, api.Health, "x"))
    monkeypatch.setattr(app, "ROUTES", more)
    with pytest.raises(errors.Internal, match="forgotten"):
        app.build(Double(), public_info(Root()))


def test_a_handler_without_a_route_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublicRoutes, "debug", PublicRoutes.health, raising=False)
    with pytest.raises(errors.Internal, match="debug"):
        app.build(Double(), public_info(Root()))
