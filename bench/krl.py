"""What a list of revoked certificates costs a login: a real sshd with none, with 1,000 drawn at random from the
100,000 that are live, and with 100,000, in one range and drawn at random from ten times as many.

The floor is the same login with an empty list, in the same run, each shape in turn.
"""

from __future__ import annotations

import getpass
import random
import statistics
import time
from pathlib import Path

from tests.parts.openssh import Sshd, make_key, run_sshd, sign_key
from tests.parts.processes import safe_directory

from bench.measure import run_cpu
from daypass.wire import CertificateSection, Krl, PublicKey

RUNS = 40
REVOKED = 100_000
FIRST = 30_000_000 << 32  # as a block of serials starts today


def _drawn(many: int, of: int) -> tuple[tuple[int, int], ...]:
    chosen = sorted(random.Random(6).sample(range(of), many))  # noqa: S311  # the same in each run
    return tuple((FIRST + 2 + each, FIRST + 2 + each) for each in chosen)


SHAPES: dict[str, tuple[tuple[int, int], ...]] = {
    "none": (),
    "range": ((FIRST + 2, FIRST + 1 + REVOKED),),
    "live": _drawn(1000, REVOKED),
    "scattered": _drawn(REVOKED, 10 * REVOKED),
}


def measure(quick: bool) -> dict[str, float]:
    runs = RUNS // 10 if quick else RUNS
    with safe_directory() as folder:
        ca, mine = make_key(folder / "ca"), make_key(folder / "id")
        sign_key(ca, mine.with_suffix(".pub"), key_id="bench", principals=[getpass.getuser()], serial=FIRST + 1)
        key, krl = PublicKey.from_line((folder / "ca.pub").read_text()), folder / "krl"
        lists = {name: _list(key, serials) for name, serials in SHAPES.items()}
        krl.write_bytes(lists["none"])
        lines = [f"TrustedUserCAKeys {folder}/ca.pub", f"RevokedKeys {krl}", "PermitRootLogin yes"]
        (folder / "sshd").mkdir()
        with run_sshd(folder / "sshd", lines) as sshd:
            taken: dict[str, list[float]] = {name: [] for name in lists}
            for _ in range(runs):
                for name, text in lists.items():
                    krl.write_bytes(text)
                    taken[name].append(_login(sshd, mine))
    half = {name: statistics.median(each) for name, each in taken.items()}
    return {f"login_p50_krl_{name}_ms": each * 1000 for name, each in half.items()} | {
        "login_slowdown_with_krl": half["live"] / half["none"],
        "login_krl_range_over_none": half["range"] / half["none"],
        "login_krl_scattered_over_none": half["scattered"] / half["none"],
    }


def _list(key: PublicKey, serials: tuple[tuple[int, int], ...]) -> bytes:
    return Krl(int(time.time() * 1000), 1, "daypass", (CertificateSection(key, serials),) if serials else ()).encode()


def _login(sshd: Sshd, identity: Path) -> float:
    """Wall seconds of one login that does nothing."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes")
    command = ["ssh", "-F", "none", "-p", str(sshd.port), "-i", str(identity)]
    for option in options:
        command += ["-o", option]
    return run_cpu([*command, f"{getpass.getuser()}@127.0.0.1", "true"])[1]
