"""What each route does. A method here is named as its route in `api.ROUTES`; `app` puts the two together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from msgspec.structs import replace
from starlette.types import Scope

from daypass import api
from daypass.ca.ports import OnRecord
from daypass.errors import Invalid, NotFound, Unavailable
from daypass.model import Secret
from daypass.server import openapi, renewing, signing
from daypass.server.callers import Callers
from daypass.server.enrolling import enrolled
from daypass.server.explaining import explanation
from daypass.server.passes import caller
from daypass.server.ports import Heart, PublicInfo
from daypass.wire import CertType

__all__ = ["PublicRoutes"]

_PAGE, _LARGEST_PAGE = 20, 100


class PublicRoutes:
    """The routes of the TLS port."""

    def __init__(self, heart: Heart, public: PublicInfo, now: Callable[[], float] = time.time) -> None:
        self._heart = heart
        self._public = public
        self._now = now
        self._callers = Callers(public.trusted_proxies)
        self._openapi = openapi.document_bytes()

    async def health(self, _scope: Scope, _body: None) -> api.Health:
        """Whoever sends people to several processes of a CA leaves out one that can't issue anything."""
        self._public.now()
        return api.Health()

    async def version(self, _scope: Scope, _body: None) -> api.Version:
        return api.Version(self._public.version)

    async def root(self, scope: Scope, _body: None) -> api.RootResponse:
        fingerprint = scope["path_params"]["sha"].replace("-", "").lower()
        pem = self._roots().get(fingerprint)
        if pem is None:
            text = "no root certificate of this CA has that fingerprint"
            raise NotFound(text, code="root", hint="compare it with what `daypass ca init` printed")
        return api.RootResponse(pem)

    async def roots(self, _scope: Scope, _body: None) -> api.RootsResponse:
        return api.RootsResponse(list(self._roots().values()))

    def _roots(self) -> Mapping[str, str]:
        """Also where this process can't use the version in force: nobody is to lose the way to another one."""
        try:
            return self._public.now().roots
        except Unavailable:
            return self._public.roots

    async def provisioners(self, scope: Scope, _body: None) -> api.Provisioners:
        start, limit = _page(scope)
        everyone = self._public.now().provisioners
        more = f"{start + limit:x}" if start + limit < len(everyone) else ""
        return api.Provisioners(list(everyone[start : start + limit]), more)

    async def encrypted_key(self, scope: Scope, _body: None) -> api.EncryptedKey:
        kid = scope["path_params"]["kid"]
        for each in self._public.now().provisioners:
            if isinstance(each, api.JwkProvisioner) and each.encryptedKey and each.key.get("kid") == kid:
                return api.EncryptedKey(each.encryptedKey)
        raise NotFound("no key with this id is given out here", code="provisioner.key")

    async def ssh_roots(self, _scope: Scope, _body: None) -> api.SshRoots:
        user, host = self._heart.user_keys(), self._heart.host_keys()
        if not user and not host:
            raise NotFound("this CA has no SSH keys", code="ssh-roots")
        return api.SshRoots(userKey=[key.blob for key in user], hostKey=[key.blob for key in host])

    async def ssh_sign(self, _scope: Scope, body: api.SshSignRequest) -> api.SshSignResponse:
        """`step` asks for the person's e-mail as principal and key id whatever they may have; neither decides."""
        request, credential = signing.ssh_sign(body, self._heart.ca_id, self._now())
        issuance = await self._heart.issue(replace(request, principals=(), key_id=""), credential)
        return api.SshSignResponse(crt=issuance.certificates[0].certificate)

    async def sign(self, _scope: Scope, body: api.SshSignRequest) -> api.SshSignResponse:
        """Here a request narrows: principals that no role gives are refused. Whether the token needs a salt, too, is
        its provisioner's to say."""
        if not body.proof:
            hint = "clients that can't send it use /ssh/sign"
            raise Invalid("missing or empty proof", code="body.field", hint=hint)
        request, credential = signing.ssh_sign(body, self._heart.ca_id, self._now())
        issuance = await self._heart.issue(request, credential)
        answer = api.SshSignResponse(crt=issuance.certificates[0].certificate)
        if request.type is not CertType.USER:
            return answer
        bundle = api.Signed(*await self._heart.client_bundle())
        return replace(answer, bundle=bundle, roles=list(issuance.roles), narrow=list(issuance.narrow))

    async def ssh_renew(self, _scope: Scope, body: api.SshRenewRequest) -> api.SshSignResponse:
        issuance = await self._heart.renewals.renew(Secret(signing.given("ott", body.ott)))
        return api.SshSignResponse(crt=issuance.certificates[0].certificate)

    async def ssh_rekey(self, _scope: Scope, body: api.SshRekeyRequest) -> api.SshSignResponse:
        token, key, possessed = renewing.rekeying(body, self._heart.ca_id)
        issuance = await self._heart.renewals.rekey(token, key, possessed=possessed)
        return api.SshSignResponse(crt=issuance.certificates[0].certificate)

    async def ssh_revoke(self, _scope: Scope, body: api.SshRevokeRequest) -> api.SshRevokeResponse:
        await self._heart.renewals.revoke(*renewing.revocation(body))
        return api.SshRevokeResponse()

    async def my_certificates(self, scope: Scope, _body: None) -> api.MyCertificates:
        found = await self._heart.calls.certificates(caller(scope))
        return api.MyCertificates(certificates=[_mine(each) for each in found])

    async def my_revoke(self, scope: Scope, body: api.MyRevocation) -> api.MyCertificate:
        return _mine(await self._heart.calls.revoke(caller(scope), body.serial, body.reason))

    async def my_leave(self, scope: Scope, body: api.MyLeave) -> api.MyEnding:
        ended = await self._heart.calls.leave(caller(scope), body.reason)
        told = api.MyEnding(ending=ended.id, count=len(ended.serials))
        if body.wait <= 0:
            return told
        found = await self._heart.proofs.settled(ended.id, min(body.wait, api.MOST_PATIENCE))
        return replace(told, hosts=found.hosts, applied=found.applied, closed=found.closed_count)

    async def my_bundle(self, _scope: Scope, _body: None) -> api.Signed:
        return api.Signed(*await self._heart.client_bundle())

    async def my_hosts(self, scope: Scope, _body: None) -> api.Signed:
        return api.Signed(*await self._heart.my_hosts.of(caller(scope)))

    async def my_explain(self, scope: Scope, body: api.MyQuestion) -> api.Explanation:
        return explanation(await self._heart.questions.own(caller(scope), body.account, body.host))

    async def enrol(self, scope: Scope, body: api.EnrolRequest) -> api.EnrolResponse:
        found = await enrolled(self._heart, self._callers.address(scope), body)
        bundle, krl = await self._heart.bundle(found.host, body.bundle_version)
        return api.EnrolResponse(
            host_id=found.host.id,
            name=found.host.name,
            certificates=list(found.certificates),
            trust=self._public.now().trust,
            bundle=api.Signed(*bundle),
            krl=krl.krl,
        )

    async def ca(self, _scope: Scope, _body: None) -> api.CaInfo:
        public = self._public.now()
        return api.CaInfo(
            ca_id=self._heart.ca_id.hex(),
            name=self._heart.name,
            time=int(self._now()),
            providers=list(public.logins),
            workloads=list(public.workloads),
            user_lifetime=public.user_lifetime,
            pam=list(public.pam),
        )

    async def trust(self, _scope: Scope, _body: None) -> api.Signed:
        return self._public.now().trust

    async def openapi(self, _scope: Scope, _body: None) -> bytes:
        return self._openapi


def _mine(found: OnRecord) -> api.MyCertificate:
    return api.MyCertificate(
        serial=found.serial,
        key_id=found.key_id,
        principals=list(found.principals),
        valid_after=found.valid_after,
        valid_before=found.valid_before,
        revoked_at=found.revoked_at,
    )


def _page(scope: Scope) -> tuple[int, int]:
    """First index and size of the page that `?cursor=&limit=` asks for."""
    try:
        query = parse_qs(scope["query_string"].decode("ascii", "replace"), max_num_fields=16)
    except ValueError:
        raise Invalid("the query has too many fields", code="page") from None
    cursor, limit = query.get("cursor", ["0"])[0], query.get("limit", [str(_PAGE)])[0]
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9):
        raise Invalid("limit is not an integer", code="page")
    try:
        start = int(cursor[:16], 16)
    except ValueError:
        start = -1
    if start < 0:
        raise Invalid("cursor is not one of ours", code="page")
    return start, min(int(limit) or _PAGE, _LARGEST_PAGE)
