"""The PostgreSQL cluster gives databases that do not see each other."""

from __future__ import annotations

import psycopg
import sqlalchemy
from tests.parts.postgres import Postgres


def test_a_fresh_database_is_a_copy_of_its_template(postgres: Postgres) -> None:
    template = postgres.fresh()
    with psycopg.connect(postgres.dsn(template)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    copies = [postgres.fresh_url(template) for _ in range(2)]
    for number, url in enumerate(copies):
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"INSERT INTO t VALUES ({number})"))  # noqa: S608
            assert connection.execute(sqlalchemy.text("SELECT n FROM t")).scalars().all() == [7, number]
