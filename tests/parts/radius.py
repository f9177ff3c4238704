"""FreeRADIUS behind Debian's pam_radius_auth: a password, and then a code by Access-Challenge (RFC 2865, 4.4)."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.needs import need

__all__ = ["CODE", "WORD", "Radius", "library", "module", "run_radius"]

WORD, CODE = "s3cond to none", "271828"
_SECRET = "between-us"
_CONFIG = """\
prefix = {root}/usr
libdir = {root}/usr/lib/freeradius
logdir = {home}
run_dir = {home}
log {{ destination = stdout }}
modules {{
  pap {{ }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  client local {{
    ipaddr = 127.0.0.1
    secret = {secret}
    require_message_authenticator = no
  }}
  authorize {{
    if (&User-Name == "alice") {{
      update control {{ Auth-Type := PAP }}
    }} else {{
      update control {{ Auth-Type := Reject }}
    }}
    if (&State) {{
      update control {{ Cleartext-Password := "{code}" }}
    }} else {{
      update control {{ Cleartext-Password := "{word}" }}
    }}
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
      if (ok && !&State) {{
        update reply {{
          Reply-Message := "Code from your token: "
          State := 0x31
        }}
        update control {{ Response-Packet-Type := Access-Challenge }}
      }}
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Radius:
    """`lines`: of the stack that asks it."""

    lines: tuple[str, ...]
    server: subprocess.Popen[bytes]


def library() -> Mapping[str, str]:
    """What the unpacked programs and modules need in their environment."""
    return {"LD_LIBRARY_PATH": ":".join(str(each) for each in need("second factors").glob("usr/lib/**/*-linux-gnu"))}


def module(name: str) -> Path:
    return next(need("second factors").glob(f"**/security/{name}"))


@contextmanager
def run_radius(home: Path) -> Iterator[Radius]:
    """Alice, whose password is WORD and whose token shows CODE."""
    root, port = need("second factors"), _free_port()
    text = _CONFIG.format(root=root, home=home, port=port, secret=_SECRET, word=WORD, code=CODE)
    (home / "radiusd.conf").write_text(text)
    (home / "pam_radius.conf").write_text(f"127.0.0.1:{port} {_SECRET} 1\n")
    libraries = library()["LD_LIBRARY_PATH"] + f":{root}/usr/lib/freeradius"
    command: list[str | Path] = [root / "usr/sbin/freeradius", "-f", "-l", "stdout", "-n", "radiusd", "-d", home]
    command += ["-D", root / "usr/share/freeradius"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env={"LD_LIBRARY_PATH": libraries}, stdout=log, stderr=log)
    asks = f"auth required {module('pam_radius_auth.so')} conf={home}/pam_radius.conf retry=1"
    try:
        _wait(home / "log", server)
        yield Radius((asks, "account required pam_permit.so"), server)
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as line:
        line.bind(("127.0.0.1", 0))
        number: int = line.getsockname()[1]
        return number


def _wait(log: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while "Ready to process requests" not in log.read_text():
        assert server.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.02)
