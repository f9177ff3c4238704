"""A machine to enrol."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.host.box import Box
from tests.host.fake_ca import FakeCa
from tests.parts.needs import need
from tests.parts.openssh import make_key


@pytest.fixture
def box(safe_path: Path) -> Box:
    (safe_path / "etc/ssh").mkdir(parents=True)
    (safe_path / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nalice:x:5001:5001::/home/alice:/bin/sh\n"
        "bob:x:5002:5002::/home/bob:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
    )
    (safe_path / "sshd").mkdir()
    make_key(safe_path / "sshd" / "ssh_host_ed25519_key")
    made = Box(safe_path, FakeCa(), need("sshd"))
    made.write_config()
    return made
