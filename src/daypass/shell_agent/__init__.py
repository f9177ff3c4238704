"""The agent for servers that have sh, curl and OpenSSH, and nothing that daypass itself could run on: `agent.sh`."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

__all__ = ["digest", "script"]


def script() -> bytes:
    """The whole of agent.sh, as the CA serves it at /v1/host/agent.sh."""
    return files(__name__).joinpath("agent.sh").read_bytes()


def digest() -> str:
    """Its SHA-256 in hex: what the lines of `daypass host user-data` check before they run it."""
    return sha256(script()).hexdigest()
