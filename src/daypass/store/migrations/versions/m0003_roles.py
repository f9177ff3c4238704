"""Published versions, several identities a person, reserved names, hosts' own word, acts that wait for approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _versions()
    _persons()
    _names()
    _hosts()
    _pending_acts()
    _ledger()
    op.add_column("device_requests", sa.Column("role", sa.Text, nullable=False, server_default=""))


def _versions() -> None:
    op.add_column("installation", sa.Column("policy_version", BIG, nullable=False, server_default="0"))
    newest = "(SELECT coalesce(max(version), 0) FROM config_versions)"
    op.execute(f"UPDATE installation SET policy_version = {newest}")  # noqa: S608  a constant
    op.add_column("config_versions", sa.Column("comment", sa.Text))


def _persons() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("person_id", BIG, sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("facts", sa.Text),
        sa.Column("facts_hash", sa.LargeBinary),
        sa.Column("linked_at", BIG, nullable=False),
        sa.Column("linked_by", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("identities_person_id", "identities", ["person_id"])
    op.create_index("identities_email", "identities", ["email"])
    op.execute(
        "INSERT INTO identities (issuer, subject, person_id, provider, linked_at) "
        "SELECT issuer, subject, id, '', created_at FROM persons"
    )
    op.create_table(
        "conflicts",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("first_at", BIG, nullable=False),
        sa.Column("last_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )


def _names() -> None:
    with op.batch_alter_table("names") as names:
        names.alter_column("person_id", existing_type=BIG, nullable=True)
        names.add_column(sa.Column("reason", sa.Text))


def _hosts() -> None:
    op.add_column("hosts", sa.Column("accounts", sa.Text))
    op.add_column("hosts", sa.Column("bundle_version", BIG))
    op.add_column("hosts", sa.Column("synced_at", BIG))


def _pending_acts() -> None:
    op.create_table(
        "pending_acts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("requested_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("decided_at", BIG),
        sa.Column("decided_by", sa.Text),
        sa.Column("outcome", sa.Text),
    )
    op.create_index("pending_acts_expires_at", "pending_acts", ["expires_at"])


def _ledger() -> None:
    op.add_column("ledger", sa.Column("person_id", BIG))
    of_person = sa.text("person_id IS NOT NULL")
    op.create_index(
        "ledger_person", "ledger", ["person_id", "seq"], sqlite_where=of_person, postgresql_where=of_person
    )
