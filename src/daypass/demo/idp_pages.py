"""The pages of the demo's identity provider: no script, nothing loaded from anywhere, readable on a phone."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape

from starlette.responses import HTMLResponse

__all__ = ["disabled_page", "login_page", "refused_page"]

_STYLE = """
:root { color-scheme: light dark; --page: #eef1f5; --card: #fff; --ink: #1a2230; --soft: #566073;
  --line: #78849a; --act: #1f5fbf; --bad: #a3201d; --badbg: #fdeceb }
@media (prefers-color-scheme: dark) { :root { --page: #10141b; --card: #1a202b; --ink: #e9edf4;
  --soft: #a7b1c2; --line: #7d899c; --act: #2f6fd0; --bad: #ffb3ae; --badbg: #3d1b1c } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: flex; align-items: center; justify-content: center;
  padding: 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 25rem; padding: 2rem; background: var(--card); border-radius: .75rem;
  box-shadow: 0 1px 3px #0003, 0 8px 24px #0001 }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.25 }
p { margin: 0 0 1.25rem } .soft { color: var(--soft); font-size: .9375rem }
.soft:last-child { margin: 1.5rem 0 0 }
label { display: block; margin-bottom: .25rem; font-weight: 600 }
input { width: 100%; margin-bottom: 1rem; padding: .625rem .75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .375rem }
button, .button { display: block; width: 100%; padding: .75rem; border: 0; border-radius: .375rem;
  background: var(--act); color: #fff; font: inherit; font-weight: 600; text-align: center;
  text-decoration: none; cursor: pointer }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
.bad { padding: .75rem; border-radius: .375rem; background: var(--badbg); color: var(--bad) }
"""

# Chromium holds form-action against redirects too, and the form's answer redirects to the client's listener.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self' http://127.0.0.1:* https://localhost:*; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def login_page(*, application: str, action: str, username: str = "", hint: str = "", error: str = "") -> HTMLResponse:
    """The form: user and password, posted to `action`. With `error` it is shown again, status 403."""
    alert = f'<p class="bad" role="alert">{escape(error)}</p>' if error else ""
    tip = f'<p class="soft">{escape(hint)}</p>' if hint else ""
    # The cursor starts where the person has to type next.
    user_focus, password_focus = ("", " autofocus") if username else (" autofocus", "")
    body = f"""<h1>Sign in</h1>
<p class="soft"><strong>{escape(application)}</strong> on this computer asks who you are.</p>
{alert}<form method="post" action="{escape(action)}">
<label for="username">User name</label>
<input id="username" name="username" value="{escape(username)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" required{user_focus}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{password_focus}>
<button type="submit">Sign in</button>
</form>{tip}"""
    return _page("Sign in", body, status=403 if error else 200)


def disabled_page(*, application: str, back: str) -> HTMLResponse:
    """Says that the account is disabled; `back` tells the application so (error=access_denied)."""
    body = f"""<h1>This account is disabled</h1>
<p>You can't sign in with it. Ask your administrator if you think this is a mistake.</p>
<a class="button" rel="return" href="{escape(back)}">Back to {escape(application)}</a>"""
    return _page("This account is disabled", body, status=403)


def refused_page(reason: str) -> HTMLResponse:
    """For a request that must not be answered by a redirect: unknown client or foreign redirect URI."""
    return _page("Request refused", f"<h1>Request refused</h1><p>{escape(reason)}</p>", status=400)


def _page(title: str, body: str, *, status: int) -> HTMLResponse:
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - demo company</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )
    return HTMLResponse(html, status_code=status, headers=_HEADERS)
