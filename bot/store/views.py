"""What the pages show, and what else is remembered between passes, as JSON by key: a cache."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bot.store.database import Database
from bot.store.tables import views


class Views:
    """Values by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Set a value."""
        insert = self._database.insert(views).values(key=key, value=value)
        with self._database.write() as connection:
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["key"], set_={"value": insert.excluded.value}
                )
            )

    def swap(self, key: str, old: Mapping[str, Any] | None, new: dict[str, Any]) -> bool:
        """Set a value where it is `old` (None: where there is none); False if it is another."""
        first = self._database.insert(views).values(key=key, value=new)
        query = sa.select(views.c.value).where(views.c.key == key).with_for_update()
        with self._database.write() as connection:
            if old is None:
                fresh = first.on_conflict_do_nothing(index_elements=["key"])
                return connection.execute(fresh.returning(views.c.key)).first() is not None
            if connection.scalar(query) != old:
                return False
            connection.execute(sa.update(views).where(views.c.key == key).values(value=new))
            return True

    def drop(self, keys: Sequence[str]) -> None:
        """Forget these keys."""
        if keys:
            with self._database.write() as connection:
                connection.execute(sa.delete(views).where(views.c.key.in_(keys)))

    def get(self, key: str) -> dict[str, Any] | None:
        """The value, if there is one."""
        query = sa.select(views.c.value).where(views.c.key == key)
        with self._database.read() as connection:
            found: dict[str, Any] | None = connection.scalar(query)
            return found

    def list(self, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        """Keys that begin so, with their values, sorted."""
        query = sa.select(views).where(views.c.key.startswith(prefix, autoescape=True))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(views.c.key))
            return [(row.key, row.value) for row in rows]
