"""What hosts say of themselves and of logins, addresses as principals, join tokens for more than one host, and
the lists of what is revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _hosts()
    _join_tokens()
    _ca_machines()
    _krls()


def _hosts() -> None:
    op.add_column("hosts", _list("addresses"))
    op.add_column("hosts", sa.Column("facts", sa.Text))
    op.add_column("hosts", sa.Column("trust_version", BIG))
    op.add_column("hosts", sa.Column("enrolled_from", sa.Text))
    op.create_table(
        "host_reports",
        sa.Column("host_id", sa.Text, sa.ForeignKey("hosts.id"), primary_key=True),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("reported_at", BIG, nullable=False),
    )


def _join_tokens() -> None:
    for name in ("patterns", "networks", "addresses"):
        op.add_column("join_tokens", _list(name))
    op.add_column("join_tokens", sa.Column("max_uses", BIG, nullable=False, server_default="1"))
    op.add_column("join_tokens", sa.Column("uses", BIG, nullable=False, server_default="0"))
    op.add_column("join_tokens", sa.Column("replaces", sa.Text))
    op.add_column("join_tokens", sa.Column("revoked_at", BIG))


def _ca_machines() -> None:
    op.create_table(
        "ca_machines",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("trust_version", BIG, nullable=False),
        sa.Column("keys", sa.Text, nullable=False),
        sa.Column("since", BIG, nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
    )


def _krls() -> None:
    made = op.create_table(
        "krls",
        sa.Column("type", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("changes", BIG, nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("krl", sa.LargeBinary, nullable=False),
        sa.Column("made_of", BIG, nullable=False),
        sa.Column("checked_at", BIG, nullable=False),
    )
    rows = ({"type": kind, "changes": 0, "version": 0, "krl": b"", "made_of": 0, "checked_at": 0} for kind in (1, 2))
    op.bulk_insert(made, list(rows))


def _list(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="[]")
