"""How a CA begins: its keys, pinned roots, trust document, configuration, and the first entries of its record.

    keys/user_ca, host_ca, bundle   Ed25519, what this CA signs with
    keys/tls_root.key, .crt         the X.509 root of its own TLS; carries the CA id
    offline/trust_root              Ed25519, signs trust documents; to be taken off this machine
    trust.json                      trust document, version 1
    daypass.toml, the database      configuration, published as version 1

Nothing that exists is ever written over. A failure takes away what was made, so that it can be tried again.
"""

from daypass.founding.plan import CONFIG_FILE, Founded, Plan
from daypass.founding.work import found

__all__ = ["CONFIG_FILE", "Founded", "Plan", "found"]
