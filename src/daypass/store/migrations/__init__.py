"""Alembic's environment and the migrations, one file each. Loaded by `daypass.store.migrate` alone."""
