"""What one-time tokens say (wire.onetime), once their signature holds: whose, for which CA and keys, until when.

Those of a JSON Web Key (`jwk`) and of an X.509 certificate (`x5c`) differ in who vouches for them, and in nothing
that is looked at here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from daypass.errors import Invalid, Unauthenticated
from daypass.model import MAX_PRINCIPALS, Credential
from daypass.provisioners.jose import parse_object
from daypass.when import When, parse_when
from daypass.wire.binding import login_act
from daypass.wire.onetime import LONGEST, confirms

__all__ = ["LEEWAY", "Desk", "OneTime", "Refuse", "route_of"]

LEEWAY = 60  # seconds that the clock of who made it may be off
_MAX_ID = 256
_KINDS: Final = ("user", "host")


class _Ssh(msgspec.Struct, frozen=True, rename="camel"):
    """`step.ssh`, as step's client fills it in; null stands for what is absent."""

    cert_type: str = ""
    principals: list[str] | None = None
    valid_after: str = ""
    valid_before: str = ""


class _Step(msgspec.Struct, frozen=True):
    ssh: _Ssh | None = None


class _Claims(msgspec.Struct, frozen=True):
    """Those of every one (RFC 7519), and ours: `role`, `email`, `groups`, `labels`."""

    iss: str
    sub: str
    aud: str | list[str]
    iat: int
    exp: int
    jti: str
    nbf: int = 0
    step: _Step | None = None
    role: str = ""
    email: str = ""
    groups: list[str] = []
    labels: dict[str, str] = {}


class Refuse:
    """Refusals of one kind of token: `jwk.…`, `x5c.…`."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, code: str, reason: str, hint: str = "make a new token") -> Unauthenticated:
        return Unauthenticated(f"this token does not hold: {reason}", code=f"{self._kind}.{code}", hint=hint)


class OneTime(msgspec.Struct, frozen=True):
    """`kind`: user, host; "" of one that revokes. `principals` are what whoever made it wished for; `until`: for how
    long it wished, at most."""

    subject: str
    kind: str
    jti: str
    issued_at: int
    expires_at: int
    bound: bool
    principals: tuple[str, ...] = ()
    until: int | None = None
    email: str = ""
    groups: frozenset[str] = frozenset()
    labels: Mapping[str, str] = {}


class Desk:
    """Looks at the tokens of one provisioner. `names`: the host names of this CA."""

    def __init__(
        self, name: str, names: Collection[str], fragment: str, *, allow_unbound: bool, refuse: Refuse
    ) -> None:
        self._name, self._fragment = name, fragment
        self._names = frozenset(each.lower() for each in names)
        self._allow_unbound, self._refuse = allow_unbound, refuse

    def read(self, payload: bytes, credential: Credential, now: float) -> OneTime:
        """Of a payload whose signature holds. Raises Unauthenticated."""
        try:
            members = parse_object(payload)
            claims = msgspec.convert(members, _Claims)
        except (Invalid, msgspec.ValidationError) as error:
            raise self._refuse("claims", "a claim is missing, or is not what it has to be") from error
        revokes = credential.act == b"revoke"
        self._check_who(claims, "/ssh/revoke" if revokes else "/ssh/sign")
        self._check_times(claims, now)
        self._check_act(claims, credential)
        bound = self._check_binding(members, credential)
        ssh = _Ssh() if revokes else self._ssh(claims, credential)
        return OneTime(
            subject=claims.sub,
            kind=ssh.cert_type,
            jti=claims.jti,
            issued_at=claims.iat,
            expires_at=claims.exp + LEEWAY,
            bound=bound,
            principals=tuple(ssh.principals or ()),
            until=self._until(ssh, claims, now),
            email=claims.email,
            groups=frozenset(claims.groups),
            labels=claims.labels,
        )

    def _check_who(self, claims: _Claims, route: str) -> None:
        if claims.iss != self._name:
            raise self._refuse("provisioner", f"it is for another provisioner than {self._name!r}")
        if route_of(claims.aud, self._names) != (route, self._fragment):
            raise self._refuse("audience", f"it was not made for {route} of this CA")
        for value, most in ((claims.sub, 255), (claims.jti, _MAX_ID)):
            if not 1 <= len(value) <= most or not (value.isascii() and value.isprintable()):
                raise self._refuse("claims", "its subject or its id can't be one")

    def _check_times(self, claims: _Claims, now: float) -> None:
        if claims.exp + LEEWAY <= now:
            raise self._refuse("expired", "it has expired")
        if not 0 < claims.exp - claims.iat <= LONGEST:
            raise self._refuse("lifetime", f"it was to live for more than {LONGEST // 60} minutes, or for no time")
        if max(claims.iat, claims.nbf) - LEEWAY > now:
            raise self._refuse("not-yet", "it is from the future", "set the clock of the machine that made it")

    def _check_act(self, claims: _Claims, credential: Credential) -> None:
        """It certifies or revokes. Nobody administers the CA by one (trust 4.3), and one for a role alone says so."""
        if credential.act not in (b"enrol", b"revoke", login_act(claims.role)):
            raise self._refuse("act", "it was made for something else than what is asked for here")

    def _check_binding(self, members: Mapping[str, object], credential: Credential) -> bool:
        """Where it names keys it is for these. Else whoever has it must show at least that the key is theirs, which
        step's clients can't (trust 3.3)."""
        if "cnf" in members:
            if credential.act != b"revoke" and not confirms(members["cnf"], credential.keys):
                raise self._refuse("key", "it was made for another key")
            return True
        if credential.act == b"revoke" or credential.possessed or self._allow_unbound:
            return False
        hint = "bind it to the key (cnf), or use daypass; for step the operator has to set allow_unbound = true"
        raise self._refuse("unbound", "it is bound to no key", hint)

    def _ssh(self, claims: _Claims, credential: Credential) -> _Ssh:
        ssh = claims.step.ssh if claims.step is not None else None
        if ssh is None or ssh.cert_type not in _KINDS:
            raise self._refuse("kind", "it must be an SSH provisioning token, for user or host")
        if ssh.cert_type == "user" and credential.act == b"enrol":
            raise self._refuse("act", "it is a person's, and a host asks")
        if len(ssh.principals or ()) > MAX_PRINCIPALS:
            raise self._refuse("claims", f"it names more than {MAX_PRINCIPALS} principals")
        return ssh

    def _until(self, ssh: _Ssh, claims: _Claims, now: float) -> int | None:
        """A duration counts from when it was made: it may be shown again. A start in the future is not waited for."""
        try:
            after, before = parse_when("validAfter", ssh.valid_after), parse_when("validBefore", ssh.valid_before)
            begins = _moment(after, claims.iat)
            ends = _moment(before, claims.iat)
        except Invalid as error:
            raise self._refuse("claims", error.message) from error
        if begins is not None and begins - LEEWAY > now:
            raise self._refuse("not-yet", "its certificate is not to begin yet", "use it when it is")
        return ends


def _moment(when: When | None, base: int) -> int | None:
    return when.resolve(base) if when is not None else None


def route_of(audience: str | list[str], names: Collection[str]) -> tuple[str, str] | None:
    """Path and fragment of `https://HOST[:PORT][/1.0]/ssh/…[#…]` where that is this CA; step leaves the port out of
    the comparison."""
    text = audience if isinstance(audience, str) else audience[0] if len(audience) == 1 else ""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return None
    if url.scheme != "https" or "@" in url.netloc or url.query or host not in names or not text.isascii():
        return None
    return url.path.removeprefix("/1.0"), url.fragment
