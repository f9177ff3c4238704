"""Real libpam with a service folder of the test's own, and accounts that are nowhere else: pam_matrix, nss_wrapper.

Modules of the test's own are compiled from a few lines of C.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.needs import need

__all__ = ["WORDS", "Stack", "make_module", "make_stack"]

ACCOUNTS = {"alice": 1001, "bob": 1002, "root": 0, "backup": 34}
WORDS = {"alice": "correct horse", "bob": "battery", "root": "toor", "backup": "b"}


@dataclass(frozen=True, slots=True)
class Stack:
    """`environ` is for the helper: whom getpwnam(3) knows."""

    folder: Path
    service: str = "daypass"
    environ: Mapping[str, str] = field(default_factory=dict)

    def write(self, *lines: str) -> None:
        (self.folder / self.service).write_text("".join(f"{line}\n" for line in lines))


def make_stack(home: Path, *lines: str, groups: Mapping[str, Sequence[str]] | None = None) -> Stack:
    """Without `lines`: passwords of WORDS. `groups`: name to members."""
    need("cc")  # keeps all of PAM's tests together: they are there or not
    folder, passwords = home / "pam.d", home / "passdb"
    folder.mkdir()
    passwords.write_text("".join(f"{name}:{word}:daypass\n" for name, word in WORDS.items()))
    matrix = f"{need('pam_matrix')} passdb={passwords}"
    (home / "passwd").write_text("".join(f"{n}:x:{uid}:{uid}::/home/{n}:/bin/sh\n" for n, uid in ACCOUNTS.items()))
    named = {"engineers": ["alice", "bob"]} if groups is None else groups
    rows = [f"{name}:x:{2000 + at}:{','.join(those)}\n" for at, (name, those) in enumerate(named.items())]
    (home / "group").write_text("".join(rows))
    environ = {
        "LD_PRELOAD": str(need("nss_wrapper")),
        "NSS_WRAPPER_PASSWD": str(home / "passwd"),
        "NSS_WRAPPER_GROUP": str(home / "group"),
    }
    stack = Stack(folder, environ=environ)
    stack.write(*(lines or (f"auth required {matrix}", f"account required {matrix}")))
    return stack


_C = """\
#include <security/_pam_types.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern int pam_get_item(const pam_handle_t *, int, const void **);
extern int pam_set_item(pam_handle_t *, int, const void *);
static int ask(pam_handle_t *h, int count, int style, const char *text, char *answer) {
    const struct pam_conv *c; struct pam_message m[64]; const struct pam_message *p[64]; struct pam_response *r = 0;
    pam_get_item(h, PAM_CONV, (const void **)&c);
    for (int i = 0; i < count; i++) { m[i].msg_style = style; m[i].msg = (char *)text; p[i] = &m[i]; }
    int code = c->conv(count, p, &r, c->appdata_ptr);
    if (code == PAM_SUCCESS && r && answer) { answer[0] = 0; if (r[0].resp) strncpy(answer, r[0].resp, 63); }
    return code;
}
int pam_sm_setcred(pam_handle_t *h, int f, int n, const char **v) { write(1, "setcred", 7); abort(); }
int pam_sm_open_session(pam_handle_t *h, int f, int n, const char **v) { abort(); }
int pam_sm_acct_mgmt(pam_handle_t *h, int f, int n, const char **v) { ACCOUNT }
int pam_sm_authenticate(pam_handle_t *h, int f, int n, const char **v) { char a[64], b[64]; AUTHENTICATE }
"""
_HEADERS = """\
typedef struct pam_handle pam_handle_t;
struct pam_message { int msg_style; const char *msg; };
struct pam_response { char *resp; int resp_retcode; };
struct pam_conv { int (*conv)(int, const struct pam_message **, struct pam_response **, void *); void *appdata_ptr; };
enum { PAM_SUCCESS = 0, PAM_SYSTEM_ERR = 4, PAM_AUTH_ERR = 7, PAM_AUTHINFO_UNAVAIL = 9, PAM_NEW_AUTHTOK_REQD = 12,
       PAM_ACCT_EXPIRED = 13, PAM_CRED_EXPIRED = 16, PAM_CRED_ERR = 17, PAM_AUTHTOK_ERR = 20, PAM_TRY_AGAIN = 24,
       PAM_PERM_DENIED = 6, PAM_USER = 2, PAM_CONV = 5, SECRET = 1, TEXT = 2, INFO = 4 };
"""


def make_module(home: Path, authenticate: str, account: str = "return PAM_SUCCESS;") -> tuple[str, str]:
    """The lines of a stack of this module alone: what it does in each of its two calls, in C."""
    source, made = home / "module.c", home / "module.so"
    text = _C.replace("ACCOUNT }", f"{account} }}").replace("AUTHENTICATE }", f"{authenticate} }}")
    source.write_text(_HEADERS + text.replace("#include <security/_pam_types.h>\n", ""))
    subprocess.run([need("cc"), "-shared", "-fPIC", "-w", "-o", made, source, "-l:libpam.so.0"], check=True)
    return f"auth required {made}", f"account required {made}"
