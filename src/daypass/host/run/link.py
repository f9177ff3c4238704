"""The host's HTTP to its CA, by Python's own http.client: one connection for a call, one for the stream.

Only the pinned roots are believed. What comes back is capped, parsed strictly, and judged by its signatures later.
Raises the error tree as `daypass.remote` does: Unavailable where no CA answered.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import msgspec

from daypass import __version__, api
from daypass.connection import End, not_a_ca, pinned_context, refusal, unusable_proxy
from daypass.errors import DaypassError, Unavailable
from daypass.host.calls import Prove
from daypass.network import await_name, plain, proxy_for

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["SILENCE", "Link"]

Answer = TypeVar("Answer")

SILENCE: Final = 60.0  # seconds without a line in which a stream is held to be dead; the CA gives a sign every 25 s
_TIMEOUT: Final = 20.0  # seconds for each step of a call
_CALL_LIMIT: Final = 120.0  # seconds for a whole call
_LINE_LIMIT: Final = 240.0  # seconds for a whole line of a stream: systemd's watchdog has 300
_LARGE: Final = 64 << 20  # bytes of an answer or a line: a bundle with a whole KRL
_CHUNK: Final = 1 << 16
_CLOCK: Final = "check this machine's clock (timedatectl)"


class _Head(NamedTuple):
    status_code: int
    headers: dict[str, str]


class _Paced(io.RawIOBase):
    """What comes in on a connection, until `end` (monotonic) at most: one byte now and then is no answer."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._raw = line, line.makefile("rb", buffering=0)
        self.idle, self.end = _TIMEOUT, time.monotonic() + _CALL_LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._line.settimeout(min(left, self.idle))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None):
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self.paced = _Paced(sock)
        self.fp = io.BufferedReader(self.paced)


class Link:
    """A CA's TLS port, `https://HOST[:PORT]`, by the X.509 roots (PEM) that are pinned."""

    def __init__(self, url: str, roots_pem: str, *, silence: float = SILENCE) -> None:
        self.url = url
        self._end = End(url, url, hint="", seconds=_TIMEOUT)
        self._context = pinned_context(roots_pem)
        self._silence = silence

    def host_sync(self, request: api.HostSyncRequest, prove: Prove) -> api.HostSyncResponse:
        return self._post("/v1/host/sync", request, api.HostSyncResponse, prove)

    def host_renew(self, request: api.HostRenewRequest, prove: Prove) -> api.HostRenewed:
        return self._post("/v1/host/renew", request, api.HostRenewed, prove)

    def host_report(self, report: api.HostReport, prove: Prove) -> api.HostReportKept:
        return self._post("/v1/host/report", report, api.HostReportKept, prove)

    def host_ack(self, ack: api.HostAck, prove: Prove) -> api.HostAcked:
        return self._post("/v1/host/ack", ack, api.HostAcked, prove)

    def revoke_host(self, ott: str, serial: int, *, reason: str = "") -> None:
        """The certificate that `ott` was made with (`wire.sshpop`)."""
        body = api.SshRevokeRequest(serial=str(serial), ott=ott, reason=reason, passive=True)
        self._post("/ssh/revoke", body, api.SshRevokeResponse, None)

    @contextmanager
    def stream(self, request: api.HostSyncRequest, prove: Prove) -> Iterator[Iterator[api.HostSyncResponse]]:
        """What the CA has to say, as it says it. Ends when the CA ends it; Unavailable if nothing comes any more."""
        with self._answered("/v1/host/stream", request, prove) as response:
            response.paced.idle = self._silence
            yield self._lines(response)

    def _lines(self, response: _Response) -> Iterator[api.HostSyncResponse]:
        while True:
            response.paced.end = time.monotonic() + _LINE_LIMIT
            try:
                line = response.readline(_LARGE)
            except (OSError, HTTPException, ValueError) as error:
                raise self._failed(error) from error
            if not line:
                return
            if not line.endswith(b"\n"):
                raise not_a_ca(self._end.where)
            yield self._decoded(line, api.HostSyncResponse)

    def _post(self, path: str, body: msgspec.Struct, answer: type[Answer], prove: Prove | None) -> Answer:
        with self._answered(path, body, prove) as response:
            return self._decoded(self._read(response), answer)

    @contextmanager
    def _answered(self, path: str, body: msgspec.Struct, prove: Prove | None) -> Iterator[_Response]:
        content = msgspec.json.encode(body)
        headers = {
            "content-type": "application/json", "accept-encoding": "identity", "accept": "application/json",
            "user-agent": f"daypass/{__version__}",
        }  # fmt: skip
        if prove is not None:
            headers["authorization"] = prove("POST", path, content)
        connection = self._connection()
        connection.response_class = _Response
        try:
            try:
                await_name(self.url)
                connection.request("POST", path, content, headers)
                response: _Response = connection.getresponse()  # type: ignore[assignment]  # response_class
                if not 200 <= response.status < 300:
                    raise self._refusal(response)
            except (OSError, HTTPException) as error:
                raise self._failed(error) from error
            yield response
        finally:
            connection.close()

    def _connection(self) -> HTTPSConnection:
        """Through the proxy of the environment where there is one (HTTPS_PROXY, NO_PROXY)."""
        target, proxy = urlsplit(self.url), proxy_for(self.url)
        host, port = target.hostname or "", target.port or 443
        if proxy is None:
            return HTTPSConnection(host, port, timeout=_TIMEOUT, context=self._context)
        if proxy.scheme != "http":
            raise unusable_proxy(self._end)
        connection = HTTPSConnection(proxy.host, proxy.port, timeout=_TIMEOUT, context=self._context)
        connection.set_tunnel(host, port, _proxy_headers())
        return connection

    def _refusal(self, response: HTTPResponse) -> DaypassError:
        head = _Head(response.status, {name.lower(): value for name, value in response.getheaders()})
        return refusal(head, response.read(_CHUNK), self._end.where)

    def _read(self, response: HTTPResponse) -> bytes:
        content = bytearray()
        try:
            while part := response.read1(_CHUNK):
                content += part
                if len(content) > _LARGE:
                    raise self._end.failed(f"{self._end.where} answers without end", "endless", "is it a CA?")
        except (OSError, HTTPException, ValueError) as error:
            raise self._failed(error) from error
        return bytes(content)

    def _decoded(self, content: bytes, answer: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(content, type=answer)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise not_a_ca(self._end.where) from error

    def _failed(self, error: Exception) -> Unavailable:
        """What happened to the connection, in words."""
        where, failed = self._end.where, self._end.failed
        if isinstance(error, ssl.SSLCertVerificationError):
            code, hint = ("time", _CLOCK) if error.verify_code in (9, 10) else ("untrusted", "")
            reason = plain(error.verify_message, 200)
            return failed(f"what answers at {where} is not vouched for by the pinned root ({reason})", code, hint)
        if isinstance(error, socket.gaierror):
            return failed(f"the name in {where} is not known here: {error.strerror}", "dns", "")
        if isinstance(error, ConnectionRefusedError):
            return failed(f"nothing answers at {where}", "refused", "is the CA running?")
        if isinstance(error, TimeoutError):
            return failed(f"{where} has not answered in time", "timeout", "")
        text = plain(str(error), 200) or type(error).__name__
        return failed(f"the connection to {where} broke: {text}", "broken", "")


def _proxy_headers() -> dict[str, str]:
    """Name and password, where the proxy's URL holds them."""
    found = getproxies()
    value = found.get("https") or found.get("all") or ""
    parts = urlsplit(value if "://" in value else f"http://{value}")
    if not parts.username:
        return {}
    who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(who.encode()).decode()}"}
