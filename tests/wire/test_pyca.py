"""Where pyca/cryptography is touched, and where it must not be."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from tests.wire.making import signed

from daypass.errors import Invalid
from daypass.wire import PublicKey, agent, sign_blob

ED448: Any = ed448.Ed448PrivateKey.from_private_bytes(bytes(57))
KOBLITZ = ec.derive_private_key(7, ec.SECP256K1())


@pytest.mark.parametrize("key", [ED448, KOBLITZ], ids=["Ed448", "secp256k1"])
def test_a_key_ssh_does_not_use_is_refused_everywhere(key: Any) -> None:
    for use in (
        lambda: PublicKey.from_cryptography(key.public_key()),
        lambda: sign_blob(key, b"data"),
        lambda: agent.add_identity(key),
    ):
        with pytest.raises(Invalid):
            use()


def test_showing_a_certificate_needs_no_cryptography() -> None:
    """It costs twice Python's own start-up, on every prompt that asks what a person holds."""
    program = (
        "import sys; from daypass.wire import *; Certificate.from_line(sys.argv[1]).public_key.fingerprint; "
        "agent.identities(b'\\x0c' + bytes(4)); print('cryptography' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program, signed().line()], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
