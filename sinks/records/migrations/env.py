"""Run by Alembic: migrates over the connection that it is handed, within that connection's transaction."""

from __future__ import annotations

from alembic import context

from sinks.records.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="records_version",
    transactional_ddl=True,
)
context.run_migrations()
