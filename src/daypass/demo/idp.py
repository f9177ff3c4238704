"""A small OpenID Provider for the demo: a company's identity provider on loopback, everything in memory.

OpenID Connect Core 1.0 (authorization code flow), PKCE with S256 required (RFC 7636), `iss` in the answer
(RFC 9207), loopback redirects on any port (RFC 8252 section 7.3). One public client; all claims go into the
ID token. Not for production: it speaks plain http and its passwords are known.
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from daypass.demo.idp_pages import disabled_page, login_page, refused_page
from daypass.demo.idp_wire import ACR, challenge_of, discovery, form_of, wrong_with
from daypass.demo.people import PEOPLE, Person
from daypass.demo.person import sign_in

__all__ = ["PEOPLE", "Idp", "Person", "run_idp", "sign_in"]

CODE_SECONDS = 60
TOKEN_SECONDS = 300
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Session:
    """One sign-in at the provider; the cookie that names it gives single sign-on."""

    person: Person
    auth_time: int


@dataclass(frozen=True, slots=True)
class _Code:
    session: _Session
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires: float


class Idp:
    """The provider. `disable` and `enable` act at once, on open sessions and unspent codes too."""

    client_id = "daypass"

    def __init__(
        self,
        issuer: str,
        people: Mapping[str, Person] = PEOPLE,
        *,
        redirect_path: str = "/callback",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self._people = people
        self._redirect_path = redirect_path
        self._clock = clock
        self._disabled = {person.name for person in people.values() if person.disabled}
        self._key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"})
        self._sessions: dict[str, _Session] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[Person, float]] = {}

    def disable(self, name: str) -> None:
        """Take `name` out of the company: no sign-in, and what is already signed in ends."""
        self._disabled.add(self._people[name].name)

    def enable(self, name: str) -> None:
        self._disabled.discard(self._people[name].name)

    def logout_token(self, name: str) -> str:
        """For the applications of somebody who is taken out (OpenID Connect Back-Channel Logout 1.0 section 2.4)."""
        now = int(self._clock())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(),
            "sub": self._people[name].subject,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        return jwt.encode({"alg": "RS256", "typ": "logout+jwt", "kid": self._key.kid}, claims, self._key)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize, methods=["GET", "POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo, methods=["GET", "POST"]),
            ]
        )

    async def _discovery(self, _: Request) -> Response:
        return JSONResponse(discovery(self.issuer))

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    # -- the person's side -------------------------------------------------------------------------------

    async def _authorize(self, request: Request) -> Response:
        """The form, or a redirect that carries a code or an error.

        The form posts to the very URL it was asked under, so the request needs no memory here.
        """
        query = dict(request.query_params)
        if len(query) != len(request.query_params.multi_items()):
            return refused_page("A parameter was sent twice.")
        if query.get("client_id") != self.client_id:
            return refused_page("This application is not registered here.")
        if not self._is_registered(query.get("redirect_uri", "")):
            return refused_page("This application may not be answered at that address.")
        if wrong := wrong_with(query):
            return self._answer(query, error=wrong[0], error_description=wrong[1])
        if request.method == "POST":
            return await self._sign_in(request, query)
        return self._continue(request, query)

    def _continue(self, request: Request, query: Mapping[str, str]) -> Response:
        """Without asking again where the session allows it (OpenID Connect Core 3.1.2.3)."""
        session = self._sessions.get(request.cookies.get("session", ""))
        prompt = query.get("prompt", "").split()
        limit = query.get("max_age")
        stale = session is None or (limit is not None and self._clock() - session.auth_time > int(limit))
        if session is None or stale or "login" in prompt:
            if "none" in prompt:
                return self._answer(query, error="login_required")
            return self._form(query)
        return self._grant(query, session)

    async def _sign_in(self, request: Request, query: Mapping[str, str]) -> Response:
        form = await form_of(request)
        name = form.get("username", "").strip()
        person = self._people.get(name)
        given = form.get("password", "").encode()
        if person is None or not secrets.compare_digest(given, person.password.encode()):
            return self._form(query, username=name, error="User name or password is wrong.")
        session = _Session(person, int(self._clock()))
        answer = self._grant(query, session)
        if person.name not in self._disabled:
            cookie = secrets.token_urlsafe()
            self._sessions[cookie] = session
            answer.set_cookie("session", cookie, httponly=True, samesite="lax")
        return answer

    def _form(self, query: Mapping[str, str], *, username: str = "", error: str = "") -> Response:
        names = [person.name for person in self._people.values() if person.password == person.name]
        hint = f"This is a demo. People: {', '.join(names)}; the password is the name." if names else ""
        action = f"/authorize?{urlencode(query)}"
        username = username or query.get("login_hint", "")
        return login_page(application=self.client_id, action=action, username=username, hint=hint, error=error)

    def _grant(self, query: Mapping[str, str], session: _Session) -> Response:
        if session.person.name in self._disabled:
            back = self._answer_url(query, error="access_denied", error_description="this account is disabled")
            return disabled_page(application=self.client_id, back=back)
        code = secrets.token_urlsafe()
        self._codes[code] = _Code(
            session=session,
            redirect_uri=query["redirect_uri"],
            challenge=query["code_challenge"],
            nonce=query.get("nonce"),
            expires=self._clock() + CODE_SECONDS,
        )
        return self._answer(query, code=code)

    def _is_registered(self, uri: str) -> bool:
        """`http://127.0.0.1:<any port><redirect_path>` (RFC 8252 section 7.3), and the pages of the demo's own CA."""
        try:
            port = urlsplit(uri).port
        except ValueError:
            return False
        here = f"http://127.0.0.1:{port}{self._redirect_path}"
        return uri in (here, f"https://localhost:{port}/device/callback")

    def _answer(self, query: Mapping[str, str], **fields: str) -> Response:
        return RedirectResponse(self._answer_url(query, **fields), status_code=303, headers=_NO_STORE)

    def _answer_url(self, query: Mapping[str, str], **fields: str) -> str:
        state = {"state": query["state"]} if "state" in query else {}
        return f"{query['redirect_uri']}?{urlencode({**fields, **state, 'iss': self.issuer})}"

    # -- the application's side --------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        form = await form_of(request)
        if form.get("grant_type") != "authorization_code":
            return _refuse("unsupported_grant_type")
        code = self._codes.pop(form.get("code", ""), None)  # popped first: a code is good for one attempt
        if code is None or code.expires < self._clock() or code.session.person.name in self._disabled:
            return _refuse("invalid_grant")
        if form.get("client_id") != self.client_id or form.get("redirect_uri") != code.redirect_uri:
            return _refuse("invalid_grant")
        if challenge_of(form.get("code_verifier", "")) != code.challenge:
            return _refuse("invalid_grant")
        access = secrets.token_urlsafe()
        self._access[access] = (code.session.person, self._clock() + TOKEN_SECONDS)
        return JSONResponse(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "id_token": self._id_token(code),
            },
            headers=_NO_STORE,
        )

    def _id_token(self, code: _Code) -> str:
        now = int(self._clock())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": code.session.auth_time,
            "amr": ["pwd"],
            "acr": ACR,
            **code.session.person.claims(),
        }
        if code.nonce is not None:
            claims["nonce"] = code.nonce
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": self._key.kid}, claims, self._key)

    async def _userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person, expires = self._access.get(token, (None, 0.0))
        spent = person is None or expires < self._clock() or person.name in self._disabled
        if scheme.lower() != "bearer" or person is None or spent:
            return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return JSONResponse(person.claims(), headers=_NO_STORE)


def _refuse(error: str) -> Response:
    return JSONResponse({"error": error}, status_code=400, headers=_NO_STORE)


@contextmanager
def run_idp(
    host: str = "127.0.0.1",
    port: int = 0,
    people: Mapping[str, Person] = PEOPLE,
    *,
    redirect_path: str = "/callback",
    clock: Callable[[], float] = time.time,
) -> Iterator[Idp]:
    """Run the provider in a thread on `http://host:port` (0: a port of the moment) until the block ends."""
    with socket.create_server((host, port)) as listener:
        issuer = f"http://{host}:{listener.getsockname()[1]}"
        idp = Idp(issuer, people, redirect_path=redirect_path, clock=clock)
        config = uvicorn.Config(
            idp.app(), log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="demo-idp", daemon=True)
        thread.start()
        try:
            yield idp
        finally:
            server.should_exit = True
            thread.join()
