"""An instance becomes a host by its cloud's word: `daypass host enroll --cloud`, and a CA on another machine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.host.box import Box, new_box
from tests.host.real_ca import RealCa, ended
from tests.parts.lan import Lan, run_lan
from tests.parts.metadata import WEB, Metadata, run_metadata
from tests.parts.openssh import show_certificate
from tests.parts.processes import safe_directory

REFUSED = 4
SUBSCRIPTION, VM = "8d10da13-8125-4ba9-a717-bf7490507b3d", "13f56399-bd52-4150-9748-7190aae1ff21"
HOSTS = {"gcp": 1, "azure": 2}
"""Which machine of the network is this cloud's; the CA is the laptop, 10.78.0.1."""

CLOUDS = """
[[clouds]]
name = "google"
type = "gcp"
accounts = ["shop-prod"]
host_name = "{{name}}.example.com"
labels = {{ zone = "{{zone}}", tier = "web" }}

[[clouds]]
name = "azure"
type = "azure"
accounts = ["{subscription}"]
host_name = "vm-{{instance}}.example.com"
labels = {{ subscription = "{{account}}" }}
certificates = "{certificates}"
"""
EXPECTED: list[tuple[str, str, dict[str, str], str]] = [
    ("gcp", "web-1.example.com", {"zone": "europe-west3-a", "tier": "web"}, "for other keys"),
    ("azure", f"vm-{VM}.example.com", {"subscription": SUBSCRIPTION}, "was not made for these keys"),
]


@dataclass(frozen=True, slots=True)
class Sky:
    """Clouds with an instance each, and a CA that believes both."""

    lan: Lan
    services: Mapping[str, Metadata]
    ca: RealCa

    def enroll(self, cloud: str, box: Box, code: int = 0) -> subprocess.CompletedProcess[str]:
        """As root types it on that cloud's instance, whose disk is this box."""
        options = ("--root", box.root, "--sshd-config", box.config, "--no-reload", "--json")
        where = ("--cloud", cloud, "--ca", self.ca.url, "--fingerprint", self.ca.fingerprint)
        return ended("host", "enroll", *where, *options, code=code, before=self.lan.host(HOSTS[cloud]))


@pytest.fixture(scope="module")
def sky() -> Iterator[Sky]:
    with ExitStack() as stack:
        lan, folder = stack.enter_context(run_lan(len(HOSTS))), stack.enter_context(safe_directory())
        services = {}
        for cloud, number in HOSTS.items():
            (folder / cloud).mkdir()
            service = run_metadata(cloud, folder / cloud, f"{lan.prefix}h{number}")
            services[cloud] = stack.enter_context(service)
        clouds = CLOUDS.format(subscription=SUBSCRIPTION, certificates=services["azure"].certificate)
        ca = RealCa(folder, clouds, "10.78.0.1", by_names(lan, folder / "hosts"))
        ca.start({"SSL_CERT_FILE": str(services["gcp"].certificate)})
        stack.callback(ca.stop)
        yield Sky(lan, services, ca)


def by_names(lan: Lan, hosts: Path) -> list[str | Path]:
    """What stands before the CA's command: it meets Google's web servers at the machine that publishes the keys."""
    hosts.write_text(f"127.0.0.1 localhost\n10.77.{HOSTS['gcp']}.2 {' '.join(WEB)}\n")
    return [*lan.laptop, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]


def certificate(box: Box) -> Path:
    return box.paths.ours / "ssh_host_ed25519_key-cert.pub"


@pytest.mark.parametrize(("cloud", "name", "labels", "refusal"), EXPECTED, ids=HOSTS)
def test_an_instance_gets_certificates_by_its_word_and_other_keys_do_not(
    cloud: str, name: str, labels: dict[str, str], refusal: str, sky: Sky, box: Box
) -> None:
    assert json.loads(sky.enroll(cloud, box).stdout)["name"] == name
    assert re.findall(r"Principals:\s+(\S+)\n", show_certificate(certificate(box))) == [name]
    with safe_directory() as folder:
        other = new_box(folder)
        with sky.services[cloud].repeating():
            assert refusal in sky.enroll(cloud, other, REFUSED).stderr
        assert "was used before, for another key" in sky.enroll(cloud, other, REFUSED).stderr
        assert not certificate(other).exists()
    known = json.loads(sky.ca.run("host", "show", name, "--json"))
    assert (known["host"]["labels"], len(known["certificates"])) == (labels, 1)
