"""What the tests need beside Python, where it is found, and what is said when it is not there.

`need("chromium")` gives the part's path. Where the part is missing the test is reported as
`not run: needs chromium`; with CI=true it fails instead, so a part can't go missing unnoticed.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

import playwright
import pytest

__all__ = [
    "IDPS",
    "IDPS_PINS",
    "LDAP",
    "LDAP_PACKAGES",
    "LLNG",
    "LLNG_PACKAGES",
    "MACHINE",
    "MACHINE_PACKAGES",
    "NOT_RUN",
    "PARTS",
    "PROVIDER",
    "SECOND",
    "SECOND_PACKAGES",
    "Part",
    "in_ci",
    "need",
]

NOT_RUN = "not run: needs "
PROVIDER = Path(__file__).parent / "oidc_provider"
IDPS = Path(__file__).parents[2] / ".venv/idps"
"""A virtual environment of their own for the identity providers in Python, whose libraries are not ours."""
IDPS_PINS = Path(__file__).parents[2] / "requirements/idps.txt"

MACHINE = Path(sys.prefix) / "machine"
"""The disk that every machine of the tests begins with: Debian 12 with these packages, and no host keys."""
LDAP = Path(sys.prefix) / "ldap"
"""OpenLDAP's server and Debian's PAM module for it, unpacked: installed, they would change the machine's own PAM."""
LDAP_PACKAGES = ("slapd", "nslcd", "libpam-ldapd", "libodbc2", "libltdl7", "libsasl2-2")
LLNG = Path(sys.prefix) / "llng"
"""LemonLDAP::NG's portal and what it loads, unpacked: installed, it would bring daemons and accounts of its own."""
LLNG_PACKAGES = (
    "liblemonldap-ng-portal-perl",
    "starman",
    "libgd-securityimage-perl",
    "perlmagick",
    "libstring-random-perl",
    "libio-string-perl",
)
SECOND = Path(sys.prefix) / "second"
"""FreeRADIUS, and Debian's PAM modules for it and for one-time codes, unpacked for the same reason."""
SECOND_PACKAGES = ("freeradius", "libpam-radius-auth", "libpam-oath")

MACHINE_PACKAGES = (
    "openssh-server,systemd,systemd-sysv,dbus,libpam-systemd,python3,python3-venv,iproute2,curl,ca-certificates,"
    "sudo,busybox,cron"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A real part. `find` gives its path or None; `package` is Debian's name, None where apt has no part in it."""

    name: str
    find: Callable[[], Path | None]
    package: str | None = None


def need(name: str) -> Path:
    """The path of part `name`; ends the test where it is missing."""
    found = PARTS[name].find()
    if found is not None:
        return found
    if in_ci():
        pytest.fail(f"{NOT_RUN}{name} (with CI=true every part must be there)", pytrace=False)
    pytest.skip(f"{NOT_RUN}{name}")


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def _binary(name: str) -> Callable[[], Path | None]:
    # Daemons live in sbin, which an ordinary account's PATH leaves out.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

    def find() -> Path | None:
        found = shutil.which(name, path=path)
        return Path(found).absolute() if found else None

    return find


def _file(path: str) -> Callable[[], Path | None]:
    def find() -> Path | None:
        return Path(path) if Path(path).exists() else None

    return find


def _library(name: str) -> Callable[[], Path | None]:
    def find() -> Path | None:
        found = find_library(name)
        return Path(found) if found else None

    return find


def _ldap() -> Path | None:
    return LDAP if (LDAP / "usr/sbin/slapd").exists() and (LDAP / "usr/sbin/nslcd").exists() else None


def _unpacked(folder: Path, packages: Sequence[str]) -> Callable[[], Path | None]:
    """As these packages make it: what was unpacked carries the list of them."""

    def find() -> Path | None:
        made = folder.with_suffix(".packages")
        return folder if made.exists() and made.read_text() == " ".join(packages) else None

    return find


def _debians(place: str) -> Callable[[], Path | None]:
    """In Debian's folder of libraries of this machine's kind."""

    def find() -> Path | None:
        return next(iter(Path("/usr/lib").glob(f"*-linux-gnu/{place}")), None)

    return find


def _postgresql() -> Path | None:
    """The folder of the newest server's programs, which Debian keeps off the PATH."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(versions, default=None, key=lambda path: float(path.parent.name))


def _node() -> Path | None:
    """Playwright's own: Debian 12's is too old for the provider."""
    return _file(str(Path(playwright.__file__).parent / "driver/node"))()


def _provider() -> Path | None:
    """Installed by `npm ci`, and of the version that package.json names."""
    installed = PROVIDER / "node_modules/oidc-provider/package.json"
    if not installed.exists():
        return None
    wanted = json.loads((PROVIDER / "package.json").read_bytes())["dependencies"]["oidc-provider"]
    return PROVIDER if json.loads(installed.read_bytes())["version"] == wanted else None


def _idp(program: str) -> Callable[[], Path | None]:
    """As pinned: what is installed carries a copy of the pins it was made from."""

    def find() -> Path | None:
        found, pins = IDPS / "bin" / program, IDPS / "pins.txt"
        current = pins.exists() and pins.read_bytes() == IDPS_PINS.read_bytes()
        return found if current and found.exists() else None

    return find


def _machine() -> Path | None:
    """As these packages make it: what was made carries the list of them."""
    made = MACHINE.with_suffix(".packages")
    return MACHINE if made.exists() and made.read_text() == MACHINE_PACKAGES else None


@functools.cache
def _mount_namespace() -> Path | None:
    """Only root may, and not in every container."""
    unshare = _binary("unshare")()
    if unshare is None or os.geteuid() != 0:
        return None
    tried = subprocess.run([unshare, "-m", "mount", "--bind", "/etc/passwd", "/etc/passwd"], capture_output=True)
    return unshare if tried.returncode == 0 else None


@functools.cache
def _network_namespace() -> Path | None:
    unshare = _binary("unshare")()
    if unshare is None or os.geteuid() != 0:
        return None
    return unshare if subprocess.run([unshare, "-n", "true"], capture_output=True).returncode == 0 else None


PARTS = {
    part.name: part
    for part in (
        Part("git", _binary("git"), "git"),
        Part("ssh", _binary("ssh"), "openssh-client"),
        Part("ssh-agent", _binary("ssh-agent"), "openssh-client"),
        Part("ssh-add", _binary("ssh-add"), "openssh-client"),
        Part("ssh-keygen", _binary("ssh-keygen"), "openssh-client"),
        Part("sshd", _binary("sshd"), "openssh-server"),
        Part("gpg-agent", _binary("gpg-agent"), "gpg-agent"),
        Part("gcr-ssh-agent", _file("/usr/libexec/gcr-ssh-agent"), "gcr"),
        Part("gnome-keyring-daemon", _binary("gnome-keyring-daemon"), "gnome-keyring"),
        Part("dbus-run-session", _binary("dbus-run-session"), "dbus-daemon"),
        Part("scp", _binary("scp"), "openssh-client"),
        Part("sftp", _binary("sftp"), "openssh-client"),
        Part("rsync", _binary("rsync"), "rsync"),
        Part("nc", _binary("nc"), "netcat-openbsd"),
        Part("tmux", _binary("tmux"), "tmux"),
        *(Part(shell, _binary(shell), shell) for shell in ("bash", "dash", "zsh", "ksh", "fish", "tcsh")),
        Part("sk-dummy", _file("/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"), "openssh-tests"),
        Part("chromium", _binary("chromium"), "chromium"),
        Part("libatomic", _library("atomic"), "libatomic1"),  # Playwright's own driver is linked to it
        Part("postgresql", _postgresql, "postgresql"),
        Part("ip", _binary("ip"), "iproute2"),
        Part("fish", _binary("fish"), "fish"),
        Part("groff", _binary("groff"), "groff-base"),
        Part("ps", _binary("ps"), "procps"),
        Part("strace", _binary("strace"), "strace"),
        Part("shellcheck", _binary("shellcheck"), "shellcheck"),
        Part("node", _node),
        Part("npm", _binary("npm"), "npm"),
        Part("oidc-provider", _provider),
        Part("canaille", _idp("canaille")),
        Part("bao", _idp("bao")),
        Part("mmdebstrap", _binary("mmdebstrap"), "mmdebstrap"),
        Part("systemd-nspawn", _binary("systemd-nspawn"), "systemd-container"),
        Part("systemd-analyze", _binary("systemd-analyze"), "systemd"),
        Part("nsenter", _binary("nsenter"), "util-linux"),
        Part("faketime", _binary("faketime"), "faketime"),
        Part("cc", _binary("cc"), "gcc"),
        Part("ldap", _ldap),
        Part("llng", _unpacked(LLNG, LLNG_PACKAGES)),
        Part("second factors", _unpacked(SECOND, SECOND_PACKAGES)),
        Part("pam_matrix", _debians("pam_wrapper/pam_matrix.so"), "libpam-wrapper"),
        Part("nss_wrapper", _debians("libnss_wrapper.so"), "libnss-wrapper"),
        Part("busybox", _binary("busybox"), "busybox"),
        Part("curl", _binary("curl"), "curl"),
        Part("cloud-init", _binary("cloud-init"), "cloud-init"),
        Part("machine", _machine),
        Part("Debian's Python", lambda: Path(sys.executable) if sys.version_info[:2] == (3, 11) else None),
        Part("root", lambda: Path("/") if os.geteuid() == 0 else None),
        Part("root with mount namespaces", _mount_namespace),
        Part("root with network namespaces", _network_namespace),
    )
}
