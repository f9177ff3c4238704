"""A server of the company with a real sshd, and a laptop that is set up for it: everything can be spoiled in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client.openssh import sshsetup
from daypass.client.settings import Settings
from daypass.wire import Certificate, CertType, PublicKey, sign_blob
from tests.client.mini_ca import MiniCa, line
from tests.parts.openssh import Sshd, run_sshd

HOST = "web-1.corp.test"


@dataclass(slots=True)
class Lab:
    """`sshd` answers as HOST to the laptop of `settings`; `folder` holds what is the server's."""

    ca: MiniCa
    settings: Settings
    folder: Path
    account: str
    sshd: Sshd

    @property
    def config(self) -> Path:
        return self.settings.ssh_folder / "config"

    def first(self, text: str) -> None:
        """The person's own words before daypass's block."""
        self.config.write_text(text + self.config.read_text())

    def known_as(self, name: str = HOST, **options: str) -> None:
        """An alias for the sshd, as DNS would lead there."""
        given = {"HostName": "127.0.0.1", "HostKeyAlias": HOST, "Port": str(self.sshd.port), "User": self.account}
        lines = "".join(f"    {key} {value}\n" for key, value in (given | options).items())
        self.config.write_text(f"{self.config.read_text()}Host {name}\n{lines}")

    def certify_host(
        self, *names: str, signer: Ed25519PrivateKey | None = None, begin: int = -60, end: int = 3600
    ) -> Certificate:
        """A certificate for the server's host key, in place; counts when sshd starts or reloads."""
        signer, now = signer or self.ca.host_ca, int(time.time())
        draft = Certificate(
            nonce=os.urandom(32),
            public_key=PublicKey.from_line(self.sshd.host_key.with_suffix(".pub").read_text()),
            serial=7,
            type=CertType.HOST,
            key_id=HOST,
            principals=names or (HOST,),
            valid_after=now + begin,
            valid_before=now + end,
            critical_options=(),
            extensions=(),
            signature_key=PublicKey.from_cryptography(signer.public_key()),
        )
        certificate = draft.with_signature(sign_blob(signer, draft.to_be_signed()))
        (self.folder / "host-cert.pub").write_text(certificate.line("host") + "\n")
        return certificate


@contextmanager
def run_lab(ca: MiniCa, settings: Settings, folder: Path, account: str) -> Iterator[Lab]:
    """The server admits role:dev:alice to `account`, by the files that enrolment writes."""
    (folder / "user_ca.pub").write_text(line(ca.user_ca) + "\n")
    (folder / "principals").mkdir()
    (folder / "principals" / account).write_text("role:dev:alice\n")
    for path in (folder, folder / "principals"):
        path.chmod(0o755)
    lines = [
        f"TrustedUserCAKeys {folder}/user_ca.pub",
        f"AuthorizedPrincipalsFile {folder}/principals/%u",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        "StrictModes no",
    ]
    with ExitStack() as stack:
        lab = Lab(ca, settings, folder, account, stack.enter_context(run_sshd(folder, lines)))
        lab.certify_host()
        with lab.sshd.config.open("a") as file:
            file.write(f"HostCertificate {folder}/host-cert.pub\n")
        lab.sshd.reload()
        settings.ssh_folder.mkdir(mode=0o700, exist_ok=True)
        lab.config.touch(0o600)
        sshsetup.apply(settings, sshsetup.plan(settings))
        lab.known_as()
        yield lab
