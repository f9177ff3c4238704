"""What a cloud's metadata service says becomes one word; by no proxy, and nobody is followed elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.parts.lan import run_lan
from tests.parts.metadata import Metadata, run_metadata
from tests.parts.openssh import make_key

from daypass.wire import PublicKey
from daypass.wire.clouddocs import AwsWord, AzureWord, google_audience

CA_ID = bytes(range(32))
_ASK = """
import sys
from daypass.errors import DaypassError
from daypass.host.metadata import Wanted, which_cloud, word
from daypass.wire import PublicKey
cloud, nonce, resource, *keys = sys.argv[1:]
try:
    wanted = Wanted(bytes(range(32)), [PublicKey.from_line(each) for each in keys], nonce, resource)
    print(word(which_cloud() if cloud == "auto" else cloud, wanted), end="")
except DaypassError as error:
    print(error.code, end="")
"""
Ask = Callable[..., str]
On = Callable[[str], tuple[Metadata, Ask]]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> PublicKey:
    return PublicKey.from_line(make_key(tmp_path_factory.mktemp("key") / "id").with_suffix(".pub").read_text())


@pytest.fixture
def on(key: PublicKey, tmp_path: Path) -> Iterator[On]:
    """A machine in a network of its own, with this cloud's metadata service."""
    with ExitStack() as stack:
        lan = stack.enter_context(run_lan(1))

        def start(cloud: str) -> tuple[Metadata, Ask]:
            service = stack.enter_context(run_metadata(cloud, tmp_path, f"{lan.prefix}h1"))

            def ask(cloud: str, nonce: str = "", resource: str = "") -> str:
                command = [*lan.host(1), sys.executable, "-c", _ASK, cloud, nonce, resource, key.line()]
                proxied = {**os.environ, "http_proxy": "http://10.77.1.1:3128"}
                return subprocess.run(
                    command, env=proxied, capture_output=True, text=True, check=True, timeout=60
                ).stdout

            return service, ask

        yield start


def test_aws_is_asked_by_a_session_and_gives_a_document_with_its_signature(
    on: On,
) -> None:
    service, ask = on("aws")
    shown = AwsWord.decode(ask("auto"))
    assert json.loads(shown.document)["instanceId"] == "i-0123456789abcdef0"
    assert service.asked[-3:] == [
        "PUT /latest/api/token",
        "GET /latest/dynamic/instance-identity/document",
        "GET /latest/dynamic/instance-identity/rsa2048",
    ]
    (service.folder / "signature").write_bytes(shown.signature)
    verified = subprocess.run(
        ["openssl", "smime", "-verify", "-inform", "DER", "-in", service.folder / "signature", "-noverify",
         "-certfile", service.certificate], capture_output=True, check=True,
    )  # fmt: skip
    assert verified.stdout == shown.document


def test_google_is_asked_for_a_token_that_is_for_this_ca_and_these_keys(on: On, key: PublicKey) -> None:
    _, ask = on("gcp")
    payload = ask("auto").split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == google_audience(CA_ID, [key])
    assert claims["google"]["compute_engine"]["instance_id"] == "4520031799277581759"


def test_azure_signs_the_challenge_and_gives_a_token_where_one_is_wanted(
    on: On,
) -> None:
    service, ask = on("azure")
    shown = AzureWord.decode(ask("auto", "0123456789"))
    assert b'"nonce": "0123456789"' in shown.signature and shown.token == ""
    assert AzureWord.decode(ask("azure", "0123456789", "api://daypass")).token == "e30.e30.c2ln"
    assert service.asked[-1].endswith("&resource=api%3A%2F%2Fdaypass")


def test_one_that_leads_elsewhere_is_not_followed(on: On) -> None:
    service, ask = on("redirect")
    assert ask("auto") == "cloud.none"
    assert ask("gcp") == ask("aws") == ask("azure", "1") == "cloud.metadata"
    assert not [each for each in service.asked if "secret" in each]
