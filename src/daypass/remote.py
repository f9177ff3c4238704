"""A CA over HTTP, from the outside: `api`'s types in and out, `errors` for everything that goes wrong.

Only the pinned roots are believed, never the system's; the one call that can't verify (`root_unverified`) checks
the fingerprint it was given instead. What a server writes is data: it is capped, parsed strictly, and stripped of
control characters before a person sees it. httpx2 is imported with the first call: most commands make none.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from daypass import __version__, api
from daypass.connection import End, captive, not_a_ca, pinned_context, refusal, unreachable, unusable_proxy
from daypass.errors import Invalid, Unauthenticated, Unavailable
from daypass.network import await_name
from daypass.stranger import portal, unverified_context

if TYPE_CHECKING:
    import ssl

    import httpx2

    from daypass.wire import PublicKey

__all__ = ["TIMEOUT", "AdminRemote", "Prove", "Remote"]

Answer = TypeVar("Answer")
Prove = Callable[[str, str, bytes], str]
"""(method, path, body) to the `Authorization` of one call by the day pass: `client.calls` makes it (trust 4.2)."""

TIMEOUT: Final = 10.0  # seconds, for each step of a call
_CALL_LIMIT: Final = 60.0  # seconds, for a whole call, however slowly its bytes drip
_AGAIN: Final = "try again; if it stays so: daypass doctor"
_SMALL, _LARGE = 1 << 20, 64 << 20  # bytes; bundles hold whole KRLs and lists of hosts
_ACCEPTED: Final = 202
_URL = re.compile(r"https://(?P<host>[^/?#@\s\\:\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*")


class Remote:
    """A CA's TLS port. `url` is `https://HOST[:PORT]`; `roots_pem` are the X.509 roots pinned at bootstrap.

    Without roots only `root_unverified` works. Proxies come from the environment (HTTPS_PROXY, NO_PROXY).
    Every call raises any of the error tree, as the CA answered it; Unavailable where no CA answered.
    """

    def __init__(self, url: str, roots_pem: str | None, *, timeout: float = TIMEOUT) -> None:
        match = _URL.fullmatch(url.rstrip("/"))
        if match is None or int(match["port"] or 443) > 65535:
            hint = "write it like https://ca.example.com:8443"
            raise Invalid("that is not the URL of a CA", code="url", hint=hint)
        self.url = match[0]
        self._end = End(self.url, self.url, seconds=timeout)
        self._line = _Line(self.url, self._end, lambda: _client(pinned_context(roots_pem), timeout))

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    def health(self) -> api.Health:
        return self._line.get("/health", api.Health)

    def version(self) -> api.Version:
        return self._line.get("/version", api.Version)

    def ca(self) -> api.CaInfo:
        return self._line.get("/v1/ca", api.CaInfo)

    def trust(self) -> api.Signed:
        return self._line.get("/v1/trust", api.Signed)

    def ssh_roots(self) -> api.SshRoots:
        return self._line.get("/ssh/roots", api.SshRoots)

    def sign(self, request: api.SshSignRequest) -> api.SshSignResponse:
        """At /v1, where the key's proof is given; else by step's own route, which a step-ca knows too."""
        path = "/v1/ssh/sign" if request.proof else "/ssh/sign"
        return self._line.post(path, request, api.SshSignResponse, _LARGE)

    def device_start(self, request: api.DeviceRequest) -> api.DeviceStarted:
        """Ask for a sign-in on another device (trust 8.2)."""
        return self._line.post("/v1/device", request, api.DeviceStarted)

    def device_poll(self, request: api.DevicePoll) -> api.DeviceAnswer:
        """How it stands; Throttled for one who asks too often."""
        return self._line.post("/v1/device/poll", request, api.DeviceAnswer, _LARGE)

    def pam_start(self, request: api.PamStart) -> api.PamSaid:
        """Begin a conversation; what follows has to come over the same connection."""
        return self._line.post("/v1/pam/start", request, api.PamSaid)

    def pam_answer(self, request: api.PamAnswers) -> api.PamSaid:
        return self._line.post("/v1/pam/answer", request, api.PamSaid)

    def enrol(self, request: api.EnrolRequest) -> api.EnrolResponse:
        return self._line.post("/v1/host/enroll", request, api.EnrolResponse, _LARGE)

    def host_challenge(self, request: api.HostChallengeRequest) -> api.HostChallenge:
        return self._line.post("/v1/host/challenge", request, api.HostChallenge)

    def host_sync(self, request: api.HostSyncRequest, prove: Prove) -> api.HostSyncResponse:
        """What has changed for this host; `prove` is by its certificate's key (`host.calls`)."""
        return self._line.post("/v1/host/sync", request, api.HostSyncResponse, _LARGE, prove=prove)

    def host_renew(self, request: api.HostRenewRequest, prove: Prove) -> api.HostRenewed:
        """The next certificates of all keys of this host; `prove` is by a certificate that it has."""
        return self._line.post("/v1/host/renew", request, api.HostRenewed, prove=prove)

    def host_report(self, report: api.HostReport, prove: Prove) -> api.HostReportKept:
        return self._line.post("/v1/host/report", report, api.HostReportKept, prove=prove)

    def host_ack(self, ack: api.HostAck, prove: Prove) -> api.HostAcked:
        """What this host has applied, who is on it, and what has become of sessions there."""
        return self._line.post("/v1/host/ack", ack, api.HostAcked, prove=prove)

    def renew(self, ott: str) -> api.SshSignResponse:
        """A host's next certificate for the same key; `ott` is made by `wire.sshpop`. A step-ca knows it too."""
        return self._line.post("/ssh/renew", api.SshRenewRequest(ott=ott), api.SshSignResponse)

    def rekey(self, ott: str, key: PublicKey, proof: bytes | None = None) -> api.SshSignResponse:
        """The same for another key, which has signed for itself in `proof` (an SSHSIG blob, as `api` says)."""
        body = api.SshRekeyRequest(ott=ott, publicKey=key.blob, proof=proof)
        return self._line.post("/ssh/rekey", body, api.SshSignResponse)

    def revoke_host(self, ott: str, serial: int, *, reason: str = "", reason_code: int = 0) -> None:
        """The host certificate that `ott` was made with, and no other. `reason_code`: 0 to 10 (RFC 5280)."""
        body = api.SshRevokeRequest(serial=str(serial), ott=ott, reasonCode=reason_code, reason=reason, passive=True)
        self._line.post("/ssh/revoke", body, api.SshRevokeResponse)

    def my_certificates(self, prove: Prove) -> api.MyCertificates:
        return self._line.get("/v1/me/certificates", api.MyCertificates, prove)

    def my_explain(self, account: str, host: str, prove: Prove) -> api.Explanation:
        """Whether one may log in there, and why."""
        body = api.MyQuestion(account=account, host=host)
        return self._line.post("/v1/me/explain", body, api.Explanation, prove=prove)

    def my_revoke(self, serial: int, reason: str, prove: Prove) -> api.MyCertificate:
        """Once more for one that is revoked already changes nothing. Raises NotFound for one not one's own."""
        body = api.MyRevocation(serial=serial, reason=reason)
        return self._line.post("/v1/me/revoke", body, api.MyCertificate, prove=prove)

    def my_leave(self, reason: str, prove: Prove, *, wait: bool = False) -> api.MyEnding:
        """All of one's own ends, on every machine. `wait`: some seconds, for what hosts say."""
        body = api.MyLeave(reason=reason, wait=api.MOST_PATIENCE if wait else 0)
        return self._line.post("/v1/me/leave", body, api.MyEnding, prove=prove)

    def my_hosts(self, prove: Prove) -> api.Signed:
        """The signed list of hosts that one may reach."""
        return self._line.get("/v1/me/hosts", api.Signed, prove, _LARGE)

    def my_bundle(self, prove: Prove) -> api.Signed:
        """The signed client bundle, as with a login."""
        return self._line.get("/v1/me/bundle", api.Signed, prove, _LARGE)

    def administer(self, path: str, body: bytes, answer: type[Answer], act: str) -> Answer | api.Pending:
        """One administrative call; `act` is the `Authorization` of a sign-in for exactly this body."""
        return self._line.administer(path, body, answer, act)

    def administer_lines(
        self, path: str, body: bytes, line: type[Answer], take: Callable[[Iterator[Answer]], None], act: str
    ) -> None:
        """The same for an answer that is as long as it is: `take` gets its lines as they come."""
        self._line.administer_lines(path, body, line, take, act)

    def root_unverified(self, fingerprint: str) -> str:
        """The CA's X.509 root in PEM, fetched over TLS that proves nothing, and judged by its SHA-256.

        `fingerprint` is 64 hex digits in either case, with or without colons. Raises Unauthenticated where
        another certificate comes back.
        """
        digest = re.sub(r"[:\s-]", "", fingerprint).lower()
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            hint = "it is the SHA-256 that `daypass ca init` printed: 64 hex digits"
            raise Invalid("that is not a root's fingerprint", code="fingerprint", hint=hint)
        end = self._end
        line = _Line(self.url, end, lambda: _client(unverified_context(), end.seconds), verified=False)
        try:
            pem = line.get(f"/root/{digest}", api.RootResponse).ca
        finally:
            line.close()
        return _root(pem, digest, self.url)


class AdminRemote:
    """The administration socket of a CA on this machine; the kernel tells the CA who asks."""

    def __init__(self, socket_path: Path, *, timeout: float = TIMEOUT) -> None:
        self._line = _Line("http://localhost", End(str(socket_path)), lambda: _local_client(socket_path, timeout))

    def __enter__(self) -> AdminRemote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    def administer(self, path: str, body: bytes, answer: type[Answer]) -> Answer | api.Pending:
        return self._line.administer(path, body, answer)

    def administer_lines(
        self, path: str, body: bytes, line: type[Answer], take: Callable[[Iterator[Answer]], None]
    ) -> None:
        self._line.administer_lines(path, body, line, take)


class _Line:
    """One HTTP client, opened with the first call."""

    def __init__(self, base: str, end: End, opener: Callable[[], httpx2.Client], *, verified: bool = True) -> None:
        self._base = base
        self._end, self._where = end, end.where
        self._opener = opener
        self._verified = verified
        self._client: httpx2.Client | None = None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def get(self, path: str, answer: type[Answer], prove: Prove | None = None, cap: int = _SMALL) -> Answer:
        return self._call("GET", path, answer, None, cap, prove)

    def post(
        self, path: str, body: msgspec.Struct, answer: type[Answer], cap: int = _SMALL, *, prove: Prove | None = None
    ) -> Answer:
        return self._call("POST", path, answer, msgspec.json.encode(body), cap, prove)

    def administer(
        self, path: str, body: bytes, answer: type[Answer], act: str | None = None
    ) -> Answer | api.Pending:
        """202 says that it waits for a second person (trust 4.3)."""
        headers = {"content-type": "application/json"} | ({"authorization": act} if act is not None else {})
        response, content = self._exchange("POST", path, body, headers, _LARGE)
        if not response.is_success:
            raise refusal(response, content, self._where)
        if response.status_code == _ACCEPTED:
            return self._decoded(content, api.Pending)
        return self._decoded(content, answer)

    def administer_lines(
        self, path: str, body: bytes, line: type[Answer], take: Callable[[Iterator[Answer]], None],
        act: str | None = None,
    ) -> None:  # fmt: skip
        """JSON lines, of any number: what is capped is each of them."""
        import httpx2

        headers = {"content-type": "application/json"} | ({"authorization": act} if act is not None else {})
        began = time.monotonic()
        try:
            self._client = self._client or self._open()
            with self._client.stream("POST", self._base + path, content=body, headers=headers) as response:
                if not response.is_success:
                    raise refusal(response, self._read(response, _SMALL, began + _CALL_LIMIT), self._where)
                take(self._decoded(each, line) for each in self._lines(response))
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError) as error:
            raise unreachable(error, self._end) from error

    def _lines(self, response: httpx2.Response) -> Iterator[bytes]:
        rest = b""
        for part in response.iter_raw():
            *whole, rest = (rest + part).split(b"\n")
            yield from whole
            if len(rest) > _SMALL:
                raise Unavailable(f"{self._where} answered with too long a line", code="answer", hint=_AGAIN)
        if rest:
            raise not_a_ca(self._where)

    def _decoded(self, content: bytes, answer: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(content, type=answer)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise not_a_ca(self._where) from error

    def _call(
        self, method: str, path: str, answer: type[Answer], body: bytes | None, cap: int, prove: Prove | None
    ) -> Answer:
        headers = {"content-type": "application/json"} if body is not None else {}
        if prove is not None:
            headers["authorization"] = prove(method, path, body or b"")
        response, content = self._exchange(method, path, body, headers, cap)
        if not self._verified and (page := portal(self._base, response.status_code, response.headers)):
            raise captive(self._end, page)
        if not response.is_success:
            raise refusal(response, content, self._where)
        return self._decoded(content, answer)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], cap: int
    ) -> tuple[httpx2.Response, bytes]:
        import httpx2

        began = time.monotonic()
        try:
            self._client = self._client or self._open()
            with self._client.stream(method, self._base + path, content=body, headers=headers) as response:
                content = self._read(response, cap, began + _CALL_LIMIT)
            _record(f"{method} {self._where}{path}", response.status_code, began)
            return response, content
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, TimeoutError) as error:
            raise unreachable(error, self._end) from error

    def _open(self) -> httpx2.Client:
        if self._end.url:
            await_name(self._end.url)
        try:
            return self._opener()
        except (ImportError, ValueError) as error:
            raise unusable_proxy(self._end) from error

    def _read(self, response: httpx2.Response, cap: int, end: float) -> bytes:
        content = bytearray()
        for part in response.iter_raw():
            content += part
            if len(content) > cap:
                raise Unavailable(f"{self._where} answered with more than {cap} bytes", code="answer", hint=_AGAIN)
            if time.monotonic() > end:
                raise Unavailable(f"{self._where} took too long to answer", code="connection.timeout", hint=_AGAIN)
        return bytes(content)


def _record(call: str, status: int, began: float) -> None:
    """For --verbose and the log. logging comes with httpx2, and not before."""
    import logging

    seconds = time.monotonic() - began
    logging.getLogger(__name__).debug("%s: %d after %.0f ms", call, status, seconds * 1000)


def _client(context: ssl.SSLContext, timeout: float) -> httpx2.Client:
    import httpx2

    return httpx2.Client(verify=context, timeout=timeout, headers=_headers(), follow_redirects=False)


def _local_client(path: Path, timeout: float) -> httpx2.Client:
    import httpx2

    transport = httpx2.HTTPTransport(
        uds=str(path), verify=unverified_context()
    )  # spares loading roots: it is never TLS
    return httpx2.Client(transport=transport, timeout=timeout, headers=_headers(), trust_env=False)


def _headers() -> dict[str, str]:
    """No compression: a cap on bytes received is then a cap on bytes held."""
    return {"user-agent": f"daypass/{__version__}", "accept-encoding": "identity", "accept": "application/json"}


def _root(pem: str, digest: str, where: str) -> str:
    """`pem` written anew, if it is exactly one certificate of that SHA-256."""
    import ssl

    der = b""
    if _PEM.fullmatch(pem):
        try:
            der = ssl.PEM_cert_to_DER_cert(pem.strip())
        except ValueError:
            der = b""
    if hashlib.sha256(der).hexdigest() != digest:
        raise Unauthenticated(
            f"what {where} sent is not the root with that fingerprint",
            code="fingerprint",
            hint="someone may stand between you and the CA: compare the fingerprint with your administrator's",
        )
    return ssl.DER_cert_to_PEM_cert(der)
