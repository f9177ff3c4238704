"""Remember: persons, certificates, hosts, one-time ids, serial blocks and the ledger, in SQLite or PostgreSQL.

One SQLAlchemy Core code for both. `migrate` (and Alembic with it) is imported by `daypass ca migrate` alone.
"""

from daypass.store.opening import open_store
from daypass.store.store import SqlStore

__all__ = ["SqlStore", "open_store"]
