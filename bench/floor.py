"""The least a certificate from an ID token can cost: one RS256-2048 verify and one Ed25519 sign."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def measure(rounds: int = 4000) -> float:
    """CPU seconds a pair, through pyca/cryptography, over messages as long as a token and a certificate."""
    rsa_key, ed_key = rsa.generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
    token, certificate = b"t" * 700, b"c" * 400
    signature, public = rsa_key.sign(token, padding.PKCS1v15(), hashes.SHA256()), rsa_key.public_key()
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for _ in range(rounds):
            public.verify(signature, token, padding.PKCS1v15(), hashes.SHA256())
            ed_key.sign(certificate)
        best = min(best, (time.process_time() - start) / rounds)
    return best
