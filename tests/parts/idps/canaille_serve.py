"""canaille on loopback, in memory: run by its own virtual environment's Python, never imported by ours.

    python canaille_serve.py REDIRECT_URI...     prints "READY issuer"; ends with its standard input

People are alice (engineers, night-shift), dave (dba) and boss (engineers), who manages them; the password is the
name. Groups stand in the ID token, as `groups`; there is no `email_verified`. It pushes its people to whatever
`PUSH URL BEARER CA-FILE` on its standard input says, at once ("PUSHED") and at every change.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import datetime
import logging
import os
import sys
import threading

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.scim.client import setup_scim_client
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

PEOPLE = {
    "alice": ("engineers", "night-shift"),
    "dave": ("dba",),
    "boss": ("engineers",),
}  # no word of a group that is empty is pushed
MANAGERS = {
    "FILTER": {"user_name": "boss"},
    "PERMISSIONS": ["edit_self", "use_oidc", "manage_users", "manage_all_groups", "delete_account"],
    "READ": ["user_name", "groups", "lock_date"],
    "WRITE": ["user_name", "groups", "lock_date"],
}
SCOPE = ["openid", "profile", "email", "groups"]


def main(redirect_uris: list[str]) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    app = server.app = create_app(settings(server.server_port), env_prefix="NOT_FROM_THE_ENVIRONMENT_")
    with app.app_context():
        fill(redirect_uris)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"READY http://127.0.0.1:{server.server_port}", flush=True)
    for line in sys.stdin:
        _, url, bearer, ca_file = line.split()
        os.environ["SSL_CERT_FILE"] = ca_file
        with app.test_request_context():
            push(url, bearer)
        print("PUSHED", flush=True)


def push(url: str, bearer: str) -> None:
    """What the CA's operator would type into its pages, and everybody who is there."""
    backend = Backend.instance
    client = backend.query(models.Client)[0]
    client.client_uri = url
    backend.save(client)
    backend.save(models.Token(
        token_id="push", access_token=bearer, subject=None, audience=[client], client=client, scope=["openid"],
        refresh_token="none", issue_date=datetime.datetime.now(datetime.UTC), lifetime=86400,
    ))  # fmt: skip
    setup_scim_client()
    for kind in (models.User, models.Group):
        for each in backend.query(kind):
            backend.save(each)


def settings(port: int) -> dict[str, object]:
    key = RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)
    return {
        "SECRET_KEY": "of a provider that lives for one test",
        "SERVER_NAME": f"127.0.0.1:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            "DATABASE": "memory",
            "SMTP": None,
            "ENABLE_REGISTRATION": False,
            "LOGGING": None,
            "ACL": {
                "EVERYBODY": {"FILTER": None},
                "MANAGERS": MANAGERS,
            },
        },
        "CANAILLE_OIDC": {
            "ACTIVE_JWKS": [key | {"use": "sig", "alg": "RS256"}],
            "TRUSTED_DOMAINS": ["localhost", "127.0.0.1"],
        },
        "SESSION_COOKIE_SECURE": False,
    }


def fill(redirect_uris: list[str]) -> None:
    backend = Backend.instance
    groups: dict[str, list[object]] = {}
    for name, theirs in PEOPLE.items():
        person = models.User(
            user_name=name, given_name=name, family_name=name, emails=[f"{name}@example.com"],
            password=name, formatted_name=name, display_name=name,
        )  # fmt: skip
        backend.save(person)
        for group in theirs:
            groups.setdefault(group, []).append(person)
    for group, members in groups.items():
        backend.save(models.Group(display_name=group, members=members))
    client = models.Client(
        client_id="daypass", client_name="daypass", client_uri="http://127.0.0.1", redirect_uris=redirect_uris,
        token_endpoint_auth_method="none", grant_types=["authorization_code"], response_types=["code"], scope=SCOPE,
        client_id_issued_at=datetime.datetime.now(datetime.UTC), id_token_signed_response_alg="RS256",
    )  # fmt: skip
    backend.save(client)
    client.audience = [client]
    backend.save(client)


main(sys.argv[1:])
