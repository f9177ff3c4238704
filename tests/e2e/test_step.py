"""What `step ca bootstrap` and `step ssh login` say to a CA, word for word, and what comes of it."""

from __future__ import annotations

import base64
import hashlib
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.parts.op import Op, run_op
from tests.parts.openssh import keygen
from tests.parts.sshpop import Holder
from tests.server.company import b64
from tests.server.kit import key, possession

from daypass.demo.company import Company
from daypass.wire import Certificate

WHO = "alice@example.com"


@pytest.fixture(scope="module")
def op() -> Iterator[Op]:
    with run_op() as running:
        yield running


@pytest.fixture(scope="module")
def firm(op: Op) -> Iterator[Company]:
    """A CA that lets plain step clients in: their tokens are bound to no key."""
    with tempfile.TemporaryDirectory(prefix="daypass-e2e-") as home:
        built = Company(Path(home), op)  # type: ignore[arg-type]  # nobody is disabled here
        try:
            built.found_ca()
            head, name, tail = built.config.read_text().rpartition('client_id = "daypass"\n')
            built.config.write_text(f"{head}{name}allow_unbound = true\n{tail}")
            built.daypass("ca", "reload", "--root", str(built.ca_root))
            built.start_ca()
            yield built
        finally:
            built.close()


@pytest.fixture
def step(firm: Company) -> Iterator[httpx2.Client]:
    """`step ca bootstrap`: the root by its fingerprint without verification, then that root alone."""
    fingerprint = firm.bootstrap_line.partition("#")[2]
    with httpx2.Client(verify=False, trust_env=False) as blind:
        pem = blind.get(f"{firm.url}/root/{fingerprint}").json()["ca"]
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == fingerprint
    context = ssl.create_default_context(cadata=pem)
    headers = {"User-Agent": "Smallstep CLI/0.30.2 (linux/amd64)"}
    with httpx2.Client(base_url=firm.url, verify=context, headers=headers, trust_env=False) as client:
        yield client


def test_step_ssh_login_ends_with_a_certificate(step: httpx2.Client, op: Op, tmp_path: Path) -> None:
    assert step.get("/health").json() == {"status": "ok"}
    assert set(step.get("/version").json()) == {"version"}
    (provisioner,) = step.get("/provisioners?limit=100").json()["provisioners"]
    assert (provisioner["type"], provisioner["clientID"], provisioner["clientSecret"]) == ("OIDC", op.client_id, "")
    assert provisioner["configurationEndpoint"] == f"{op.issuer}/.well-known/openid-configuration"
    roots = step.get("/ssh/roots").json()

    keygen("-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "id"))
    blob = (tmp_path / "id.pub").read_text().split()[1]
    asked = {"publicKey": blob, "ott": op.mint(nonce="0" * 64), "certType": "user", "keyID": WHO, "principals": [WHO],
             "validAfter": "", "validBefore": "", "identityCSR": None}  # fmt: skip
    answer = step.post("/ssh/sign", json=asked)
    assert answer.status_code == 201, answer.text
    certificate = answer.json()["crt"]
    (tmp_path / "id-cert.pub").write_text(f"ecdsa-sha2-nistp256-cert-v01@openssh.com {certificate} {WHO}\n")
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", tmp_path / "id-cert.pub"], capture_output=True, text=True, check=True
    ).stdout
    ca = base64.b64encode(hashlib.sha256(base64.b64decode(roots["userKey"][0])).digest()).decode().rstrip("=")
    assert "user certificate" in shown and f'Key ID: "{WHO}"' in shown and f"SHA256:{ca}" in shown
    assert "role:engineers" in shown and WHO not in shown.partition("Principals:")[2]


def test_what_step_can_not_have_is_an_error_that_it_prints(step: httpx2.Client, op: Op) -> None:
    answer = step.post("/ssh/sign", json={"publicKey": "", "ott": op.mint()})
    assert answer.status_code == 400
    assert isinstance(answer.json()["status"], int) and answer.json()["message"] == "missing or empty publicKey"


def enrolled(firm: Company, step: httpx2.Client) -> Holder:
    """A host that got its first certificate by a join token."""
    told = firm.daypass("token", "host", "db-9.demo.test", "--root", str(firm.ca_root)).stdout
    token = next(word for word in told.split() if word.startswith("dpj1."))
    private, public = key()
    ca_id = bytes.fromhex(step.get("/v1/ca").json()["ca_id"])
    entry = {"public_key": b64(public.blob), "proof": b64(possession(private, token, ca_id))}
    answer = step.post("/v1/host/enroll", json={"token": token, "keys": [entry]})
    assert answer.status_code == 201, answer.text
    return Holder(private, Certificate.parse(base64.b64decode(answer.json()["certificates"][0])))


def test_step_ssh_renew_rekey_and_revoke_on_a_host(step: httpx2.Client, firm: Company, tmp_path: Path) -> None:
    host = enrolled(firm, step)

    def token(act: str) -> str:
        return host.token(act, aud=f"{firm.url}/1.0/ssh/{act}#sshpop/sshpop")

    renewed = step.post("/ssh/renew", json={"ott": token("renew")})
    assert renewed.status_code == 201, renewed.text
    (tmp_path / "host-cert.pub").write_text(f"ssh-ed25519-cert-v01@openssh.com {renewed.json()['crt']} host\n")
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", tmp_path / "host-cert.pub"], capture_output=True, text=True, check=True
    ).stdout
    assert "host certificate" in shown and "db-9.demo.test" in shown
    rekeyed = step.post("/ssh/rekey", json={"ott": token("rekey"), "publicKey": b64(key()[1].blob)})
    assert rekeyed.status_code == 201, rekeyed.text
    asked = {"serial": str(host.serial), "ott": token("revoke"), "reasonCode": 0, "reason": "", "passive": True}
    assert step.post("/ssh/revoke", json=asked).json() == {"status": "ok"}
    again = step.post("/ssh/renew", json={"ott": token("renew")})
    assert (again.status_code, again.json()["status"]) == (401, 401)
