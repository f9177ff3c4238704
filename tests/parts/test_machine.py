"""The machines that other tests stand on."""

from __future__ import annotations

from tests.parts.machine import our_python, ours, run_yard


def test_a_machine_boots_and_keeps_its_disk_over_a_power_cut_and_reaches_the_yard() -> None:
    with run_yard(1, binds=ours()) as yard:
        (machine,) = yard.machines
        assert machine.run("cat", "/proc/1/comm").stdout == "systemd\n"
        assert machine.run("systemctl", "is-active", "ssh").stdout == "active\n"
        machine.run("sh", "-c", "echo kept >/root/file; sync")
        machine.reboot()
        assert machine.run("cat", "/root/file").stdout == "kept\n"
        assert "OpenSSH" in yard.run("ssh-keyscan", "-t", "ed25519", machine.address).stderr
        assert "daypass" in machine.run(*our_python(), "--version").stdout


def test_two_machines_differ_in_keys_and_in_name() -> None:
    with run_yard(2, boot=False) as yard:
        keys, names = (
            {(each.root / file).read_text() for each in yard.machines}
            for file in ("etc/ssh/ssh_host_ed25519_key.pub", "etc/machine-id")
        )
        assert len(keys) == len(names) == 2
