"""The tables. Portable types only: SQLite and PostgreSQL hold the same rows.

Times are unix seconds. Serials fit a signed 64-bit integer: (unix minute << 32) stays below 2^63 for another
four thousand years. Lists and maps that nobody searches stand as JSON text. Everything that changes facts locks
the one row of `installation` first, so any number of CA processes write in one order and none can deadlock.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from daypass.ledger.chain import GENESIS

__all__ = [
    "FIRST_INSTALLATION",
    "FIRST_KRLS",
    "REVISION",
    "ca_machines",
    "certificates",
    "config_versions",
    "conflicts",
    "device_requests",
    "ending_reports",
    "endings",
    "event_sinks",
    "host_acks",
    "host_names",
    "host_reports",
    "host_sessions",
    "hosts",
    "identities",
    "installation",
    "join_tokens",
    "krls",
    "ledger",
    "metadata",
    "names",
    "once_ids",
    "pending_acts",
    "persons",
    "provider_words",
    "rechecks",
    "schema_version",
    "scim_members",
    "scim_resources",
    "scim_tokens",
    "serial_blocks",
    "session_ends",
]

REVISION = "0006"
"""The migration that makes exactly these tables."""

# SQLite stores a table in its key's order only where the type says INTEGER.
BIG = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

installation = Table(
    "installation",
    metadata,
    Column("id", BIG, CheckConstraint("id = 1", name="installation_one_row"), primary_key=True, autoincrement=False),
    Column("ledger_seq", BIG, nullable=False),
    Column("ledger_time", BIG, nullable=False),
    Column("ledger_hash", LargeBinary, nullable=False),
    Column("policy_hash", LargeBinary, nullable=False),  # of the active config_versions row; empty before the first
    Column("serial_floor", BIG, nullable=False),  # highest serial anyone has reported: blocks start above it
    Column("timeline", BIG, nullable=False),  # PostgreSQL's timeline last seen: a new one means recovery
    Column("recovery_since", BIG),  # while set, nothing is issued (trust 7.2)
    Column("policy_version", BIG, nullable=False, server_default="0"),  # of policy_hash's row; 0 before the first
    Column("sign_ins_over", BIG, nullable=False, server_default="0"),  # how often single sign-ins have been ended
)
FIRST_INSTALLATION = {
    "id": 1,
    "ledger_seq": 0,
    "ledger_time": 0,
    "ledger_hash": GENESIS,
    "policy_hash": b"",
    "policy_version": 0,
    "sign_ins_over": 0,
    "serial_floor": 0,
    "timeline": 0,
}

persons = Table(
    "persons",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("login", Text),  # None for people who have roles but no login name
    Column("generation", BIG, nullable=False),  # starts at 1
    Column("locked_at", BIG),
    Column("created_at", BIG, nullable=False),
    Column("locked_by", Text, nullable=False, server_default=""),  # "" an operator, else the providers that said so
    Column("ended_at", BIG),  # all access ended then: a sign-in from before gives nothing any more
    UniqueConstraint("issuer", "subject", name="persons_issuer_subject"),
)

# Who people are to their providers: the identity that made the person, and those that were linked to it. `facts` is
# what the last sign-in said (model.Identity's groups, claims …), for explain, who and policy diff.
identities = Table(
    "identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("person_id", BIG, ForeignKey("persons.id"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("email", Text),
    Column("facts", Text),  # JSON
    Column("facts_hash", LargeBinary),
    Column("linked_at", BIG, nullable=False),
    Column("linked_by", Text),  # an operator; None for the first one
    Index("identities_person_id", "person_id"),
    Index("identities_email", "email"),
    sqlite_with_rowid=False,
)

names = Table(
    "names",
    metadata,
    Column("name", Text, primary_key=True),
    Column("person_id", BIG, ForeignKey("persons.id")),  # None: reserved, nobody gets it
    Column("claimed_at", BIG, nullable=False),
    Column("released_at", BIG),  # a tombstone: nobody else gets the name
    Column("reason", Text),  # why it is reserved
    Index("names_person_id", "person_id"),
)

# Sign-ins that wanted a name of somebody else's (trust 1.3), for the operator.
conflicts = Table(
    "conflicts",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("email", Text),
    Column("first_at", BIG, nullable=False),
    Column("last_at", BIG, nullable=False),
    sqlite_with_rowid=False,
)

hosts = Table(
    "hosts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("aliases", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("keys", Text, nullable=False),  # wire blobs of the keys last certified, base64
    Column("created_at", BIG, nullable=False),
    Column("removed_at", BIG),
    Column("accounts", Text),  # JSON of what it said at its last sync: {"system": […], "ordinary": […]}
    Column("bundle_version", BIG),  # that it has applied, by its own word
    Column("synced_at", BIG),
    Column("addresses", Text, nullable=False, server_default="[]"),  # that are principals, too (trust 5.2)
    Column("facts", Text),  # JSON of what it says of itself: api.HostSelf
    Column("trust_version", BIG),  # that it goes by, by its own word
    Column("enrolled_from", Text),  # the address that it enrolled from
    Column("instance", Text),  # PROVISIONER:ID of the cloud instance that it is
)

# Who has logged in how, as each host counts it (trust 6.4); the newest report alone.
host_reports = Table(
    "host_reports",
    metadata,
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("report", Text, nullable=False),  # JSON
    Column("reported_at", BIG, nullable=False),
)

# Names and aliases of hosts share one space, so an alias can't take another host's name.
host_names = Table(
    "host_names",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host_id", Text, ForeignKey("hosts.id"), nullable=False),
    Index("host_names_host_id", "host_id"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("serial", BIG, primary_key=True, autoincrement=False),
    Column("type", Integer, nullable=False),  # 1 user, 2 host
    Column("key_id", Text, nullable=False),
    Column("person_id", BIG, ForeignKey("persons.id")),
    Column("host_id", Text, ForeignKey("hosts.id")),
    Column("generation", BIG, nullable=False),  # the person's, when this was decided
    Column("ca_key", Text, nullable=False),  # fingerprint of the key that signed: KRL sections name it
    Column("public_key", LargeBinary, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("principals", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("valid_after", BIG, nullable=False),
    Column("valid_before", BIG, nullable=False),
    Column("recorded_at", BIG, nullable=False),
    Column("signin", Text),  # which sign-in of a person's it comes from: model.sign_in
    Column("revoked_at", BIG),
    Column("revoke_reason", Text),
)
_person, _host, _revoked = (certificates.c[name].is_not(None) for name in ("person_id", "host_id", "revoked_at"))
Index(
    "certificates_person",
    certificates.c.person_id,
    certificates.c.valid_before,
    sqlite_where=_person,
    postgresql_where=_person,
)
Index(
    "certificates_host",
    certificates.c.host_id,
    certificates.c.valid_before,
    sqlite_where=_host,
    postgresql_where=_host,
)
Index("certificates_revoked", certificates.c.valid_before, sqlite_where=_revoked, postgresql_where=_revoked)

_signed_in = certificates.c.signin.is_not(None)
Index("certificates_signin", certificates.c.signin, sqlite_where=_signed_in, postgresql_where=_signed_in)

# The list of revoked certificates of each type that is handed out, the same by every CA process.
krls = Table(
    "krls",
    metadata,
    Column("type", Integer, primary_key=True, autoincrement=False),  # 1 user, 2 host
    Column("changes", BIG, nullable=False),  # how often certificates of this type were revoked
    Column("version", BIG, nullable=False),  # 0 before the first list
    Column("krl", LargeBinary, nullable=False),
    Column("made_of", BIG, nullable=False),  # what `changes` was when it was made
    Column("checked_at", BIG, nullable=False),
)
FIRST_KRLS = [
    {"type": kind, "changes": 0, "version": 0, "krl": b"", "made_of": 0, "checked_at": 0} for kind in (1, 2)
]

once_ids = Table(
    "once_ids",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("serials", Text, nullable=False),  # of the certificates it was spent on
    Column("spent_at", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Index("once_ids_expires_at", "expires_at"),
    sqlite_with_rowid=False,
)

join_tokens = Table(
    "join_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("host_name", Text, nullable=False),
    Column("host_aliases", Text, nullable=False),
    Column("host_labels", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("patterns", Text, nullable=False, server_default="[]"),  # any name that one of them fits; else host_name
    Column("networks", Text, nullable=False, server_default="[]"),  # to enrol from; none: from anywhere
    Column("addresses", Text, nullable=False, server_default="[]"),  # of the host, that become principals
    Column("max_uses", BIG, nullable=False, server_default="1"),
    Column("uses", BIG, nullable=False, server_default="0"),
    Column("replaces", Text),  # id of the host whose name passes to whoever brings this (trust 5.1)
    Column("revoked_at", BIG),
)

# Sign-ins on another device (trust 8.2). For ten minutes each; of their secrets there are hashes.
device_requests = Table(
    "device_requests",
    metadata,
    Column("device_hash", LargeBinary, primary_key=True),
    Column("user_hash", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("machine", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("network", Text, nullable=False),  # what the address is counted as
    Column("provider", Text, nullable=False),
    Column("lifetime", BIG),
    Column("created_at", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("state", Text, nullable=False),  # ca.ports.DeviceState
    Column("browser_hash", LargeBinary),
    Column("browser_address", Text),
    Column("refusal", Text),  # JSON of ca.ports.Refusal
    Column("serial", BIG),
    Column("login", Text),
    Column("role", Text, nullable=False, server_default=""),  # alone; empty: a day pass
    Index("device_requests_user_hash", "user_hash", unique=True),
    Index("device_requests_browser_hash", "browser_hash", unique=True),
    Index("device_requests_expires_at", "expires_at"),
)

serial_blocks = Table(
    "serial_blocks",
    metadata,
    Column("start", BIG, primary_key=True, autoincrement=False),
    Column("taken_at", BIG, nullable=False),
    Column("process", Text, nullable=False),
)

# Which keys each machine of this CA goes by, by its own word: rotation waits for all of them.
ca_machines = Table(
    "ca_machines",
    metadata,
    Column("name", Text, primary_key=True),  # HOST:PATH of its trust document
    Column("trust_version", BIG, nullable=False),
    Column("keys", Text, nullable=False),  # JSON: use -> fingerprint of what signs
    Column("since", BIG, nullable=False),  # that it goes by this trust document
    Column("seen_at", BIG, nullable=False),
)

config_versions = Table(
    "config_versions",
    metadata,
    Column("version", BIG, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("document", Text, nullable=False),
    Column("published_at", BIG, nullable=False),
    Column("actor", Text, nullable=False),
    Column("comment", Text),  # where it came from: a rollback, a file
)

# What one operator has asked for and a second one has to approve (trust 4.3). For an hour each.
pending_acts = Table(
    "pending_acts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("act", Text, nullable=False),  # the route's name
    Column("body", Text, nullable=False),  # JSON, as it was signed in for
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of what is approved
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("facts", Text, nullable=False),  # JSON of ca.subject.Subject: who asked, as they signed in
    Column("actor", Text, nullable=False),
    Column("requested_at", BIG, nullable=False),
    Column("expires_at", BIG, nullable=False),
    Column("decided_at", BIG),
    Column("decided_by", Text),
    Column("outcome", Text),  # done | refused | failed: …
    Index("pending_acts_expires_at", "expires_at"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("time", BIG, nullable=False),
    Column("act", Text, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("person_id", BIG),  # whose history it belongs to; certificates are found by their own table
)
_of_person = ledger.c.person_id.is_not(None)
Index("ledger_person", ledger.c.person_id, ledger.c.seq, sqlite_where=_of_person, postgresql_where=_of_person)

# Whatever has ended somebody's access: what was asked, what it hit, and how far it has come (trust 6).
endings = Table(
    "endings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("time", BIG, nullable=False),
    Column("source", Text, nullable=False),  # operator | self | scim | logout | signal | recheck | login
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("once", Text),  # hash of the event's own id: a provider's retry is the same ending
    Column("about", Text, nullable=False),  # what was asked for, in words: a person, a serial, a role …
    Column("persons", Text, nullable=False),  # JSON: ids
    Column("key_ids", Text, nullable=False),  # JSON: key ids that these persons' certificates have had
    Column("serials", Text, nullable=False),  # JSON
    Column("user_changes", BIG, nullable=False),  # krls.changes of each type when it was recorded: a list that is
    Column("host_changes", BIG, nullable=False),  # made of as many covers it
    Column("user_krl", BIG),  # version of the first list that covers it
    Column("host_krl", BIG),
    Column("gone", Integer, nullable=False),  # 1: these persons are to have no access, so what stays behind counts;
    # 2: hosts look for that and tell, until they are back
    Column("held", Integer, nullable=False),  # 1: open sessions wait for an operator
    Column("released_at", BIG),
    Column("released_by", Text),
    Column("undone_at", BIG),  # the persons are back
    Column("report", Text),  # JSON, once it is over
    Column("reported_at", BIG),
    Column("proven", Integer, nullable=False, server_default="0"),  # by the report: ca.ack_ports
    Index("endings_time", "time"),
    Index("endings_once", "once", unique=True),
)
for _name in ("gone", "held"):
    _of = endings.c[_name] > 0
    Index(f"endings_{_name}", endings.c.time, sqlite_where=_of, postgresql_where=_of)
_open = endings.c.proven < 2
Index("endings_open", endings.c.time, sqlite_where=_open, postgresql_where=_open)

# What single hosts had to tell of an ending: sessions closed, what stays behind. Nothing told, no row.
ending_reports = Table(
    "ending_reports",
    metadata,
    Column("ending_id", Text, ForeignKey("endings.id"), primary_key=True),
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("report", Text, nullable=False),  # JSON: api.EndingReport
    Column("reported_at", BIG, nullable=False),
    sqlite_with_rowid=False,
)

# What each host has applied, by its own word, and when the CA heard of it.
host_acks = Table(
    "host_acks",
    metadata,
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("bundle_version", BIG, nullable=False),
    Column("krl_version", BIG, nullable=False),
    Column("acked_at", BIG, nullable=False),
    Column("break_glass", Text, nullable=False, server_default="[]"),  # ids of such logins that it has told of
    sqlite_with_rowid=False,
)

# Who is on each host; the newest word alone.
host_sessions = Table(
    "host_sessions",
    metadata,
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("sessions", Text, nullable=False),  # JSON: [api.HostSession]
    Column("reported_at", BIG, nullable=False),
)

# When single sessions are to end: an operator said so, or the role they came in by has a max_session.
session_ends = Table(
    "session_ends",
    metadata,
    Column("host_id", Text, ForeignKey("hosts.id"), primary_key=True),
    Column("session", Text, primary_key=True),
    Column("at", BIG, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("made_at", BIG, nullable=False),
    sqlite_with_rowid=False,
)

# What directories say by SCIM (RFC 7643), each provider in a space of its own. Bearers as hashes.
scim_tokens = Table(
    "scim_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BIG, nullable=False),
    Column("expires_at", BIG),
    Column("used_at", BIG),
    Column("revoked_at", BIG),
)
scim_resources = Table(
    "scim_resources",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("type", Text, primary_key=True),  # User | Group
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),  # userName in small letters, displayName
    Column("external_id", Text),
    Column("match", Text),  # of a user: what a sign-in of theirs has where the provider's `match` looks
    Column("active", Integer, nullable=False),
    Column("allowed_at", BIG),  # an operator let them in all the same, until the directory says something else
    Column("deleted", Integer, nullable=False, server_default="0"),  # 1: kept for its `match` alone
    Column("state", BIG, nullable=False, server_default="1"),  # how often something was said that concerns access
    Column("settled", BIG, nullable=False, server_default="0"),  # what `state` was when it was dealt with
    Column("resource", Text, nullable=False),  # JSON
    Column("version", Text, nullable=False),  # ETag
    Column("created_at", BIG, nullable=False),
    Column("modified_at", BIG, nullable=False),
    Index("scim_resources_name", "provider", "type", "name"),
    Index("scim_resources_match", "provider", "match"),
    Index("scim_resources_external", "provider", "external_id"),
    sqlite_with_rowid=False,
)
scim_members = Table(
    "scim_members",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("member_id", Text, primary_key=True),
    Index("scim_members_member", "provider", "member_id"),
    sqlite_with_rowid=False,
)

# The last that a provider's security events said of a person's account, by when it happened there.
provider_words = Table(
    "provider_words",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("person_id", BIG, ForeignKey("persons.id"), primary_key=True, autoincrement=False),
    Column("at", BIG, nullable=False),  # milliseconds
    sqlite_with_rowid=False,
)

# Refresh tokens, sealed, of providers that are asked again during the day (trust 6.10).
rechecks = Table(
    "rechecks",
    metadata,
    Column("signin", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("person_id", BIG, ForeignKey("persons.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("next_at", BIG, nullable=False),
    Column("until", BIG, nullable=False),
    Column("failures", BIG, nullable=False, server_default="0"),
    Column("leased_until", BIG, nullable=False, server_default="0"),
    Index("rechecks_next_at", "next_at"),
)

# Sign-ins by password that failed, and when one went well, by whom and from where; hashes, forgotten after a while.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("who", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("failures", BIG, nullable=False),
    Column("last_at", BIG, nullable=False),
    Column("until", BIG, nullable=False, server_default="0"),  # nobody is asked before
    Column("good_at", BIG, nullable=False, server_default="0"),  # when it went well last
    Index("sign_in_failures_last_at", "last_at"),
    sqlite_with_rowid=False,
)

# How far each outlet of events has come in the ledger.
event_sinks = Table(
    "event_sinks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", BIG, nullable=False),  # the last entry that was delivered
    Column("failures", BIG, nullable=False, server_default="0"),
    Column("retry_at", BIG, nullable=False, server_default="0"),
    Column("error", Text),
    Column("leased_by", Text),
    Column("leased_until", BIG, nullable=False, server_default="0"),
)

# Alembic's own table, under a name that says what it holds; read here without importing alembic.
schema_version = Table("schema_version", MetaData(), Column("version_num", String(32), nullable=False))
