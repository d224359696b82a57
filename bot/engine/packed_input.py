"""Planning inputs as bytes, to send them to a planner process. Called by `process`.

Pickle asks `dataclasses` for the fields of each object anew, which takes several times as long as
all the rest: a large fleet has a hundred thousand claims.
"""

import pickle
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from io import BytesIO
from operator import attrgetter
from typing import Any

from bot.engine.propose import uncollected
from planners.model.snapshot import Snapshot


def pack_input(planned: Snapshot) -> bytes:
    """The bytes of a planning input."""
    file = BytesIO()
    _Pickler(file).dump(planned)
    return file.getvalue()


def unpack_input(data: bytes) -> Snapshot:
    """The planning input that these bytes, which the service wrote, were made of."""
    with uncollected():
        found: Snapshot = pickle.loads(data)  # noqa: S301 # from our own service, by a pipe
        return found


class _Pickler(pickle.Pickler):
    """Writes dataclasses as calls of their classes."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._known: dict[type, Callable[[Any], tuple[object, ...]] | None] = {}

    def reducer_override(self, value: Any) -> Any:
        """The class and its arguments, or NotImplemented for what is no plain dataclass."""
        kind = type(value)
        if kind not in self._known:
            self._known[kind] = _values_of(kind)
        values = self._known[kind]
        return NotImplemented if values is None else (kind, values(value))


def _values_of(kind: type) -> Callable[[Any], tuple[object, ...]] | None:
    """Reads the arguments with which an object of a dataclass is made again; None for others."""
    if not is_dataclass(kind):
        return None
    every = fields(kind)
    if any(not each.init or each.kw_only for each in every):
        return None
    if len(every) > 1:
        return attrgetter(*(each.name for each in every))
    return lambda value: tuple(getattr(value, each.name) for each in every)
