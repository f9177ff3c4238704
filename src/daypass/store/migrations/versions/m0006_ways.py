"""Every way in: which cloud instance a host is, and which sign-ins by password failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("hosts", sa.Column("instance", sa.Text))
    op.add_column("host_acks", sa.Column("break_glass", sa.Text, nullable=False, server_default="[]"))
    op.create_table(
        "sign_in_failures",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("who", sa.Text, primary_key=True),
        sa.Column("network", sa.Text, primary_key=True),
        sa.Column("failures", BIG, nullable=False),
        sa.Column("last_at", BIG, nullable=False),
        sa.Column("until", BIG, nullable=False, server_default="0"),
        sa.Column("good_at", BIG, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_index("sign_in_failures_last_at", "sign_in_failures", ["last_at"])
