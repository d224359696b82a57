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

from bot.store.database import Database, escaped
from bot.store.keys import HASHES
from bot.store.tables import views

T = TypeVar("T")

_KEY_IS = views.c.key == sa.bindparam("a_key")
_AS_TEXT = sa.cast(views.c.value, sa.Text)
_BEGINS = views.c.key.startswith(sa.bindparam("prefix"), escape="/")
VALUE = sa.select(views.c.value).where(_KEY_IS)
TEXT = sa.select(_AS_TEXT).where(_KEY_IS)
LIST = sa.select(views).where(_BEGINS).order_by(views.c.key)
TEXTS = sa.select(views.c.key, _AS_TEXT).where(_BEGINS).order_by(views.c.key)
KEYS = sa.select(views.c.key).where(_BEGINS)
LOCKED = VALUE.with_for_update()
UPDATE = sa.update(views).where(_KEY_IS)
DROP = sa.delete(views).where(views.c.key.in_(sa.bindparam("a_key", expanding=True)))


@dataclass(frozen=True, slots=True)
class ViewKind(Generic[T]):
    """A kind of view: how its keys begin, and the dataclass of its values.

    Of a shared one, which is large and often read, a hash is kept beside each value.
    """

    prefix: str
    shape: type[T]
    shared: bool = False

    def entry(self, name: str, view: T) -> "Entry":
        """The view of a name, to be saved together with others."""
        return Entry(self, name, view)


@dataclass(frozen=True, slots=True)
class Entry:
    """A view to be saved, of any kind."""

    kind: ViewKind[Any]
    name: str
    view: Any


@dataclass(frozen=True, slots=True)
class Loaded:
    """The views of one name, of several kinds, as they were at one time."""

    name: str
    texts: Mapping[str, str]

    def of(self, kind: ViewKind[T]) -> T | None:
        """The view of a kind, if there is one of this shape."""
        text = self.texts.get(kind.prefix + self.name)
        return None if text is None else _decode(kind, text)


class Views:
    """Values by key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoded: dict[str, tuple[str, Any]] = {}
        value = database.json("a_value")
        insert = database.insert(views).values(key=sa.bindparam("a_key"), value=value)
        changes = {"value": insert.excluded.value}
        self._upsert = insert.on_conflict_do_update(index_elements=["key"], set_=changes)
        fresh = insert.on_conflict_do_nothing(index_elements=["key"])
        self._add = fresh.returning(views.c.key)
        self._replace = UPDATE.values(value=value)
        wanted = database.rows(1)
        joined = sa.join(wanted.table, views, views.c.key == wanted.columns[0])
        self._each = sa.select(views.c.key, _AS_TEXT).select_from(joined)

    def save(self, kind: ViewKind[T], name: str, view: T) -> None:
        """Set the view of a name."""
        self.save_together([kind.entry(name, view)])

    def save_together(self, entries: Iterable[Entry]) -> None:
        """Set views of several kinds, with one commit: a reader finds all of them, or none."""
        texts: dict[str, str] = {}
        for each in entries:
            key, text = each.kind.prefix + each.name, encode(each.view)
            texts[key] = text
            if each.kind.shared:
                digest = hashlib.sha256(text.encode()).hexdigest()
                texts[HASHES + key] = json.dumps({"hash": digest})
        with self._database.write() as connection:
            for key, text in texts.items():
                connection.execute(self._upsert, _parameters(key, text))

    def load(self, kind: ViewKind[T], name: str) -> T | None:
        """The view of a name, if there is one of this shape."""
        with self._database.read() as connection:
            text = _text(connection, kind.prefix + name)
        return None if text is None else _decode(kind, text)

    def load_together(self, kinds: Iterable[ViewKind[Any]], name: str) -> Loaded:
        """The views of a name of several kinds, in one query."""
        return Loaded(name, dict(self._rows(kind.prefix + name for kind in kinds)))

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

    def versions(self, kinds: Iterable[ViewKind[Any]]) -> frozenset[tuple[str, str]]:
        """Which of the shared views without a name are stored, each with its hash: one query."""
        return frozenset(self._rows(HASHES + kind.prefix for kind in kinds))

    def load_each(self, kind: ViewKind[T], names: Iterable[str]) -> dict[str, T]:
        """The views of several names, in one query."""
        rows = self._rows(kind.prefix + name for name in names)
        found = {key.removeprefix(kind.prefix): _decode(kind, text) for key, text in rows}
        return {name: view for name, view in found.items() if view is not None}

    def get_each(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The values of those of the keys that are set, in one query."""
        return {key: json.loads(text) for key, text in self._rows(keys)}

    def _rows(self, keys: Iterable[str]) -> list[tuple[str, str]]:
        rows = [[key] for key in keys]
        if not rows:
            return []
        with self._database.read() as connection:
            found = connection.execute(self._each, {"rows": json.dumps(rows)})
            return [(key, text) for key, text in found]

    def load_all(self, kind: ViewKind[T]) -> dict[str, T]:
        """Every view of a kind by name, sorted."""
        with self._database.read() as connection:
            rows = connection.execute(TEXTS, _prefix(kind.prefix)).all()
        found = {key.removeprefix(kind.prefix): _decode(kind, text) for key, text in rows}
        return {name: view for name, view in found.items() if view is not None}

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Set a value."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, dict[str, Any]]) -> None:
        """Set several values, with one commit."""
        if values:
            with self._database.write() as connection:
                self.put_in(connection, values)

    def put_in(self, connection: sa.Connection, values: Mapping[str, dict[str, Any]]) -> None:
        """Set several values in a transaction of the caller."""
        for key, value in values.items():
            connection.execute(self._upsert, _parameters(key, json.dumps(value)))

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
        parameters = _parameters(key, json.dumps(new))
        if old is None:
            return connection.execute(self._add, parameters).first() is not None
        if connection.scalar(LOCKED, {"a_key": key}) != old:
            return False
        connection.execute(self._replace, parameters)
        return True

    def drop(self, keys: Sequence[str]) -> None:
        """Delete these keys."""
        if keys:
            with self._database.write() as connection:
                connection.execute(DROP, {"a_key": keys})

    def get(self, key: str) -> dict[str, Any] | None:
        """The value of a key, if set."""
        with self._database.read() as connection:
            found: dict[str, Any] | None = connection.scalar(VALUE, {"a_key": key})
            return found

    def keys(self, prefix: str) -> tuple[str, ...]:
        """The keys that begin like this."""
        with self._database.read() as connection:
            return tuple(connection.scalars(KEYS, _prefix(prefix)))

    def list(self, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        """The values whose keys begin like this, sorted by key."""
        with self._database.read() as connection:
            rows = connection.execute(LIST, _prefix(prefix))
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
    return connection.scalar(TEXT, {"a_key": key})


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


def _parameters(key: str, text: str) -> dict[str, str]:
    return {"a_key": key, "a_value": text}


def _prefix(prefix: str) -> dict[str, str]:
    """The parameter of `_BEGINS`, with what LIKE would read escaped."""
    return {"prefix": escaped(prefix)}
