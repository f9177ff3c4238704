"""A directory behind PAM: OpenLDAP's slapd, and nslcd with pam_ldap in a mount namespace of their own.

`/etc/nslcd.conf` and nslcd's socket have fixed places, so whoever talks to the stack runs in it (`inside`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.needs import need

__all__ = ["WORD", "Directory", "run_ldap"]

WORD = "tr0ub4dor"
_SLAPD = """\
include {root}/etc/ldap/schema/core.schema
include {root}/etc/ldap/schema/cosine.schema
include {root}/etc/ldap/schema/nis.schema
include {root}/etc/ldap/schema/inetorgperson.schema
modulepath {root}/usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
directory {home}/db
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""
_PEOPLE = f"""\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=alice,dc=example,dc=com
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: shadowAccount
uid: alice
cn: Alice
sn: A
uidNumber: 1001
gidNumber: 1001
homeDirectory: /home/alice
userPassword: {WORD}
"""
_INSIDE = """\
set -e
cp -a /etc {home}/etc
mount --bind {home}/etc /etc
mount -t tmpfs none /run
mkdir /run/nslcd
install -m 600 {home}/nslcd.conf /etc/nslcd.conf
exec {root}/usr/sbin/nslcd -n
"""


@dataclass(frozen=True, slots=True)
class Directory:
    """`lines`: of the stack that asks it."""

    lines: tuple[str, str]
    nslcd: int
    slapd: subprocess.Popen[bytes]

    def inside(self, *command: str) -> list[str]:
        return [str(need("nsenter")), "-m", "-t", str(self.nslcd), *command]


@contextmanager
def run_ldap(home: Path) -> Iterator[Directory]:
    """Alice, whose password is WORD."""
    root, unshare = need("ldap"), need("root with mount namespaces")
    env = {**os.environ, "LD_LIBRARY_PATH": str(next(root.glob("usr/lib/*-linux-gnu")))}
    (home / "db").mkdir()
    (home / "slapd.conf").write_text(_SLAPD.format(root=root, home=home))
    (home / "people.ldif").write_text(_PEOPLE)
    sbin, config = root / "usr/sbin", home / "slapd.conf"
    subprocess.run([sbin / "slapadd", "-f", config, "-l", home / "people.ldif"], check=True, env=env)
    port = _free_port()
    url = f"ldap://127.0.0.1:{port}"
    (home / "nslcd.conf").write_text(f"uri {url}\nbase dc=example,dc=com\nbind_timelimit 1\nreconnect_retrytime 1\n")
    (home / "inside.sh").write_text(_INSIDE.format(root=root, home=home))
    slapd = subprocess.Popen([sbin / "slapd", "-f", config, "-h", url, "-d", "0"], env=env)
    nslcd = subprocess.Popen([unshare, "-m", "sh", home / "inside.sh"], env=env, stderr=subprocess.DEVNULL)
    module = next(root.glob("lib/*-linux-gnu/security/pam_ldap.so"))
    try:
        _wait(lambda: _answers(port))
        _wait(lambda: Path(f"/proc/{nslcd.pid}/root/run/nslcd/socket").exists())
        yield Directory((f"auth required {module}", f"account required {module}"), nslcd.pid, slapd)
    finally:
        for each in (nslcd, slapd):
            each.terminate()
            each.wait()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        number: int = listener.getsockname()[1]
        return number


def _answers(port: int) -> bool:
    with closing(socket.socket()) as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
