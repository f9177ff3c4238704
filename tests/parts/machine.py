"""Whole machines: Debian with a real systemd as PID 1, in systemd-nspawn, each on a disk and a network of its own.

The disk is one Debian that `python -m tests.setup` makes, under an overlay that goes with the test. The network is a
yard: a namespace with nothing but the machines in it, where the test's own programs run by `yard.enter`.

    with run_yard(2) as yard:
        web, db = yard.machines
        web.run("systemctl", "is-active", "ssh")          # as root, inside
        yard.run("ssh", f"root@{web.address}", "true")    # from outside
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.needs import MACHINE, need
from tests.parts.processes import wait_until

__all__ = ["Machine", "Yard", "install_daypass", "our_python", "ours", "run_yard"]

_Word = str | Path
_SOURCE = Path(__file__).parents[2] / "src"
# Where a machine finds them: below /tmp, say, where this tree may lie, a service would have a folder of its own.
_TREE, _PACKAGES = "/srv/tree/src", "/srv/tree/venv/lib/python3.11/site-packages"


@dataclass
class Machine:
    """`root` is its whole disk, seen from outside; `binds` (outside:inside) are there too, read only."""

    name: str
    root: Path
    address: str
    namespace: str
    binds: Sequence[str] = ()
    _nspawn: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def boot(self) -> None:
        """Returns when systemd says that it is up (`running`, or `degraded` by what the machine has not)."""
        command = [
            *(need("systemd-nspawn"), "-q", "-D", self.root, f"--machine={self.name}"),
            *("--register=no", "--keep-unit", "--resolv-conf=off"),
            *("--boot", f"--network-namespace-path=/run/netns/{self.namespace}", "--console=pipe"),
            *(f"--bind-ro={each}" for each in self.binds),
        ]
        log = self.root.parent / "console.log"
        with log.open("ab") as console:
            self._nspawn = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        wait_until(lambda: self._is_up(), f"{self.name} to boot: {log}", seconds=60)

    def _is_up(self) -> bool:
        assert self._nspawn is not None and self._nspawn.poll() is None, "nspawn has ended"
        if self._init() is None:
            return False
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def _init(self) -> int | None:
        """PID 1, once nspawn's own beginnings have become it."""
        children = _children(self._nspawn.pid) if self._nspawn else []
        return next((each for each in children if _comm(each) == "systemd"), None)

    def enter(self, *command: _Word) -> list[_Word]:
        """What runs `command` as root inside."""
        where = f"--target={self._init()}"
        clean = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")
        return [need("nsenter"), where, "-m", "-u", "-i", "-n", "-p", "-C", *clean, "LC_ALL=C.UTF-8", *command]

    def run(
        self, *command: _Word, check: bool = True, stdin: str = "", seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """As root inside, to its end."""
        return _ended(self.enter(*command), check, stdin, seconds)

    def power_cut(self) -> None:
        """Everything on it ends at once."""
        if self._nspawn is None:
            return
        for init in _children(self._nspawn.pid):
            with suppress(ProcessLookupError):
                os.kill(init, signal.SIGKILL)
        try:
            self._nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = None

    def reboot(self) -> None:
        """By a power cut."""
        self.power_cut()
        self.boot()


@dataclass(frozen=True)
class Yard:
    """What runs by `enter` is at `address`, where machines reach it; its names for them stand nowhere."""

    namespace: str
    address: str
    machines: tuple[Machine, ...]

    def enter(self, *command: _Word) -> list[_Word]:
        return [need("ip"), "netns", "exec", self.namespace, *command]

    def run(
        self, *command: _Word, check: bool = True, stdin: str = "", seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return _ended(self.enter(*command), check, stdin, seconds)


@contextmanager
def run_yard(machines: int = 1, *, binds: Sequence[str] = (), boot: bool = True) -> Iterator[Yard]:
    """Machine N, from 1, is at 10.79.N.2; the yard is at 10.79.0.1."""
    need("root with network namespaces")
    need("machine")
    tag = f"{os.getpid() % 100000}{secrets.token_hex(1)}"
    with ExitStack() as stack:
        yard = Yard(stack.enter_context(_namespace(f"dpy{tag}")), "10.79.0.1", ())
        _ip("-n", yard.namespace, "address", "add", f"{yard.address}/32", "dev", "lo")
        made = [stack.enter_context(_machine(tag, yard, number, binds)) for number in range(1, machines + 1)]
        for each in made if boot else ():
            each.boot()
        yield Yard(yard.namespace, yard.address, tuple(made))


def ours() -> tuple[str, ...]:
    """What a machine has to be bound to for `our_python`."""
    need("Debian's Python")
    return (f"{_SOURCE}:{_TREE}", f"{sys.prefix}:/srv/tree/venv")


def our_python() -> list[_Word]:
    """This very daypass, run inside by the machine's own Python: `machine.run(*our_python(), "host", "status")`."""
    return ["env", f"PYTHONPATH={_TREE}:{_PACKAGES}", "/usr/bin/python3", "-m", "daypass.cli.main"]


def install_daypass(machine: Machine) -> None:
    """As `/usr/local/bin/daypass`, as a package puts it there; its code is this very tree's."""
    program = machine.root / "usr/local/bin/daypass"
    found = f"sys.path[1:1] = {[_TREE, _PACKAGES]}"
    lines = ("#!/usr/bin/python3", "import sys", found, "from daypass.cli.main import main")
    program.write_text("\n".join([*lines, "sys.exit(main())", ""]))
    program.chmod(0o755)


@contextmanager
def _machine(tag: str, yard: Yard, number: int, binds: Sequence[str]) -> Iterator[Machine]:
    name = f"dpm{tag}{number}"
    with _namespace(name), _disk(name) as root:
        _ip(
            "-n", yard.namespace, "link", "add", f"to{number}", "type", "veth", "peer", "name", "host0", "netns", name
        )
        for where, link, end in ((yard.namespace, f"to{number}", 1), (name, "host0", 2)):
            _ip("-n", where, "address", "add", f"10.79.{number}.{end}/24", "dev", link)
            _ip("-n", where, "link", "set", link, "up")
        _ip("-n", name, "route", "add", "default", "via", f"10.79.{number}.1")
        machine = Machine(name, root, f"10.79.{number}.2", name, binds)
        try:
            yield machine
        finally:
            machine.power_cut()


@contextmanager
def _disk(name: str) -> Iterator[Path]:
    """A disk of its own, with host keys and a machine-id that no other has."""
    folder = Path(tempfile.mkdtemp(prefix="daypass-machine-"))
    upper, work, root = (folder / name for name in ("upper", "work", "root"))
    for each in (upper, work, root):
        each.mkdir()
    options = f"lowerdir={MACHINE},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "daypass-test", "-o", options, root], check=True)
    try:
        (root / "etc/hostname").write_text(f"{name}\n")
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost {name}\n")
        (root / "etc/resolv.conf").write_text("")  # nobody is there to be asked, and no one waits for it
        (root / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")
        subprocess.run([need("ssh-keygen"), "-q", "-A", "-f", root], check=True)
        yield root
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _namespace(name: str) -> Iterator[str]:
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run([need("ip"), "netns", "delete", name], check=False, capture_output=True)


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _ended(command: Sequence[_Word], check: bool, stdin: str, seconds: float) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        list(map(str, command)), input=stdin, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert not check or ran.returncode == 0, (ran.args, ran.returncode, ran.stdout, ran.stderr)
    return ran


def _ip(*arguments: str) -> None:
    subprocess.run([need("ip"), *arguments], check=True, capture_output=True)
