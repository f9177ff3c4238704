"""ssh-keygen as the judge of revocation lists: what it can't load, sshd can't either, and then lets nobody in."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from daypass.errors import Unavailable

__all__ = ["loads"]

_LOADED = (0, 1)  # ssh-keygen -Q: 0 not revoked, 1 revoked, 255 when the KRL could not be loaded
_ANY_KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}\n"  # has to be there to be asked about; it is nobody's
_SECONDS = 60  # that it may take; a list of a million serials takes two


def loads(keygen: Path, krl: bytes) -> bool:
    """Whether this ssh-keygen can load the KRL.

    Raises Unavailable where the program can't be run, or the disk is full.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="daypass-krl-") as folder:
            file, asked = Path(folder) / "krl", Path(folder) / "key.pub"
            file.write_bytes(krl)
            asked.write_text(_ANY_KEY, encoding="utf-8")
            ran = subprocess.run(
                [keygen, "-Q", "-f", file, asked],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
                env={**os.environ, "LC_ALL": "C"},
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"a revocation list can't be tried by {keygen}: {error}", code="krl.keygen") from error
    return ran.returncode in _LOADED
