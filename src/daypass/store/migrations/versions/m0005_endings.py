"""What ends access and how far that has come, sessions on hosts, what directories say, what is asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("installation", sa.Column("sign_ins_over", BIG, nullable=False, server_default="0"))
    op.add_column("persons", sa.Column("locked_by", sa.Text, nullable=False, server_default=""))
    op.add_column("persons", sa.Column("ended_at", BIG))
    op.add_column("certificates", sa.Column("signin", sa.Text))
    signed_in = sa.text("signin IS NOT NULL")
    op.create_index(
        "certificates_signin", "certificates", ["signin"], sqlite_where=signed_in, postgresql_where=signed_in
    )
    _endings()
    _scim()
    _others()


def _endings() -> None:
    op.create_table(
        "endings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("time", BIG, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("once", sa.Text),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("persons", sa.Text, nullable=False),
        sa.Column("key_ids", sa.Text, nullable=False),
        sa.Column("serials", sa.Text, nullable=False),
        sa.Column("user_changes", BIG, nullable=False),
        sa.Column("host_changes", BIG, nullable=False),
        sa.Column("user_krl", BIG),
        sa.Column("host_krl", BIG),
        sa.Column("gone", sa.Integer, nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("released_at", BIG),
        sa.Column("released_by", sa.Text),
        sa.Column("undone_at", BIG),
        sa.Column("report", sa.Text),
        sa.Column("reported_at", BIG),
        sa.Column("proven", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("endings_time", "endings", ["time"])
    op.create_index("endings_once", "endings", ["once"], unique=True)
    for name, where in (("gone", "gone > 0"), ("held", "held > 0"), ("open", "proven < 2")):
        some = sa.text(where)
        op.create_index(f"endings_{name}", "endings", ["time"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "ending_reports",
        sa.Column("ending_id", sa.Text, sa.ForeignKey("endings.id"), primary_key=True),
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id"), primary_key=True),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("reported_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "host_acks",
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id"), primary_key=True),
        sa.Column("bundle_version", BIG, nullable=False),
        sa.Column("krl_version", BIG, nullable=False),
        sa.Column("acked_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "host_sessions",
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id"), primary_key=True),
        sa.Column("sessions", sa.Text, nullable=False),
        sa.Column("reported_at", BIG, nullable=False),
    )
    op.create_table(
        "session_ends",
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id"), primary_key=True),
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("at", BIG, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("made_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )


def _scim() -> None:
    op.create_table(
        "scim_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG),
        sa.Column("used_at", BIG),
        sa.Column("revoked_at", BIG),
    )
    op.create_table(
        "scim_resources",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("match", sa.Text),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("allowed_at", BIG),
        sa.Column("deleted", sa.Integer, nullable=False, server_default="0"),
        sa.Column("state", BIG, nullable=False, server_default="1"),
        sa.Column("settled", BIG, nullable=False, server_default="0"),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("modified_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("scim_resources_name", "scim_resources", ["provider", "type", "name"])
    op.create_index("scim_resources_match", "scim_resources", ["provider", "match"])
    op.create_index("scim_resources_external", "scim_resources", ["provider", "external_id"])
    op.create_table(
        "scim_members",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("group_id", sa.Text, primary_key=True),
        sa.Column("member_id", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("scim_members_member", "scim_members", ["provider", "member_id"])


def _others() -> None:
    op.create_table(
        "provider_words",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("person_id", BIG, sa.ForeignKey("persons.id"), primary_key=True, autoincrement=False),
        sa.Column("at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rechecks",
        sa.Column("signin", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("person_id", BIG, sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("next_at", BIG, nullable=False),
        sa.Column("until", BIG, nullable=False),
        sa.Column("failures", BIG, nullable=False, server_default="0"),
        sa.Column("leased_until", BIG, nullable=False, server_default="0"),
    )
    op.create_index("rechecks_next_at", "rechecks", ["next_at"])
    op.create_table(
        "event_sinks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("failures", BIG, nullable=False, server_default="0"),
        sa.Column("retry_at", BIG, nullable=False, server_default="0"),
        sa.Column("error", sa.Text),
        sa.Column("leased_by", sa.Text),
        sa.Column("leased_until", BIG, nullable=False, server_default="0"),
    )
