"""`daypass login --role NAME`: a certificate of one role alone, for a fresh key and a sign-in of its own (trust 4.3).

    room for one more? -> fresh key -> nonce commits to key, CA and role -> the person signs in anew
    -> certificate of this role and no other -> agent -> ssh told -> file

The day pass, and whether ssh signs in by itself, stay as they are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daypass.client import holding, roles, trust
from daypass.client.agents.agent import Agent
from daypass.client.openssh import sshconfig
from daypass.client.roles import HeldRole
from daypass.client.signin.login import Login
from daypass.client.signin.subject import Subject, signer
from daypass.errors import Invalid
from daypass.model import ROLE_NAME
from daypass.wire import Certificate, PublicKey

__all__ = ["RoleLogin"]


@dataclass(frozen=True, slots=True)
class RoleLogin:
    """One sign-in, as `login` would do it for a day pass, for `role` alone."""

    login: Login
    role: str

    def run(self) -> HeldRole:
        """Raises any of the error tree; then nothing has changed."""
        if not ROLE_NAME.fullmatch(self.role):
            raise Invalid(f"{self.role!r} is no name of a role", hint="a-z, 0-9 and -, a letter first")
        settings = self.login.settings
        membership = trust.current(settings)
        with holding.alone(membership.context):
            roles.require_room(membership, self.role, time.time())
        now, key = time.time(), Ed25519PrivateKey.generate()
        day_pass = holding.held(membership, now)
        found = self.login.agent(roles.agent_of(membership, now) or (day_pass.agent if day_pass else None))

        def keep(certificate: Certificate) -> None:
            self._keep(certificate, key, found)

        public = PublicKey.from_cryptography(key.public_key())
        certificate = self.login.certify(Subject(public, signer(key), keep, role=self.role))
        sshconfig.update(settings, trust.current(settings))
        (kept_by,) = holding.noted(membership.context.roles_agent) or (found,)
        return HeldRole(certificate, kept_by, self.role)

    def _keep(self, certificate: Certificate, key: Ed25519PrivateKey, found: Agent) -> None:
        login = self.login
        membership = trust.current(login.settings)  # its trust document may be a newer one by now
        roles.check(certificate, self.role)
        with holding.alone(membership.context):
            roles.require_room(membership, self.role, time.time())  # another terminal may have taken it
            roles.keep(
                self.role, certificate, key, found, membership, login.settings, confirm=login.confirm, say=login.say
            )
