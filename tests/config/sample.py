"""A good configuration for tests, and the one edit that makes it bad."""

from __future__ import annotations

GOOD = """\
config_version = 1
reserved_logins = ["deploy"]

[ca]
name = "Example"
url = "https://ca.example.com"
names = ["ca-1.example.com", "192.0.2.7"]
database = "sqlite:////var/lib/daypass/ca.sqlite"

[[keys]]
use = "user"
file = "/etc/daypass/keys/user_ca"
[[keys]]
use = "host"
file = "/etc/daypass/keys/host_ca"
[[keys]]
use = "bundle"
file = "/etc/daypass/keys/bundle"
[[keys]]
use = "tls"
file = "/etc/daypass/keys/tls_root.key"

[hosts]
domains = ["*.example.com"]

[lifetimes]
user = "16h"
host = "30d"

[[providers]]
name = "corp"
issuer = "https://id.example.com"
client_id = "daypass"

[[roles]]
name = "staff"
hosts = ["*"]
groups = ["staff"]
accounts = ["{login}"]

[[roles]]
name = "dba"
hosts = ["*"]
groups = ["dba"]
accounts = ["postgres"]
"""

# The very policy hash of GOOD, from when roles were given hosts: a release that adds keys must leave it as it is.
GOOD_HASH = "ae60928a8d51bf427e2aeb9c190f38b1e9fa1661c654ea0a6470e00a8e56ec4f"

WITH_SECRET = GOOD.replace('client_id = "daypass"', 'client_id = "daypass"\nclient_secret = "hunter2-hunter2"')

SECOND_PROVIDER = """
[[providers]]
name = "partner"
issuer = "https://id.partner.example"
client_id = "daypass"
"""


def edited(old: str, new: str) -> str:
    """GOOD with the first `old` replaced; `old` empty appends."""
    assert old in GOOD
    return GOOD.replace(old, new, 1) if old else GOOD + new
