"""The metadata services of AWS, Google and Azure, as an instance finds them at 169.254.169.254: with keys made here.

    with run_metadata("aws", folder, namespace) as service:      # a network namespace of `ip netns`
        service.asked                                            # what it was asked, in order

`folder/cloud.pem` is then what a CA has to be told to believe: the certificate that signs (AWS), the root above it
(Azure), or the root of the web servers that publish the keys (Google): they are at port 443 of the same namespace,
for whoever takes its address for WEB's. `facts` go into the document over what stands there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.parts.clouds import signer
from tests.parts.needs import need
from tests.parts.processes import stop, wait_until
from tests.parts.x509 import make_leaf, make_root, server_context

__all__ = ["ADDRESS", "WEB", "Metadata", "run_metadata"]

ADDRESS = "169.254.169.254"
WEB = ("accounts.google.com", "www.googleapis.com")
SESSION = "AQAEAsession+token/of=="


@dataclass(frozen=True)
class Metadata:
    folder: Path

    @property
    def asked(self) -> list[str]:
        """METHOD PATH, and what came with it that counts."""
        return (self.folder / "asked").read_text().splitlines()

    @property
    def certificate(self) -> Path:
        return self.folder / "cloud.pem"

    @contextmanager
    def repeating(self) -> Iterator[None]:
        """Whatever it is asked to sign, it says again what it said at the same path last."""
        (self.folder / "repeat").touch()
        yield
        (self.folder / "repeat").unlink()


@contextmanager
def run_metadata(
    cloud: str, folder: Path, namespace: str, facts: Mapping[str, Any] | None = None
) -> Iterator[Metadata]:
    """In that namespace, whose loopback has the address from then on. `cloud` may be "redirect", too: to a secret."""
    (folder / "asked").touch()
    subprocess.run([need("ip"), "-n", namespace, "address", "replace", f"{ADDRESS}/32", "dev", "lo"], check=True)
    words = (sys.executable, "-m", "tests.parts.metadata", cloud, folder, json.dumps(facts or {}))
    command = [need("ip"), "netns", "exec", namespace, *words]
    process = subprocess.Popen(list(map(str, command)), cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or (folder / "ready").exists(), "the metadata service")
        assert process.poll() is None
        yield Metadata(folder)
    finally:
        stop(process)


def _self_signed() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "metadata.test")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return made.sign(key, hashes.SHA256()), key


class _Cloud:
    """Keys of its own, and what is signed with them."""

    def __init__(self, kind: str, folder: Path, facts: dict[str, Any]) -> None:
        self.facts = facts
        if kind == "azure":
            self.certificate, self.key = signer("metadata", "azure root", "eastus.metadata.azure.com")
            believed = signer("azure root")[0]
        else:
            self.certificate, self.key = _self_signed()
            believed = self.certificate
        (folder / "cloud.pem").write_bytes(believed.public_bytes(serialization.Encoding.PEM))

    def aws(self) -> bytes:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        document = {
            "accountId": "123456789012", "architecture": "x86_64", "availabilityZone": "eu-central-1a",
            "billingProducts": None, "devpayProductCodes": None, "marketplaceProductCodes": None,
            "imageId": "ami-0123456789abcdef0", "instanceId": "i-0123456789abcdef0", "instanceType": "t3.micro",
            "kernelId": None, "pendingTime": moment, "privateIp": "10.79.1.2", "ramdiskId": None,
            "region": "eu-central-1", "version": "2017-09-30",
        }  # fmt: skip
        return json.dumps(document | self.facts, indent=2).encode()

    def signed(self, data: bytes) -> bytes:
        """PKCS#7 with the data in it, base64 in lines of 76 as the services write it."""
        made = pkcs7.PKCS7SignatureBuilder().set_data(data).add_signer(self.certificate, self.key, hashes.SHA256())
        text = b64encode(made.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])).decode()
        return "\n".join(text[at : at + 76] for at in range(0, len(text), 76)).encode()

    def google(self, audience: str) -> bytes:
        now = int(time.time())
        claims = {
            "iss": "https://accounts.google.com", "aud": audience, "sub": "104", "iat": now, "exp": now + 3600,
            "google": {"compute_engine": {
                "instance_id": "4520031799277581759", "instance_name": "web-1", "project_id": "shop-prod",
                "project_number": 1234, "zone": "europe-west3-a", "instance_creation_timestamp": now - 60,
            }},
        } | self.facts  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, RSAKey.import_key(self._pem())).encode()

    def published(self, path: str) -> object:
        """What Google's web servers have there."""
        if path == "/oauth2/v3/certs":
            return {"keys": [{**RSAKey.import_key(self._pem()).as_dict(private=False), "kid": "1", "use": "sig"}]}
        return {"issuer": f"https://{WEB[0]}", "jwks_uri": f"https://{WEB[1]}/oauth2/v3/certs"}

    def azure(self, nonce: str) -> bytes:
        moment = datetime.now(UTC)
        form = "%m/%d/%y %H:%M:%S +0000"
        document = {
            "licenseType": "", "nonce": nonce, "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d",
            "vmId": "13f56399-bd52-4150-9748-7190aae1ff21",
            "timeStamp": {
                "createdOn": moment.strftime(form), "expiresOn": (moment + timedelta(hours=6)).strftime(form),
            },
        } | self.facts  # fmt: skip
        signature = b"".join(self.signed(json.dumps(document).encode()).split()).decode()
        return json.dumps({"encoding": "pkcs7", "signature": signature}).encode()

    def _pem(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


class _Handler(BaseHTTPRequestHandler):
    cloud: _Cloud
    kind: str
    folder: Path
    said: ClassVar[dict[str, bytes | None]] = {}

    def do_PUT(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        with (self.folder / "asked").open("a") as asked:
            asked.write(f"{self.command} {self.path}\n")
        body = self._said()
        if self.kind == "redirect":
            self.send_response(302)
            self.send_header("Location", f"http://{ADDRESS}/secret")
        else:
            self.send_response(200 if body is not None else 404)
        if self.kind == "gcp":
            self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def _said(self) -> bytes | None:
        url = urlsplit(self.path)
        if not (self.folder / "repeat").exists():
            self.said[url.path] = getattr(self, f"_{self.kind}")(url.path, parse_qs(url.query))
        return self.said.get(url.path)

    def _aws(self, path: str, _: Mapping[str, list[str]]) -> bytes | None:
        if (self.command, path) == ("PUT", "/latest/api/token"):
            return SESSION.encode() if self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") else None
        if self.headers.get("X-aws-ec2-metadata-token") != SESSION or "X-Forwarded-For" in self.headers:
            return None
        if path == "/latest/dynamic/instance-identity/document":
            type(self).document = self.cloud.aws()
            return self.document
        return self.cloud.signed(self.document) if path == "/latest/dynamic/instance-identity/rsa2048" else None

    document = b""

    def _gcp(self, path: str, query: Mapping[str, list[str]]) -> bytes | None:
        if self.headers.get("Metadata-Flavor") != "Google":
            return None
        if path == "/computeMetadata/v1/instance/id":
            return b"4520031799277581759"
        full = query.get("format") == ["full"] and path.endswith("/service-accounts/default/identity")
        return self.cloud.google(query["audience"][0]) + b"\n" if full else None

    def _azure(self, path: str, query: Mapping[str, list[str]]) -> bytes | None:
        if self.headers.get("Metadata") != "true":
            return None
        if path == "/metadata/attested/document" and query.get("api-version"):
            return self.cloud.azure(query["nonce"][0])
        if path == "/metadata/identity/oauth2/token" and query.get("resource"):
            return json.dumps({"access_token": "e30.e30.c2ln", "resource": query["resource"][0]}).encode()
        return b"{}" if path == "/metadata/versions" else None

    def _redirect(self, path: str, _: Mapping[str, list[str]]) -> bytes:
        return b"secret" if path == "/secret" else b"moved"

    def log_message(self, format: str, *args: object) -> None:
        pass


class _WebHandler(BaseHTTPRequestHandler):
    cloud: _Cloud

    def do_GET(self) -> None:
        body = json.dumps(self.cloud.published(self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """As TCPServer's, without asking for a name of the address: nobody answers there."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


def _publish(folder: Path, cloud: _Cloud) -> None:
    """Google's keys at WEB, in a thread."""
    _WebHandler.cloud = cloud
    root, key = make_root("Google's web servers")
    (folder / "cloud.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    server = _Server(("0.0.0.0", 443), _WebHandler)  # noqa: S104  in a namespace of its own
    server.socket = server_context(*make_leaf(root, key, WEB)).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _main(kind: str, folder: Path, facts: dict[str, Any]) -> None:
    _Handler.kind, _Handler.folder, _Handler.cloud = kind, folder, _Cloud(kind, folder, facts)
    if kind == "gcp":
        _publish(folder, _Handler.cloud)
    with _Server((ADDRESS, 80), _Handler) as server:
        (folder / "ready").touch()
        server.serve_forever()


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
