"""agent.sh says the same words of a cloud as `daypass host enroll` does, in each shell that servers have."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.lan import Lan, run_lan
from tests.parts.metadata import run_metadata
from tests.parts.needs import need
from tests.parts.openssh import make_key
from tests.shell_agent.shell_box import SCRIPT, SHELLS

from daypass.wire import PublicKey
from daypass.wire.clouddocs import AwsWord, AzureWord, google_audience

CA_ID = bytes(range(32))
CHALLENGE = {"nonce": "0123456789", "expires": 1, "audience": "", "resources": ["api://daypass"]}
_ASK = """
ask() { cp "$work/challenge" "$work/answer"; }
work=$1 cloud=$2 ca_id=$3
word_of_cloud
printf %s "$token"
"""


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with run_lan(1) as lan:
        yield lan


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("keys")
    return [make_key(folder / kind, kind) for kind in ("ed25519", "ecdsa")]


def says(shell: str, cloud: str, lan: Lan, work: Path, keys: list[Path]) -> subprocess.CompletedProcess[str]:
    """What its function for it leaves, in the middle of an enrolment; the CA's challenge lies ready."""
    (work / "keys").write_text("".join(f"{key}\n" for key in keys))
    (work / "challenge").write_text(json.dumps(CHALLENGE, separators=(",", ":")))
    script = work / "functions.sh"
    script.write_text(SCRIPT.read_text().removesuffix('main "$@"\n') + _ASK)
    words: list[str | Path] = [need(shell), *(["sh"] if shell == "busybox" else []), script, work, cloud, CA_ID.hex()]
    proxied = {**os.environ, "http_proxy": "http://10.77.1.1:3128"}
    return subprocess.run([*lan.host(1), *words], env=proxied, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_its_word_is_the_one_that_the_ca_reads(
    shell: str, cloud: str, lan: Lan, tmp_path: Path, keys: list[Path]
) -> None:
    with run_metadata(cloud, tmp_path, f"{lan.prefix}h1") as service:
        ran = says(shell, cloud, lan, tmp_path, keys)
    assert ran.returncode == 0, ran.stderr
    match cloud:
        case "aws":
            assert json.loads(AwsWord.decode(ran.stdout).document)["accountId"] == "123456789012"
            assert service.asked[0] == "PUT /latest/api/token"
        case "gcp":
            payload = ran.stdout.split(".")[1]
            public = [PublicKey.from_line(each.with_suffix(".pub").read_text()) for each in keys]
            claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            assert claims["aud"] == google_audience(CA_ID, public)
        case _:
            shown = AzureWord.decode(ran.stdout)
            assert b"0123456789" in shown.signature and shown.token == "e30.e30.c2ln"


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure", "redirect"])
def test_it_finds_out_by_itself_which_cloud_it_is_in(cloud: str, lan: Lan, tmp_path: Path, keys: list[Path]) -> None:
    form = {"aws": "aws1.", "gcp": "ey", "azure": "azure1."}.get(cloud)
    with run_metadata(cloud, tmp_path, f"{lan.prefix}h1"):
        ran = says("dash", "auto", lan, tmp_path, keys)
    if form is None:
        assert (ran.returncode, ran.stdout) == (9, "")
        assert ran.stderr.count("\n") == 2 and "no cloud's metadata service answers" in ran.stderr
    else:
        assert ran.stdout.startswith(form), ran.stderr


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_a_service_that_leads_elsewhere_is_not_followed(
    cloud: str, lan: Lan, tmp_path: Path, keys: list[Path]
) -> None:
    with run_metadata("redirect", tmp_path, f"{lan.prefix}h1") as service:
        ran = says("dash", cloud, lan, tmp_path, keys)
    assert (ran.returncode, ran.stdout) == (9, "")
    assert "the metadata service gave no answer at /" in ran.stderr
    assert not [each for each in service.asked if "secret" in each]
