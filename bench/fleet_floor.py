"""The least that many hosts can cost: a signature and a TLS record for each line that they are told, and for a
renewal three signatures verified and one made.
"""

from __future__ import annotations

import os
import ssl
import time
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from tests.parts.x509 import make_leaf, make_root, pem

from daypass.server.tls import Leaf, context_with


def lines(count: float) -> float:
    """CPU seconds of so many signatures over a line, and TLS records with it."""
    key, line = Ed25519PrivateKey.generate(), b"x" * 800
    start = time.process_time()
    for _ in range(2000):
        key.sign(line)
    signing = (time.process_time() - start) / 2000
    return count * (signing + record())


def record(rounds: int = 20_000) -> float:
    """CPU seconds of one TLS record of 1 KiB, and of handing it to the kernel."""
    near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
    root, key = make_root("bench", days=1)
    leaf, leaf_key = make_leaf(root, key, ("localhost",), days=1)
    chain = leaf.public_bytes(Encoding.PEM)
    server = context_with(Leaf(chain, pem(leaf_key), 0, 1))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    one, two = server.wrap_bio(far, near, server_side=True), client.wrap_bio(near, far)
    for _ in range(3):
        for each in (two, one):
            with suppress(ssl.SSLWantReadError):
                each.do_handshake()
    line, start = b"x" * 1024, time.process_time()
    with Path(os.devnull).open("wb", buffering=0) as sink:
        for _ in range(rounds):
            one.write(line)
            sink.write(near.read())
    return (time.process_time() - start) / rounds


def renewal(rounds: int = 2000) -> float:
    """CPU seconds."""
    key, message = Ed25519PrivateKey.generate(), b"x" * 400
    signature, public = key.sign(message), key.public_key()
    start = time.process_time()
    for _ in range(rounds):
        for _ in range(3):
            public.verify(signature, message)
        key.sign(message)
    return (time.process_time() - start) / rounds
