"""The first schema. Written out: a migration must not change when schema.py does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _installation()
    _persons()
    _hosts()
    _certificates()
    _single_use()
    _records()


def _installation() -> None:
    table = op.create_table(
        "installation",
        sa.Column("id", BIG, sa.CheckConstraint("id = 1", name="installation_one_row"), autoincrement=False),
        sa.Column("ledger_seq", BIG, nullable=False),
        sa.Column("ledger_time", BIG, nullable=False),
        sa.Column("ledger_hash", sa.LargeBinary, nullable=False),
        sa.Column("policy_hash", sa.LargeBinary, nullable=False),
        sa.Column("serial_floor", BIG, nullable=False),
        sa.Column("timeline", BIG, nullable=False),
        sa.Column("recovery_since", BIG),
        sa.PrimaryKeyConstraint("id"),
    )
    first = {"id": 1, "ledger_seq": 0, "ledger_time": 0, "ledger_hash": bytes(32), "policy_hash": b""}
    op.bulk_insert(table, [{**first, "serial_floor": 0, "timeline": 0}])


def _persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("login", sa.Text),
        sa.Column("generation", BIG, nullable=False),
        sa.Column("locked_at", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.UniqueConstraint("issuer", "subject", name="persons_issuer_subject"),
    )
    op.create_table(
        "names",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("person_id", BIG, sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("claimed_at", BIG, nullable=False),
        sa.Column("released_at", BIG),
    )
    op.create_index("names_person_id", "names", ["person_id"])


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("aliases", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("keys", sa.Text, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("removed_at", BIG),
    )
    op.create_table(
        "host_names",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id"), nullable=False),
    )
    op.create_index("host_names_host_id", "host_names", ["host_id"])


def _certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("serial", BIG, primary_key=True, autoincrement=False),
        sa.Column("type", sa.Integer, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("person_id", BIG, sa.ForeignKey("persons.id")),
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id")),
        sa.Column("generation", BIG, nullable=False),
        sa.Column("ca_key", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("certificate", sa.LargeBinary, nullable=False),
        sa.Column("principals", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("valid_after", BIG, nullable=False),
        sa.Column("valid_before", BIG, nullable=False),
        sa.Column("recorded_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG),
        sa.Column("revoke_reason", sa.Text),
    )
    for name, columns, where in (
        ("certificates_person", ["person_id", "valid_before"], sa.text("person_id IS NOT NULL")),
        ("certificates_host", ["host_id", "valid_before"], sa.text("host_id IS NOT NULL")),
        ("certificates_revoked", ["valid_before"], sa.text("revoked_at IS NOT NULL")),
    ):
        op.create_index(name, "certificates", columns, sqlite_where=where, postgresql_where=where)


def _single_use() -> None:
    op.create_table(
        "once_ids",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("serials", sa.Text, nullable=False),
        sa.Column("spent_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("once_ids_expires_at", "once_ids", ["expires_at"])
    op.create_table(
        "join_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("host_name", sa.Text, nullable=False),
        sa.Column("host_aliases", sa.Text, nullable=False),
        sa.Column("host_labels", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
    )
    op.create_table(
        "serial_blocks",
        sa.Column("start", BIG, primary_key=True, autoincrement=False),
        sa.Column("taken_at", BIG, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
    )


def _records() -> None:
    op.create_table(
        "config_versions",
        sa.Column("version", BIG, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("published_at", BIG, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("time", BIG, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
