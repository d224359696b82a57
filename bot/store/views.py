"""Cached values by key, as JSON: the read model of the pages, and state kept between passes.

A view is a dataclass. It is written and validated here; a stored value of another shape (written
by an older or newer version) counts as absent.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from bot.store.database import Database
from bot.store.tables import views

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ViewKind(Generic[T]):
    """A kind of view: how its keys begin, and the dataclass of its values."""

    prefix: str
    shape: type[T]


class Views:
    """Values by key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoded: dict[str, tuple[str, Any]] = {}

    def save(self, kind: ViewKind[T], name: str, view: T) -> None:
        """Set the view of a name."""
        self._put(kind.prefix + name, self._database.json(encode(view)))

    def load(self, kind: ViewKind[T], name: str) -> T | None:
        """The view of a name, if there is one of this shape."""
        query = sa.select(sa.cast(views.c.value, sa.Text)).where(views.c.key == kind.prefix + name)
        with self._database.read() as connection:
            text = connection.scalar(query)
        return None if text is None else _decode(kind, text)

    def load_shared(self, kind: ViewKind[T], name: str) -> T | None:
        """The same value as long as the stored one is equal: for large views that many read."""
        key = kind.prefix + name
        query = sa.select(sa.cast(views.c.value, sa.Text)).where(views.c.key == key)
        with self._database.read() as connection:
            text = connection.scalar(query)
        if text is None:
            return None
        kept, view = self._decoded.get(key, ("", None))
        if kept != text:
            view = _decode(kind, text)
            self._decoded[key] = (text, view)
        return cast("T | None", view)

    def load_all(self, kind: ViewKind[T]) -> dict[str, T]:
        """Every view of a kind by name, sorted."""
        query = sa.select(views.c.key, sa.cast(views.c.value, sa.Text)).where(_begins(kind.prefix))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(views.c.key)).all()
        found = {key.removeprefix(kind.prefix): _decode(kind, text) for key, text in rows}
        return {name: view for name, view in found.items() if view is not None}

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Set a value."""
        self._put(key, value)

    def _put(self, key: str, value: object) -> None:
        insert = self._database.insert(views).values(key=key, value=value)
        with self._database.write() as connection:
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["key"], set_={"value": insert.excluded.value}
                )
            )

    def swap(self, key: str, old: Mapping[str, Any] | None, new: dict[str, Any]) -> bool:
        """Compare and swap: set a value if it is `old` (None: not set); False otherwise."""
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
