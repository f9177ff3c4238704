"""Run by Alembic for every migration: the connection is the one `migrate` opened."""

from __future__ import annotations

from alembic import context

from daypass.store.schema import metadata, schema_version

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=schema_version.name,
    version_table_pk=False,
    transactional_ddl=True,
)
context.run_migrations()
