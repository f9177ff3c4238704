"""What a cloud says of the instance this runs on, from its metadata service at 169.254.169.254 (trust 5.4).

Plain HTTP to that one address: by no proxy, following nobody elsewhere, and given up after seconds. What comes back
is the CA's to verify; here it is only put into one word (`wire.clouddocs`).

    AWS     IMDSv2: a session token by PUT, then the document and its rsa2048 signature
            docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    Google  an identity token for our audience, format=full
            cloud.google.com/compute/docs/instances/verifying-instance-identity
    Azure   the attested document with our nonce, and a token of the managed identity where the CA wants one
            learn.microsoft.com/azure/virtual-machines/instance-metadata-service
"""

from __future__ import annotations

import http.client
import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from daypass.errors import DaypassError, NotFound, Unavailable
from daypass.network import within
from daypass.wire import PublicKey
from daypass.wire.clouddocs import AwsWord, AzureWord, google_audience

__all__ = ["CLOUDS", "Wanted", "which_cloud", "word"]

ADDRESS = "169.254.169.254"
CLOUDS = ("aws", "gcp", "azure")
SECONDS = 5.0  # for one answer, which comes from the machine's own hypervisor
MAX_ANSWER = 64 * 1024
_GOOGLE = {"Metadata-Flavor": "Google"}
_AZURE = {"Metadata": "true"}
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the CA wants the cloud to sign: `nonce` and `resource` ("" for none) are in its challenge, for Azure."""

    ca_id: bytes
    keys: Sequence[PublicKey]
    nonce: str = ""
    resource: str = ""


def which_cloud() -> str:
    """One of CLOUDS. Raises NotFound where no metadata service answers as one of theirs."""
    for cloud, method, path, headers in (
        ("gcp", "GET", "/computeMetadata/v1/instance/id", _GOOGLE),
        ("azure", "GET", "/metadata/versions", _AZURE),
        ("aws", "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}),
    ):
        try:
            _ask(method, path, headers)
        except DaypassError:
            continue
        return cloud
    hint = "say which: --cloud aws, gcp or azure; or enrol with a join token"
    raise NotFound("no cloud's metadata service answers on this machine", code="cloud.none", hint=hint)


def word(cloud: str, wanted: Wanted) -> str:
    """What is shown to the CA in a join token's place. Raises Unavailable."""
    return {"aws": _aws, "gcp": _google, "azure": _azure}[cloud](wanted)


def _aws(_: Wanted) -> str:
    session = _ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}).decode("latin-1")
    if not re.fullmatch(r"[!-~]{1,1024}", session):
        raise _amiss("/latest/api/token")
    headers, folder = {"X-aws-ec2-metadata-token": session}, "/latest/dynamic/instance-identity"
    document = _ask("GET", f"{folder}/document", headers)
    return AwsWord(document, _base64(_ask("GET", f"{folder}/rsa2048", headers), f"{folder}/rsa2048")).encode()


def _google(wanted: Wanted) -> str:
    audience = quote(google_audience(wanted.ca_id, wanted.keys), safe="")
    path = f"/computeMetadata/v1/instance/service-accounts/default/identity?audience={audience}&format=full"
    return _jwt(_ask("GET", path, _GOOGLE), path)


def _azure(wanted: Wanted) -> str:
    path = f"/metadata/attested/document?api-version=2020-09-01&nonce={wanted.nonce}"
    signature, token = _member(_ask("GET", path, _AZURE), "signature", path), ""
    if wanted.resource:
        path = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={quote(wanted.resource, safe='')}"
        token = _jwt(_member(_ask("GET", path, _AZURE), "access_token", path).encode(), path)
    return AzureWord(_base64(signature.encode(), path), token).encode()


def _ask(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """The body of a 200; every other answer, a redirect too, is none."""
    try:
        return within(SECONDS, lambda: _answer(method, path, headers))
    except (OSError, http.client.HTTPException) as error:
        raise _amiss(path) from error


def _answer(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    connection = http.client.HTTPConnection(ADDRESS, timeout=SECONDS)
    try:
        connection.request(method, path, headers=dict(headers))
        response = connection.getresponse()
        body = response.read(MAX_ANSWER + 1)
        is_google = response.headers.get("Metadata-Flavor") == "Google"
    finally:
        connection.close()
    if response.status != 200 or len(body) > MAX_ANSWER or is_google != (headers is _GOOGLE):
        raise http.client.HTTPException(response.status)
    return body


def _base64(text: bytes, path: str) -> bytes:
    try:
        return b64decode(b"".join(text.split()), validate=True)
    except ValueError:
        raise _amiss(path) from None


def _jwt(text: bytes, path: str) -> str:
    found = text.decode("latin-1").strip()
    if not _JWT.fullmatch(found):
        raise _amiss(path)
    return found


def _member(body: bytes, name: str, path: str) -> str:
    try:
        found = json.loads(body)[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        found = None
    if not isinstance(found, str):
        raise _amiss(path)
    return found


def _amiss(path: str) -> Unavailable:
    """Said without the query, which has nothing in it that would help."""
    return Unavailable(
        f"the metadata service gave no answer at {path.partition('?')[0]}",
        code="cloud.metadata",
        hint="is this an instance of that cloud, with its metadata service on, and an identity where one is needed?",
    )
