"""Sign-ins on another device (trust 8.2)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "device_requests",
        sa.Column("device_hash", sa.LargeBinary, primary_key=True),
        sa.Column("user_hash", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("lifetime", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("browser_hash", sa.LargeBinary),
        sa.Column("browser_address", sa.Text),
        sa.Column("refusal", sa.Text),
        sa.Column("serial", BIG),
        sa.Column("login", sa.Text),
    )
    op.create_index("device_requests_user_hash", "device_requests", ["user_hash"], unique=True)
    op.create_index("device_requests_browser_hash", "device_requests", ["browser_hash"], unique=True)
    op.create_index("device_requests_expires_at", "device_requests", ["expires_at"])
