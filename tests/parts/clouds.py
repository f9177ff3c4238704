"""What clouds sign for their instances, with keys of our own making: AWS's documents, Google's tokens, Azure's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.parts.jose import SigningKey, compact, new_key

from daypass.model import GOOGLE
from daypass.wire import PublicKey
from daypass.wire.clouddocs import AwsWord, AzureWord, challenge, google_audience

__all__ = [
    "ACCOUNT", "GUID", "TENANT", "VM", "aws_document", "aws_word", "azure_document", "azure_word", "files", "google",
    "google_token", "identity_token", "web",
]  # fmt: skip

ACCOUNT, GUID = "123456789012", "5b1a7d0c-2f0e-4a39-9f0d-1f2e3d4c5b6a"
VM, TENANT = "0b1a7d0c-2f0e-4a39-9f0d-1f2e3d4c5b00", "72f988bf-86f1-41af-91ab-2d7cd011db47"
SECRET = b"s" * 32
Signer = tuple[x509.Certificate, rsa.RSAPrivateKey]


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def signer(name: str, issuer: str = "", dns: str = "") -> Signer:
    """A certificate from 2020 to 2040: self-signed, or by `issuer` for the server `dns`."""
    key, by = _key(name), _key(issuer or name)
    subject, parent = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, issuer or name)
    )
    builder = x509.CertificateBuilder(parent, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2040, 1, 1))  # noqa: DTZ001
    usage = dict.fromkeys(
        ("key_encipherment content_commitment data_encipherment key_agreement crl_sign encipher_only "
         "decipher_only").split(), False,
    )  # fmt: skip
    builder = builder.add_extension(x509.BasicConstraints(ca=not dns, path_length=None), critical=True).add_extension(
        x509.KeyUsage(digital_signature=bool(dns), key_cert_sign=not dns, **usage), critical=True
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if dns:
        alternative = x509.SubjectAlternativeName([x509.DNSName(dns)])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
        builder = builder.add_extension(alternative, critical=False).add_extension(authority, critical=False)
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(server, critical=False)
    return builder.sign(by, hashes.SHA256()), key


def files(folder: Path) -> tuple[str, str]:
    """What the operator has put on the CA's machine: AWS's certificates, and Azure's roots."""
    found = []
    for name in ("aws region", "azure root"):
        path = folder / f"{name.partition(' ')[0]}.pem"
        path.write_bytes(signer(name)[0].public_bytes(Encoding.PEM))
        found.append(str(path))
    return found[0], found[1]


def aws_document(at: float, **change: Any) -> dict[str, Any]:
    started = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    honest = {
        "accountId": ACCOUNT, "architecture": "x86_64", "availabilityZone": "eu-central-1a", "billingProducts": None,
        "devpayProductCodes": None, "marketplaceProductCodes": ["1abc2defghijklm3nopqrs4tu"],
        "imageId": "ami-5fb8c835", "instanceId": "i-1234567890abcdef0", "instanceType": "t2.micro", "kernelId": None,
        "pendingTime": started, "privateIp": "10.0.0.7", "ramdiskId": None, "region": "eu-central-1",
        "version": "2017-09-30",
    }  # fmt: skip
    return {key: value for key, value in (honest | change).items() if value != "absent"}


def aws_word(document: Any, by: str = "aws region", options: Iterable[PKCS7Options] = ()) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document, indent=2).encode()
    return AwsWord(data, pkcs7(data, signer(by), [PKCS7Options.NoCerts, *options])).encode()


def pkcs7(data: bytes, by: Signer, options: Iterable[PKCS7Options], more: Iterable[x509.Certificate] = ()) -> bytes:
    builder = PKCS7SignatureBuilder().set_data(data).add_signer(*by, hashes.SHA256())
    for each in more:
        builder = builder.add_certificate(each)
    return builder.sign(Encoding.DER, [PKCS7Options.Binary, *options])


def azure_document(at: float, ca_id: bytes, keys: Iterable[PublicKey], **change: Any) -> dict[str, Any]:
    def stamp(later: float) -> str:
        return (datetime.fromtimestamp(at, UTC) + timedelta(seconds=later)).strftime("%m/%d/%y %H:%M:%S -0000")

    return {
        "licenseType": "", "nonce": challenge(SECRET, ca_id, keys, at),
        "plan": {"name": "", "product": "", "publisher": ""}, "sku": "22_04-lts", "subscriptionId": GUID,
        "timeStamp": {"createdOn": stamp(0), "expiresOn": stamp(6 * 3600)}, "vmId": VM,
    } | change  # fmt: skip


def azure_word(
    document: Any, token: str = "", dns: str = "eastus.metadata.azure.com", root: str = "azure root"
) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return AzureWord(pkcs7(data, signer(f"leaf {dns}", root, dns), []), token).encode()


@cache
def google() -> SigningKey:
    return new_key("RS256")


def google_token(
    at: float, ca_id: bytes, keys: Iterable[PublicKey], by: SigningKey | None = None, engine: Any = (), **change: Any
) -> str:
    about = {
        "instance_id": "152986662232938449", "instance_name": "web-1", "instance_creation_timestamp": int(at) - 60,
        "project_id": "shop-prod", "project_number": 739419398126, "zone": "us-west1-a",
    } | dict(engine)  # fmt: skip
    claims = {
        "iss": GOOGLE, "sub": "107517467455664443766", "azp": "107517467455664443766", "iat": int(at),
        "exp": int(at) + 3600, "aud": google_audience(ca_id, keys), "google": {"compute_engine": about},
    } | change  # fmt: skip
    key = by or google()
    return compact({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims, key)


def identity_token(at: float, by: SigningKey | None = None, name: str = "Web-1", **change: Any) -> str:
    resource = f"/subscriptions/{GUID}/resourcegroups/Shop/providers/Microsoft.Compute/virtualMachines/{name}"
    claims = {
        "iss": f"https://sts.windows.net/{TENANT}/", "aud": "api://daypass", "tid": TENANT, "oid": VM, "appid": VM,
        "iat": int(at), "nbf": int(at), "exp": int(at) + 86400, "xms_mirid": resource,
    } | change  # fmt: skip
    key = by or google()
    return compact({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims, key)


def web(answers: dict[str, Any] | None = None, state: dict[str, bool] | None = None) -> httpx2.AsyncClient:
    """Google's and Entra's keys, and what else is to be answered, by the path; `state["down"]`: nobody is there."""
    keys = {"keys": [dict(google().jwk)]}
    known = {
        "/.well-known/openid-configuration": {"issuer": GOOGLE, "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs"},
        "/oauth2/v3/certs": keys, f"/{TENANT}/discovery/v2.0/keys": keys, **(answers or {}),
    }  # fmt: skip

    def answer(request: httpx2.Request) -> httpx2.Response:
        if state and state.get("down"):
            raise httpx2.ConnectError("nobody is there")
        found = known.get(request.url.path)
        return httpx2.Response(
            404 if found is None else 200, stream=httpx2.ByteStream(json.dumps(found or {}).encode())
        )

    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
