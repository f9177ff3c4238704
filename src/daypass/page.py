"""The frame of the pages that people see in a browser, the laptop's and the CA's: one look, light and dark.

No script, nothing loaded from anywhere; whatever others wrote goes through `text` or `sentence` (CVE-2026-33758).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape

__all__ = ["CROSS", "STYLE", "TICK", "Page", "footer", "framed", "headers", "sentence", "text"]

STYLE = """
:root{color-scheme:light dark;--page:#f3f5f8;--card:#fff;--ink:#18202c;--soft:#5a6577;--line:#dfe4ec;
--good:#14744a;--goodbg:#e3f5ec;--bad:#b3261e;--badbg:#fdeceb}
@media(prefers-color-scheme:dark){:root{--page:#0f131a;--card:#191f2a;--ink:#e8ecf3;--soft:#a5afc0;--line:#2c3545;
--good:#5fd39d;--goodbg:#12352a;--bad:#ffb4ad;--badbg:#3f1c1b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:flex;align-items:center;justify-content:center;padding:1rem;
background:var(--page);color:var(--ink);overflow-wrap:anywhere;
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:27rem;padding:2.25rem 2rem 1.75rem;background:var(--card);border:1px solid var(--line);
border-radius:1rem;box-shadow:0 1px 2px #0001,0 12px 32px #0001}
svg{display:block;width:3.25rem;height:3.25rem;padding:.8rem;border-radius:50%;fill:none;stroke-width:2.5;
stroke-linecap:round;stroke-linejoin:round}
.good svg{background:var(--goodbg);stroke:var(--good)}.bad svg{background:var(--badbg);stroke:var(--bad)}
h1{margin:1.25rem 0 .375rem;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em}
p{margin:0 0 .75rem}.soft{color:var(--soft)}
code{font:.9375em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
footer{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
"""

TICK = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 12.5l4.5 4.5L19 7.5"/></svg>'
CROSS = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 7l10 10M17 7L7 17"/></svg>'
_MAX_TEXT = 400  # characters of what others wrote


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to the browser."""

    status: int
    html: bytes


def headers(style: str = STYLE, form_action: str = "'none'", referrer: str = "no-referrer") -> dict[str, str]:
    """What goes out with every page that has this style and whose forms go nowhere else."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; base-uri 'none'; form-action {form_action}; "
        f"frame-ancestors 'none'; style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        "Cache-Control": "no-store",
        "Referrer-Policy": referrer,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def framed(status: int, title: str, body: str, style: str = STYLE, head: str = "") -> Page:
    """`title` is escaped here; `body` and `head` are HTML already."""
    head = (
        f'<meta charset="utf-8"><title>{escape(title)} · daypass</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{head}'
    )
    html = f'<!doctype html><html lang="en"><head>{head}<style>{style}</style></head><body>{body}</body></html>'
    return Page(status, html.encode())


def footer(company: str) -> str:
    return f"<footer>daypass · {escape(company)}</footer>" if company else "<footer>daypass</footer>"


def sentence(said: str) -> str:
    """The terminal's line as a page's sentence."""
    return text(said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else "."))


def text(said: str) -> str:
    """Others' words: cut, without control characters, and inert."""
    plain = "".join(each if each.isprintable() else " " for each in said)
    return escape(plain if len(plain) <= _MAX_TEXT else plain[: _MAX_TEXT - 1] + "…")
