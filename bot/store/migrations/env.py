"""Alembic's environment: migrations run on the connection that `Store.open` passes."""

from alembic import context

from bot.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
