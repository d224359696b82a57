"""Cached values by key, as JSON: the read model of the pages, and state kept between passes.

A view is a dataclass. It is written and validated here; a stored value of another shape (written
by an older or newer version) counts as absent.
"""

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from bot.store.database import Database
from bot.store.keys import HASHES
from bot.store.tables import views

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ViewKind(Generic[T]):
    """A kind of view: how its keys begin, and the dataclass of its values.

    Of a shared one, which is large and often read, a hash is kept beside each value.
    """

    prefix: str
    shape: type[T]
    shared: bool = False


class Views:
    """Values by key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoded: dict[str, tuple[str, Any]] = {}

    def save(self, kind: ViewKind[T], name: str, view: T) -> None:
        """Set the view of a name."""
        self.save_all(kind, {name: view})

    def save_all(self, kind: ViewKind[T], found: Mapping[str, T]) -> None:
        """Set the views of several names, with one commit."""
        with self._database.write() as connection:
            for name, view in found.items():
                key, text = kind.prefix + name, encode(view)
                self._set(connection, key, self._database.json(text))
                if kind.shared:
                    value = {"hash": hashlib.sha256(text.encode()).hexdigest()}
                    self._set(connection, HASHES + key, value)

    def load(self, kind: ViewKind[T], name: str) -> T | None:
        """The view of a name, if there is one of this shape."""
        with self._database.read() as connection:
            text = _text(connection, kind.prefix + name)
        return None if text is None else _decode(kind, text)

    def load_shared(self, kind: ViewKind[T], name: str) -> T | None:
        """The same value as long as the stored one is: for shared views, which many read."""
        assert kind.shared
        key = kind.prefix + name
        with self._database.read() as connection:
            version = _text(connection, HASHES + key)
            kept, view = self._decoded.get(key, (None, None))
            if version is not None and kept == version:
                return cast("T | None", view)
            text = _text(connection, key)
        view = None if text is None else _decode(kind, text)
        if version is not None:
            self._decoded[key] = (version, view)
        return view

    def load_each(self, kind: ViewKind[T], names: Iterable[str]) -> dict[str, T]:
        """The views of several names, in one query."""
        rows = self._rows(kind.prefix + name for name in names)
        found = {key.removeprefix(kind.prefix): _decode(kind, text) for key, text in rows}
        return {name: view for name, view in found.items() if view is not None}

    def get_each(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The values of those of the keys that are set, in one query."""
        return {key: json.loads(text) for key, text in self._rows(keys)}

    def _rows(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        wanted = self._database.rows(json.dumps([[key] for key in keys]), 1)
        joined = sa.join(wanted.table, views, views.c.key == wanted.columns[0])
        query = sa.select(views.c.key, sa.cast(views.c.value, sa.Text)).select_from(joined)
        with self._database.read() as connection:
            return [(key, text) for key, text in connection.execute(query, wanted.parameters)]

    def load_all(self, kind: ViewKind[T]) -> dict[str, T]:
        """Every view of a kind by name, sorted."""
        query = sa.select(views.c.key, sa.cast(views.c.value, sa.Text)).where(_begins(kind.prefix))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(views.c.key)).all()
        found = {key.removeprefix(kind.prefix): _decode(kind, text) for key, text in rows}
        return {name: view for name, view in found.items() if view is not None}

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Set a value."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, dict[str, Any]]) -> None:
        """Set several values, with one commit."""
        if values:
            with self._database.write() as connection:
                for key, value in values.items():
                    self._set(connection, key, value)

    def _set(self, connection: sa.Connection, key: str, value: object) -> None:
        insert = self._database.insert(views).values(key=key, value=value)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["key"], set_={"value": insert.excluded.value}
            )
        )

    def swap(self, key: str, old: Mapping[str, Any] | None, new: dict[str, Any]) -> bool:
        """Compare and swap: set a value if it is `old` (None: not set); False otherwise."""
        return self.swap_all({key: (old, new)}) == frozenset({key})

    def swap_all(
        self, changes: Mapping[str, tuple[Mapping[str, Any] | None, dict[str, Any]]]
    ) -> frozenset[str]:
        """Compare and swap several values with one commit; the keys of those that were set."""
        with self._database.write() as connection:
            return frozenset(
                key
                for key, (old, new) in sorted(changes.items())
                if self._swap(connection, key, old, new)
            )

    def _swap(
        self,
        connection: sa.Connection,
        key: str,
        old: Mapping[str, Any] | None,
        new: dict[str, Any],
    ) -> bool:
        first = self._database.insert(views).values(key=key, value=new)
        query = sa.select(views.c.value).where(views.c.key == key).with_for_update()
        if old is None:
            fresh = first.on_conflict_do_nothing(index_elements=["key"])
            return connection.execute(fresh.returning(views.c.key)).first() is not None
        if connection.scalar(query) != old:
            return False
        connection.execute(sa.update(views).where(views.c.key == key).values(value=new))
        return True

    def drop(self, keys: Sequence[str]) -> None:
        """Delete these keys."""
        if keys:
            with self._database.write() as connection:
                connection.execute(sa.delete(views).where(views.c.key.in_(keys)))

    def get(self, key: str) -> dict[str, Any] | None:
        """The value of a key, if set."""
        query = sa.select(views.c.value).where(views.c.key == key)
        with self._database.read() as connection:
            found: dict[str, Any] | None = connection.scalar(query)
            return found

    def list(self, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        """The values whose keys begin like this, sorted by key."""
        query = sa.select(views).where(_begins(prefix))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(views.c.key))
            return [(row.key, row.value) for row in rows]


def encode(view: Any, exclude: Mapping[str, Any] | None = None) -> str:
    """A dataclass as JSON, without the fields in `exclude` (in pydantic's notation).

    Lone surrogates, which a forge's JSON can hold and UTF-8 cannot, become question marks.
    """
    shape: Any = type(view)
    adapter = _adapter(shape)
    try:
        return adapter.dump_json(view, exclude=exclude).decode()
    except PydanticSerializationError:
        value = adapter.dump_python(view, mode="json", exclude=exclude)
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def _text(connection: sa.Connection, key: str) -> str | None:
    query = sa.select(sa.cast(views.c.value, sa.Text)).where(views.c.key == key)
    return connection.scalar(query)


def _decode(kind: ViewKind[T], text: str) -> T | None:
    shape: Any = kind.shape
    try:
        view: T = _adapter(shape).validate_json(text)
    except ValidationError:
        return None
    return view


@functools.cache
def _adapter(shape: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _begins(prefix: str) -> sa.ColumnElement[bool]:
    return views.c.key.startswith(prefix, autoescape=True)
