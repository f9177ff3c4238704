"""Clouds are asked what an instance is called, with the CA's own credentials; what they say is judged, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest

from daypass.errors import Unauthenticated, Unavailable
from daypass.provisioners.awsapi import AwsApi
from daypass.provisioners.cloudapi import AzureApi, GoogleApi, Machine
from daypass.provisioners.instance import Instance

ANSWERS: dict[str, Any] = {}
ASKED: list[tuple[str, str]] = []
VM = Machine("sub", "shop", "web-1", "oid")
WEB = Instance(
    "gcp", "7", "shop-prod", ("shop-prod",), "eu", 1, 2, {"account": "shop-prod", "zone": "eu-a", "name": "web-1"}
)
GOOGLE = "/compute/v1/projects/shop-prod/zones/eu-a/instances/web-1"
AZURE = "/subscriptions/sub/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/web-1"
TOKEN = {"access_token": "t0ken"}
EC2 = """<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet>
<item><instanceId>i-1</instanceId><tagSet><item><key>Name</key><value>web-7</value></item></tagSet></item>
</instancesSet></item></reservationSet></DescribeInstancesResponse>"""


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED.append((self.path, self.headers.get("Authorization", "")))
        found = ANSWERS.get(self.path.partition("?")[0])
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        self.send_response(404 if found is None else {"broken": 500, "moved": 302}.get(str(found), 200))
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def url() -> Iterator[str]:
    ANSWERS.clear()
    ASKED.clear()
    ANSWERS["/computeMetadata/v1/instance/service-accounts/default/token"] = TOKEN
    ANSWERS["/metadata/identity/oauth2/token"] = TOKEN
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def google(url: str) -> Any:
    async def asked() -> Any:
        async with httpx2.AsyncClient() as http:
            return await GoogleApi(http, url, url).tags(WEB)

    return asyncio.run(asked())


def azure(url: str) -> Any:
    async def asked() -> Any:
        async with httpx2.AsyncClient() as http:
            return await AzureApi(http, url, url).look(VM)

    return asyncio.run(asked())


def test_google_says_an_instance_s_labels(url: str) -> None:
    ANSWERS[GOOGLE] = {"id": "7", "labels": {"tier": "gold", "bad": 1}}
    assert google(url) == {"tier": "gold"}
    assert ASKED[-1] == (GOOGLE, "Bearer t0ken")
    for answer, error in (({"id": "8"}, Unauthenticated), (None, Unauthenticated), ("broken", Unavailable)):
        ANSWERS[GOOGLE] = answer
        with pytest.raises(error):
            google(url)


def test_nobody_is_followed_elsewhere_and_no_proxy_is_given_the_ca_s_own_token(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ANSWERS["/elsewhere"] = {"id": "7", "labels": {}, "access_token": "another"}
    for moved in (GOOGLE, "/computeMetadata/v1/instance/service-accounts/default/token"):
        kept, ANSWERS[moved] = ANSWERS.get(moved), "moved"
        with pytest.raises(Unavailable):
            google(url)
        ANSWERS[moved] = kept or {"id": "7"}
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def asked() -> Any:
        async with httpx2.AsyncClient(trust_env=False) as http:
            return await GoogleApi(http, url, url).tags(WEB)

    assert asyncio.run(asked()) == {}
    assert not [path for path, _ in ASKED if path == "/elsewhere"]


def test_azure_says_which_machine_it_is_and_when_it_was_made(url: str) -> None:
    about = {"vmId": "ABC", "timeCreated": "2027-01-15T08:00:00.1234567+00:00"}
    ANSWERS[AZURE] = {"location": "westeurope", "tags": {"tier": "gold"}, "properties": about}
    found = azure(url)
    assert (found.vm_id, found.region, found.created, found.tags) == (
        "abc",
        "westeurope",
        1800000000,
        {"tier": "gold"},
    )
    for answer, error in (({}, Unavailable), ("[]", Unavailable), (None, Unauthenticated)):
        ANSWERS[AZURE] = answer
        with pytest.raises(error):
            azure(url)


def test_without_credentials_of_its_own_the_ca_says_so(url: str) -> None:
    ANSWERS.clear()
    for ask in (google, azure):
        with pytest.raises((Unavailable, Unauthenticated)):
            ask(url)


def test_aws_says_an_instance_s_tags(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    ANSWERS["/"] = EC2
    api = AwsApi(url)
    assert asyncio.run(api.tags("eu-central-1", "i-1")) == {"Name": "web-7"}
    assert "Credential=x/" in ASKED[-1][1]
    with pytest.raises(Unauthenticated):
        asyncio.run(api.tags("eu-central-1", "i-2"))
    ANSWERS["/"] = "broken"
    with pytest.raises(Unavailable):
        asyncio.run(AwsApi(url).tags("eu-central-1", "i-1"))
