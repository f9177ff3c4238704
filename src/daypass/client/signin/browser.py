"""The loopback end of a sign-in: takes one answer from the browser, shows how it went, and closes.

RFC 8252 section 7.3 (loopback redirect), RFC 9207 (`iss` in the answer), RFC 6749 section 4.1.2. Any process on
the machine can knock here: only a request for the right path with the right state counts, once. The answer is
met with a redirect, so that neither code nor state stays in the address bar or in the history.
"""

from __future__ import annotations

import hmac
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from daypass.client.signin import loopback, pages
from daypass.client.signin.pages import Page
from daypass.errors import DaypassError, Denied, Misconfigured, Unauthenticated, Unavailable
from daypass.model import issuer_fits

__all__ = ["Answer", "Listener", "open_in_browser"]

CALLBACK, RESULT = "/callback", "/done"  # the first is what a provider has registered, unless it is told else
_FIELDS = ("code", "state", "iss", "error", "error_description", "error_uri")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back with the right state. `code` is a secret until it is redeemed."""

    code: str

    def __repr__(self) -> str:
        return "Answer(code=***)"


class Listener:
    """Waits on loopback for the answer to `state`. A context manager; closed when it ends.

    `issuer` must be the answer's `iss` where there is one; with `require_issuer` there must be one.
    """

    def __init__(
        self,
        *,
        state: str,
        issuer: str,
        require_issuer: bool,
        host: str = "127.0.0.1",
        ports: tuple[int, ...] = (),
        path: str = CALLBACK,
    ) -> None:
        self.company, self._path = "", path
        self._state, self._issuer, self._require_issuer = state, issuer, require_issuer
        self._lock = threading.Lock()
        self._arrived, self._decided, self._shown = threading.Event(), threading.Event(), threading.Event()
        self._answer: Answer | DaypassError | None = None
        self._result: Page | None = None
        self._servers = loopback.listen(self, host, ports)
        self.authority = f"{host}:{self._servers.port}"

    @property
    def redirect_uri(self) -> str:
        return f"http://{self.authority}{self._path}"

    def __enter__(self) -> Listener:
        self._servers.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.__exit__()

    def open(self, open_browser: Callable[[str], None], url: str) -> None:
        """Send the person to `url`. In a thread: some browsers keep the caller until they are closed."""
        threading.Thread(target=self._open, args=(open_browser, url), daemon=True).start()

    def wait(self, seconds: float) -> Answer:
        """The answer. Raises what the provider said instead of one, Unavailable when nothing came in time."""
        if not self._arrived.wait(seconds):
            within = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:g} s"
            raise Unavailable(
                f"nobody signed in at {self._issuer} within {within}",
                code="sign-in-timeout",
                hint="run daypass login again; --no-browser-open prints the address to open by hand, "
                "--device signs in on another device",
            )
        if isinstance(self._answer, Answer):
            return self._answer
        raise self._answer or Unavailable("the sign-in was interrupted", hint="run daypass login again")

    def finish(self, page: Page, seconds: float = 2.0) -> None:
        """Show the browser how it went; waits until it has seen the page, for `seconds` at most."""
        self._result = page
        self._decided.set()
        if self._arrived.is_set():
            self._shown.wait(seconds)

    # -- called by the server, in its threads ----------------------------------------------------------------

    def respond(self, target: str, host: str, *, visited: bool) -> Page | str:
        """The page for a request, or the path to redirect to."""
        if not hmac.compare_digest(host.encode(), self.authority.encode()):
            return _NOT_HERE  # a name of someone else's that points to loopback
        path, _, query = target.partition("?")
        if path == RESULT:
            return self._show()
        if path != self._path:
            return _NOT_HERE
        return self._take(query) if visited else _NOT_OURS

    def _take(self, query: str) -> Page | str:
        fields = _parse(query)
        if fields is None or not hmac.compare_digest(fields.get("state", "").encode(), self._state.encode()):
            return _NOT_OURS
        with self._lock:
            if self._arrived.is_set():
                return _TOO_LATE
            self._answer = self._judge(fields)
            self._arrived.set()
        return RESULT

    def _judge(self, fields: dict[str, str]) -> Answer | DaypassError:
        sender = fields.get("iss")
        ours = issuer_fits(self._issuer, sender) if sender is not None else not self._require_issuer
        if not ours:
            return Unauthenticated(
                "the answer does not come from the identity provider that was asked",
                code="wrong-issuer",
                hint="do not sign in again before you know why; tell your administrator (RFC 9207)",
            )
        if "error" in fields:
            return _provider_error(fields)
        if not fields.get("code"):
            return Unauthenticated(
                "the identity provider sent neither a code nor an error",
                code="no-code",
                hint="sign in again; if it stays so, tell the CA's operator",
            )
        return Answer(fields["code"])

    def _show(self) -> Page:
        if not self._arrived.is_set():
            return _NOT_HERE
        self._decided.wait(60.0)
        return self._result or _NOT_HERE

    def _open(self, open_browser: Callable[[str], None], url: str) -> None:
        try:
            open_browser(url)
        except DaypassError as error:
            self._give_up(error)
        except Exception as error:  # a browser's fault of any kind must not leave the person waiting
            self._give_up(Unavailable(f"the browser could not be opened ({type(error).__name__})", hint=_BY_HAND))

    def _give_up(self, error: DaypassError) -> None:
        with self._lock:
            if not self._arrived.is_set():
                self._answer = error
                self._arrived.set()

    def sent(self, answer: Page | str) -> None:
        """A page has gone out; if it is the result, nothing is left to wait for."""
        if answer is self._result:
            self._shown.set()


def open_in_browser(url: str, say: Callable[[str], None]) -> None:
    """The person's browser (webbrowser honours BROWSER); where there is none, the address to open by hand."""
    if not webbrowser.open(url):
        say(f"no browser could be opened; open this address in one on this machine:\n\n  {url}\n")


_BY_HAND = "daypass login --no-browser-open prints the address to open by hand"
_NOT_HERE = pages.refused(404, "Nothing here", "This address only takes the answer to one sign-in.")
_NOT_OURS = pages.refused(400, "Not this sign-in", "This answer does not belong to the sign-in that is going on.")
_TOO_LATE = pages.refused(410, "Already used", "This sign-in has had its answer. Run daypass login to start anew.")


def _provider_error(fields: dict[str, str]) -> DaypassError:
    """The provider's own words: no certificate, whatever the reason (RFC 6749 section 4.1.2.1)."""
    said = fields.get("error_description") or fields["error"]
    if fields["error"] in ("temporarily_unavailable", "server_error"):
        return Unavailable(f"the identity provider has a problem: {said}", code=_code(fields), hint="try again later")
    if fields["error"] in ("access_denied", "login_required", "interaction_required", "consent_required"):
        return Denied(
            f"the identity provider did not sign you in: {said}",
            code=_code(fields),
            hint="if your account should work, ask whoever looks after it there",
        )
    return Misconfigured(
        f"the identity provider refused the request: {said}",
        code=_code(fields),
        hint="tell the CA's operator: client id, redirect address and scopes must fit what the provider knows",
    )


def _code(fields: dict[str, str]) -> str:
    known = "".join(each for each in fields["error"] if each.isascii() and (each.isalnum() or each in "_-"))
    return f"provider.{known[:64]}"


def _parse(query: str) -> dict[str, str] | None:
    """The answer's fields; None where one stands twice (RFC 6749 section 3.1) or they can't be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=32, errors="strict")
    except ValueError:
        return None
    fields = dict(pairs)
    return None if any(sum(name == each for each, _ in pairs) > 1 for name in _FIELDS) else fields
