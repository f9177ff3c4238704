"""Makes the tests' real parts present: `python -m tests.setup`, which `make test` calls.

As root it installs what is missing from Debian's packages; anybody gets the identity providers. What can't be had is
named together with the tests it will cost, and never fails this step unless CI=true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.parts.needs import (
    IDPS,
    IDPS_PINS,
    LDAP,
    LDAP_PACKAGES,
    LLNG,
    LLNG_PACKAGES,
    MACHINE,
    MACHINE_PACKAGES,
    NOT_RUN,
    PARTS,
    PROVIDER,
    SECOND,
    SECOND_PACKAGES,
    in_ci,
)

__all__ = ["main"]

# Debian's way to say that a package being installed must not start its daemons (deb-systemd-invoke, invoke-rc.d).
_POLICY = Path("/usr/sbin/policy-rc.d")
# Debian enables cloud-init where it is installed: at its first boot it would take a cloud machine's host keys away.
_NO_CLOUD_INIT = Path("/etc/cloud/cloud-init.disabled")


def main() -> int:
    packages = sorted({part.package for part in PARTS.values() if part.package and part.find() is None})
    if packages and _may_install():
        _install(packages)
    if PARTS["oidc-provider"].find() is None and PARTS["npm"].find() is not None:
        _run("npm's oidc-provider", ["npm", "ci", "--no-audit", "--no-fund"], cwd=PROVIDER)
    if PARTS["canaille"].find() is None or PARTS["bao"].find() is None:
        _install_idps()
    if PARTS["machine"].find() is None and PARTS["mmdebstrap"].find() is not None and os.geteuid() == 0:
        _make_machine()
    if PARTS["ldap"].find() is None and _may_install():
        _unpack_ldap()
    if PARTS["llng"].find() is None and _may_install():
        _unpack(LLNG, LLNG_PACKAGES, "usr/share/lemonldap-ng/portal/htdocs/index.psgi")
    if PARTS["second factors"].find() is None and _may_install():
        _unpack(SECOND, SECOND_PACKAGES, "usr/sbin/freeradius")
    missing = [part for part in PARTS.values() if part.find() is None]
    for part in missing:
        how = f" (apt-get install {part.package})" if part.package else ""
        _say(f"missing: {part.name}{how}; tests with it will say '{NOT_RUN}{part.name}'")
    return 1 if missing and in_ci() else 0


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: Sequence[str]) -> None:
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    if "cloud-init" in packages:
        _NO_CLOUD_INIT.parent.mkdir(exist_ok=True)
        _NO_CLOUD_INIT.touch()
    with _no_daemons():
        _run("Debian's list of packages", [*apt, "update"])
        # One after the other, so that one that can't be had does not cost the rest.
        for package in packages:
            _run(package, [*apt, "install", "--no-install-recommends", "--yes", package])


def _install_idps() -> None:
    shutil.rmtree(IDPS, ignore_errors=True)
    _run("a virtual environment for identity providers", [sys.executable, "-m", "venv", str(IDPS)])
    pip = [str(IDPS / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run("canaille and OpenBao", [*pip, "--require-hashes", "-r", str(IDPS_PINS)])
    if (IDPS / "bin/bao").exists():
        shutil.copyfile(IDPS_PINS, IDPS / "pins.txt")


def _make_machine() -> None:
    """The disk that machines of the tests begin with. Host keys and machine-id are each machine's own."""
    shutil.rmtree(MACHINE, ignore_errors=True)
    packages = f"--include={MACHINE_PACKAGES}"
    without = "--customize-hook=rm -f $1/etc/ssh/ssh_host_* $1/etc/machine-id"
    _run("a Debian for machines", ["mmdebstrap", "--variant=minbase", packages, without, "bookworm", str(MACHINE)])
    if (MACHINE / "usr/sbin/sshd").exists():
        MACHINE.with_suffix(".packages").write_text(MACHINE_PACKAGES)


def _unpack_ldap() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run("OpenLDAP's packages", ["apt-get", "-qq", "download", *LDAP_PACKAGES], cwd=Path(folder))
        for package in sorted(Path(folder).glob("*.deb")):
            _run(package.name, ["dpkg-deb", "-x", str(package), str(LDAP)])


def _unpack(made: Path, packages: Sequence[str], has: str) -> None:
    """With what they depend on and this machine has not. `has`: a file of theirs, without which it was nothing."""
    shutil.rmtree(made, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "partial").mkdir()
        apt = ["apt-get", "-qq", "-o", f"Dir::Cache::archives={folder}", "-o", "APT::Sandbox::User=root"]
        options = ["--no-install-recommends", "--yes", "--download-only"]
        _run(f"packages of {packages[0]}", [*apt, "install", *options, *packages])
        unpack = [
            "sh",
            "-c",
            'for each in "$1"/*.deb; do dpkg-deb -x "$each" "$2" || exit; done',
            "sh",
            folder,
            str(made),
        ]
        _run(packages[0], unpack)
    if (made / has).exists():
        made.with_suffix(".packages").write_text(" ".join(packages))


@contextmanager
def _no_daemons() -> Iterator[None]:
    """Nobody who runs the tests asked for a PostgreSQL or an sshd of the machine's own."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink()


def _run(what: str, command: Sequence[str], cwd: Path | None = None) -> None:
    """One line of progress; what the command says only if it fails."""
    started = time.monotonic()
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    ended = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if ended.returncode == 0:
        _say(f"set up {what} ({time.monotonic() - started:.0f} s)")
    else:
        _say(f"could not set up {what}: {' '.join(command)}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")


def _say(line: str) -> None:
    print(f"tests: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
