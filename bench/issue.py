"""What a certificate costs the CA: OIDC RS256-2048 to an Ed25519 certificate, durable, over keep-alive TLS."""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench import floor
from bench.company import Company, company
from bench.measure import percentile, tree_cpu

CERTIFICATES = {1: 2000, 8: 6000, 32: 20000}  # connections -> distinct tokens and keys
WARM_UP = 2000
LOGINS = 300
HEALTH = 10000


def measure(quick: bool) -> dict[str, float]:
    divisor = 10 if quick else 1
    with tempfile.TemporaryDirectory(prefix="daypass-bench-") as home, company(Path(home)) as ca:
        least = floor.measure()
        _load(ca, 32, WARM_UP // divisor)
        results = {"floor_ms": least * 1000, "http_tls_floor_ms": _http(ca, 32, HEALTH // divisor) * 1000}
        for connections, count in CERTIFICATES.items():
            results |= _issue(ca, connections, count // divisor, least)
        results["login_cpu_ms"] = _logins(ca, LOGINS // divisor) * 1000
        return results


def _issue(ca: Company, connections: int, count: int, least: float) -> dict[str, float]:
    cpu, wall, times = _load(ca, connections, count)
    suffix = "" if connections == 32 else f"_{connections}"
    return {
        f"issue_cpu_ms{suffix}": cpu / count * 1000,
        f"issue_cpu_over_floor{suffix}": cpu / count / least,
        f"issue_per_second_{connections}": count / wall,
        f"issue_p50_ms_{connections}": percentile(times, 0.5) * 1000,
        f"issue_p99_ms_{connections}": percentile(times, 0.99) * 1000,
    }


def _load(ca: Company, connections: int, count: int) -> tuple[float, float, list[float]]:
    """(server CPU seconds, wall seconds, latencies in seconds). Requests are made before the clock starts."""
    print(f"bench: {count} certificates over {connections} connections …", file=sys.stderr, flush=True)
    queue = [ca.request(number, proof=False) for number in range(count)]
    return uvloop.run(_drive(ca, connections, queue))


async def _drive(
    ca: Company, connections: int, queue: list[bytes], wanted: int = 201
) -> tuple[float, float, list[float]]:
    context = _context(ca)
    streams = [await asyncio.open_connection("localhost", ca.port, ssl=context) for _ in range(connections)]
    times: list[float] = []
    cpu, start = tree_cpu(ca.pid), time.perf_counter()
    await asyncio.gather(*(_worker(*stream, queue, wanted, times) for stream in streams))
    cpu, wall = tree_cpu(ca.pid) - cpu, time.perf_counter() - start
    for _, writer in streams:
        writer.close()
    return cpu, wall, times


async def _worker(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, queue: list[bytes], wanted: int, times: list[float]
) -> None:
    while queue:
        request, start = queue.pop(), time.perf_counter()
        status, body = await _exchange(reader, writer, request)
        times.append(time.perf_counter() - start)
        if status != wanted:
            raise SystemExit(f"bench: the CA answered {status}: {body.decode()}")


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
    return int(head.split(b" ", 2)[1]), await reader.readexactly(int(fields[b"content-length"]))


def _http(ca: Company, connections: int, count: int) -> float:
    """Server CPU seconds of an answer that needs nothing but HTTP and TLS."""
    cpu, _, _ = uvloop.run(_drive(ca, connections, [_get("/health")] * count, 200))
    return cpu / count


def _logins(ca: Company, count: int) -> float:
    """Server CPU seconds of a whole login: a new connection, the CA's facts, the trust document, the certificate."""
    requests = [ca.request(number, proof=True) for number in range(count)]
    cpu = tree_cpu(ca.pid)
    uvloop.run(_login_all(ca, requests))
    return (tree_cpu(ca.pid) - cpu) / count


async def _login_all(ca: Company, requests: list[bytes]) -> None:
    for request in requests:
        reader, writer = await asyncio.open_connection("localhost", ca.port, ssl=_context(ca))
        for each in (_get("/v1/ca"), _get("/v1/trust"), request):
            status, body = await _exchange(reader, writer, each)
            if status >= 400:
                raise SystemExit(f"bench: the CA answered {status}: {body.decode()}")
        writer.close()


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _context(ca: Company) -> ssl.SSLContext:
    """A new one a login: no session is resumed, as with a new process."""
    return ssl.create_default_context(cafile=str(ca.root))
