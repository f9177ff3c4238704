"""LemonLDAP::NG's portal, an OpenID Provider in Perl, as a process on loopback: Debian's, with its demo people.

Groups and e-mail stand in the ID token, because its client is set to force them there; there is no `email_verified`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.parts.needs import need
from tests.parts.processes import free_port, stop, wait_until

from daypass.model import discovery_url

__all__ = ["run_llng"]

_SHIPPED = "var/lib/lemonldap-ng"
_FOLDERS = ("conf", "cache", "sessions/lock", "psessions/lock", "notifications")
_CLIENT = {
    "ClientID": "daypass",
    "Public": 1,
    "RequirePKCE": 1,
    "BypassConsent": 1,
    "IDTokenForceClaims": 1,
    "IDTokenSignAlg": "RS256",
    "UserIDAttr": "uid",
}
_CLAIMS = {"email": "mail", "name": "cn", "preferred_username": "uid", "groups": "groups;string;always"}


@contextmanager
def run_llng(*redirect_uris: str) -> Iterator[str]:
    """Its issuer. People are dwho (timelords, users) and rtyler (earthlings, users); the password is the name."""
    root, url = need("llng"), f"http://127.0.0.1:{free_port()}/"
    with tempfile.TemporaryDirectory(prefix="daypass-llng-") as folder:
        home = Path(folder)
        _configure(root, home, url, redirect_uris)
        process = _start(root, home, url)
        try:
            wait_until(lambda: _is_up(url), "LemonLDAP::NG start")
            yield url
        finally:
            stop(process)


def _configure(root: Path, home: Path, url: str, redirect_uris: tuple[str, ...]) -> None:
    """What Debian ships, with folders of its own, a key and one client."""
    for each in _FOLDERS:
        (home / each).mkdir(parents=True)
    shipped = (root / _SHIPPED / "conf/lmConf-1.json").read_text()
    key = rsa.generate_private_key(65537, 2048)
    options = {**_CLIENT, "RedirectUris": " ".join(redirect_uris)}
    settings = {
        **json.loads(shipped.replace(f"/{_SHIPPED}", str(home))),
        "portal": url,
        "domain": "127.0.0.1",
        "registerDB": "Null",
        "portalDisplayResetPassword": 0,
        "issuerDBOpenIDConnectActivation": 1,
        "oidcServiceMetaDataIssuer": url,
        "oidcServiceKeyIdSig": "first",
        "oidcServicePrivateKeySig": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "oidcServicePublicKeySig": key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        "oidcRPMetaDataOptions": {
            "daypass": {f"oidcRPMetaDataOptions{name}": value for name, value in options.items()}
        },
        "oidcRPMetaDataExportedVars": {"daypass": _CLAIMS},
    }
    (home / "conf/lmConf-1.json").write_text(json.dumps(settings))
    ini = (root / "etc/lemonldap-ng/lemonldap-ng.ini").read_text().replace(f"/{_SHIPPED}", str(home))
    share = "/usr/share/lemonldap-ng"
    (home / "lemonldap-ng.ini").write_text(ini.replace(share, f"{root}{share}"))


def _start(root: Path, home: Path, url: str) -> subprocess.Popen[bytes]:
    share = root / "usr/share"
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    modules = [share / "perl5", *libraries.glob("perl5/5*")]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PERL5LIB": ":".join(map(str, modules)),
        "LD_LIBRARY_PATH": str(libraries),
        "LLNG_DEFAULTCONFFILE": str(home / "lemonldap-ng.ini"),
    }
    listen = ["--listen", url.removeprefix("http://").rstrip("/"), "--workers", "2"]
    return subprocess.Popen(
        ["perl", root / "usr/bin/starman", *listen, share / "lemonldap-ng/portal/htdocs/index.psgi"],
        env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _is_up(url: str) -> bool:
    try:
        return httpx2.get(discovery_url(url), trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False
