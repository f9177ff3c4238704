"""What a person sees in the browser when they come back: signed in, or not, and why. No secret is in it."""

from __future__ import annotations

from html import escape

from daypass.page import CROSS, TICK, Page, footer, framed, headers, sentence, text

__all__ = ["HEADERS", "Page", "done", "failed", "refused", "signed_in"]

HEADERS = headers()


def signed_in(login: str, until: str, company: str) -> Page:
    """`until` as a person reads it, such as "Tue 24 Nov 21:04 CET"."""
    body = f"""<main class="good">{TICK}
<h1>Signed in as {escape(login)}</h1>
<p>Your day pass is good until <strong>{escape(until)}</strong>.</p>
<p class="soft">You can close this tab and go back to your terminal: plain <code>ssh</code> works now.</p>
{footer(company)}</main>"""
    return framed(200, "Signed in", body)


def done(purpose: str, company: str) -> Page:
    """After a sign-in for one administrative act."""
    body = f"""<main class="good">{TICK}
<h1>It is done</h1>
<p>You signed in to <strong>{escape(purpose)}</strong>. This sign-in was for that alone, and is used up.</p>
<p class="soft">You can close this tab and go back to your terminal.</p>
{footer(company)}</main>"""
    return framed(200, "Done", body)


def failed(message: str, hint: str | None, company: str) -> Page:
    """Why there is no certificate, in the provider's or the CA's words."""
    advice = f'<p class="soft">{sentence(hint)}</p>' if hint else ""
    body = f"""<main class="bad">{CROSS}
<h1>You are not signed in</h1>
<p>{sentence(message)}</p>{advice}
<p class="soft">Your terminal says the same. You can close this tab.</p>
{footer(company)}</main>"""
    return framed(403, "Not signed in", body)


def refused(status: int, title: str, message: str) -> Page:
    """For whatever is not the one answer that is waited for."""
    return framed(status, title, f'<main class="bad">{CROSS}<h1>{escape(title)}</h1><p>{text(message)}</p></main>')
