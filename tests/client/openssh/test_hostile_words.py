"""What others have named, in files that ssh obeys: it stays a word, or is left out."""

from __future__ import annotations

import pytest

from daypass.client.openssh import sshconfig
from daypass.client.settings import Settings
from daypass.client.trust import Membership
from daypass.wire import string


@pytest.mark.parametrize(
    "name", ["Corp\n@cert-authority * ssh-ed25519 AAAA", "Corp\r* ssh-rsa", "a\x1b]0;x\x07b", "#", "", "Ä ß"]
)
def test_a_company_s_name_adds_no_line_to_known_hosts(name: str, joined: Membership) -> None:
    """It comes from the CA's web process, unsigned."""
    text = sshconfig.known_hosts(("*.corp.test",), joined.host_ca, name)
    (line,) = text.splitlines()
    words = line.split(" ", 4)
    assert words[:2] == ["@cert-authority", "*.corp.test,[*.corp.test]:*"]
    assert len(words) < 5 or all(each.isascii() and (each.isalnum() or each in "._-") for each in words[4])


@pytest.mark.parametrize("kind", ["ssh-rsa AAAA\nProxyCommand id", "", "*", "x" * 65, "SSH-RSA", "\u00e9"])
def test_a_key_that_an_agent_names_oddly_gets_no_file(kind: str, settings: Settings, joined: Membership) -> None:
    sshconfig.write_pass(settings, joined, "/agent", [string(kind.encode()) + string(b"x" * 32), b"", b"\xff" * 9])
    assert not list(joined.context.folder.glob("own-*"))
    assert joined.context.pass_config.read_text().count("IdentityFile") == 1
