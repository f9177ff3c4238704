"""The HTML of a sign-in for another machine (trust 8.2): type the code, look at what asks, decide, done.

No script; forms go to this CA alone. Everything that a machine, a provider or a person wrote is escaped
(CVE-2026-33758), and no code ever comes out of a link: whoever made the link would sign somebody else in.
"""

from __future__ import annotations

import time
from html import escape

from daypass.ca.device import DeviceAsked
from daypass.model import format_duration
from daypass.page import CROSS, STYLE, TICK, Page, footer, framed, headers, sentence, text

__all__ = ["HEADERS", "ask", "done", "failed", "going", "refused", "type_code"]

_MORE_STYLE = """
:root{--act:#1f5fbf;--actink:#fff;--box:#78849a}
@media(prefers-color-scheme:dark){:root{--act:#8fb8ff;--actink:#0d1830;--box:#7d899c}}
label{display:block;margin:1.25rem 0 .375rem;font-weight:600}
input[name=code]{width:100%;padding:.75rem .875rem;border:1px solid var(--box);border-radius:.5rem;
background:var(--page);color:inherit;font:1.375rem/1.25 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
letter-spacing:.08em;text-transform:uppercase}
button,.button{display:block;width:100%;margin-top:.75rem;padding:.8125rem 1rem;border:1px solid var(--act);
border-radius:.5rem;background:var(--act);color:var(--actink);font:inherit;font-weight:600;text-align:center;
text-decoration:none;cursor:pointer}
button.no{border-color:var(--box);background:transparent;color:inherit}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
dl{margin:1.25rem 0;border-top:1px solid var(--line)}
dl div{display:flex;gap:1rem;padding:.5rem 0;border-bottom:1px solid var(--line)}
dt{flex:0 0 5.5rem;color:var(--soft)}dd{margin:0;min-width:0}
form{margin-bottom:1.25rem}h1:first-child{margin-top:0}
.alert{margin:1rem 0;padding:.75rem 1rem;border-radius:.5rem;background:var(--badbg);color:var(--bad)}
@media(max-width:26rem){main{padding:1.5rem 1.25rem 1.25rem}dl div{padding:.375rem 0}dl{margin:.75rem 0}}
"""
_STYLE = STYLE + _MORE_STYLE

# Referrer-Policy: with no-referrer a browser sends its own form with `Origin: null` (Fetch, "append a request
# Origin header"), and a page of ours could not be told from anybody's.
HEADERS = headers(_STYLE, form_action="'self'", referrer="same-origin")


def type_code(company: str, wrong: tuple[int, str, str] | None = None) -> Page:
    """The first page. `wrong`: status, message and hint of what came of the code before."""
    status, alert = 200, ""
    if wrong is not None:
        status, alert = wrong[0], f'<p class="alert" role="alert">{sentence(wrong[1])} {_maybe(wrong[2])}</p>'
    body = f"""<main>
<h1>Sign in for another machine</h1>
<p class="soft">Type the code that <code>daypass login</code> shows on that machine.</p>
{alert}<form method="post" action="/device">
<label for="code">Code</label>
<input id="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="32"
 required autofocus>
<button type="submit">Continue</button>
</form>
<p class="soft small">Only a code that you asked for yourself, just now. Whoever sends you one wants to sign in as
you.</p>
{footer(company)}</main>"""
    return _page(status, "Sign in for another machine", body)


def ask(company: str, asked: DeviceAsked, here: str, request: str, lifetime: int, now: float) -> Page:
    """What asks, and the question. `here`: this browser's address; `lifetime`: of a day pass, where none is asked."""
    rows = (
        ("Machine", f"<strong>{text(asked.machine)}</strong>"),
        ("Asks from", text(asked.address)),
        ("You are at", text(here)),
        ("Its key", f"<code>{text(asked.fingerprint)}</code>"),
        ("For", _wish(asked, lifetime)),
        ("Asked", _ago(now - asked.started_at)),
    )
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    elsewhere = (
        ""
        if asked.address == here
        else " It asks from another network than this browser: usual for a server, and for a thief."
    )
    body = f"""<main>
<h1>Did you start this?</h1>
<p class="soft">A machine wants to sign in as you:</p>
<dl>{listed}</dl>
<p class="alert" role="alert">Go on only if you yourself ran <code>daypass login</code> there just now, and it shows
the same key.{elsewhere}</p>
<form method="post" action="/device/confirm">
<input type="hidden" name="request" value="{escape(request)}">
<button name="answer" value="yes">Yes, sign in at {text(asked.provider)}</button>
<button name="answer" value="no" class="no">No, that is not me</button>
</form>
{footer(company)}</main>"""
    return _page(200, "Did you start this?", body)


def _wish(asked: DeviceAsked, lifetime: int) -> str:
    """How long a role's certificate is good for is the role's to say, unless less was asked for."""
    if not asked.role:
        return f"{format_duration(asked.lifetime or lifetime)} of ssh as you"
    length = f"{format_duration(asked.lifetime)} of " if asked.lifetime else ""
    return f"{length}the role <strong>{text(asked.role)}</strong> alone"


def going(company: str, url: str, provider: str) -> Page:
    """On to the provider, by a page and not by a redirect (docs/adr/on-to-the-provider.md)."""
    place = escape(url)
    body = f"""<main>
<h1>On to {text(provider)}</h1>
<p class="soft">Sign in there, then you come back here.</p>
<a class="button" href="{place}">Continue</a>
{footer(company)}</main>"""
    return _page(200, "On to sign in", body, f'<meta http-equiv="refresh" content="0;url={place}">')


def done(company: str, login: str, machine: str, valid_before: int, now: float) -> Page:
    end = time.gmtime(valid_before)
    until = time.strftime(f"%a {end.tm_mday} %b %H:%M UTC", end)
    body = f"""<main class="good">{TICK}
<h1>Signed in as {text(login)}</h1>
<p>Go back to <strong>{text(machine)}</strong>: plain <code>ssh</code> works there for
{format_duration(max(0, int(valid_before - now)))}, until {until}.</p>
<p class="soft">You can close this tab.</p>
{footer(company)}</main>"""
    return _page(200, "Signed in", body)


def refused(company: str, message: str, hint: str, heard: bool) -> Page:
    """There is no certificate, and why; `heard`: the machine's terminal says it too."""
    there = "The terminal is told too. " if heard else ""
    advice = f'<p class="soft">{sentence(hint)}</p>' if hint else ""
    body = f"""<main class="bad">{CROSS}
<h1>You are not signed in</h1>
<p>{sentence(message)}</p>{advice}
<p class="soft">{there}You can close this tab.</p>
{footer(company)}</main>"""
    return _page(403, "Not signed in", body)


def failed(company: str, status: int, message: str, hint: str) -> Page:
    """Whatever else went wrong, with the way back to the start."""
    advice = f'<p class="soft">{sentence(hint)}</p>' if hint else ""
    body = f"""<main class="bad">{CROSS}
<h1>That did not work</h1>
<p>{sentence(message)}</p>{advice}
<a class="button" href="/device">Type the code again</a>
{footer(company)}</main>"""
    return _page(status, "That did not work", body)


def _page(status: int, title: str, body: str, head: str = "") -> Page:
    return framed(status, title, body, _STYLE, head)


def _maybe(hint: str) -> str:
    return sentence(hint) if hint else ""


def _ago(seconds: float) -> str:
    return "just now" if seconds < 60 else f"{format_duration(int(seconds) // 60 * 60)} ago"
