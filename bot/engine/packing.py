"""Drafts as bytes, to send them from a planner process. Called by `process`.

An object for each unit would take longer to send than to make.
"""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from io import BytesIO
from operator import itemgetter
from typing import Any, TypeAlias

from bot.engine.propose import Draft, uncollected
from planners.model import Cluster, Unit
from planners.model.snapshot import Snapshot

_Like: TypeAlias = Callable[[dict[str, object]], Snapshot]


@dataclass(frozen=True, slots=True)
class _Packed:
    """A draft whose waves have no units, and the units of each wave: components and clusters."""

    draft: Draft
    waves: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def pack(planned: Snapshot, drafted: Draft) -> bytes:
    """The bytes of a draft of a planning input."""
    plan = drafted.plan
    waves = tuple(replace(each, units=()) for each in plan.waves)
    packed = _Packed(
        draft=replace(drafted, plan=replace(plan, waves=waves)),
        waves=tuple(
            (tuple(map(itemgetter(0), each.units)), tuple(map(itemgetter(1), each.units)))
            for each in plan.waves
        ),
    )
    with uncollected():
        try:
            return _dumped(planned, packed)
        except (pickle.PicklingError, TypeError, AttributeError):
            plan = replace(packed.draft.plan, trace=tuple(plan.trace))
            return _dumped(planned, replace(packed, draft=replace(packed.draft, plan=plan)))


def _dumped(planned: Snapshot, packed: _Packed) -> bytes:
    """The bytes, with the trace as its steps; a filter or score of others may not allow that."""
    file = BytesIO()
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    rows = {id(each): row for row, each in enumerate(planned.clusters)}
    pickler.dispatch_table = {
        Snapshot: partial(_reduced, planned),
        Cluster: partial(_numbered, rows),
    }
    pickler.dump(packed)
    return file.getvalue()


def _reduced(planned: Snapshot, snapshot: Snapshot) -> tuple[_Like, tuple[dict[str, object]]]:
    """A Snapshot as what it has other than the planning input, which the service has."""
    names = [each.name for each in fields(planned) if each.init]
    pairs = ((name, getattr(planned, name), getattr(snapshot, name)) for name in names)
    return _like, ({name: new for name, old, new in pairs if new is not old},)


def _like(different: dict[str, object]) -> Snapshot:
    raise NotImplementedError(different)  # `_Unpickler` has it


def _numbered(rows: Mapping[int, int], cluster: Cluster) -> Any:
    """A cluster of the planning input as its position there."""
    row = rows.get(id(cluster))
    return cluster.__reduce_ex__(pickle.HIGHEST_PROTOCOL) if row is None else (_at, (row,))


def _at(row: int) -> Cluster:
    raise NotImplementedError(row)  # as above


class _Unpickler(pickle.Unpickler):
    """Reads a packed draft of a planning input, written by our own planner process."""

    def __init__(self, data: bytes, planned: Snapshot) -> None:
        super().__init__(BytesIO(data))
        self._planned = planned

    def find_class(self, module: str, name: str) -> Any:
        """The class or function with that name."""
        if (module, name) == (_like.__module__, _like.__name__):
            return lambda different: replace(self._planned, **different)
        if (module, name) == (_at.__module__, _at.__name__):
            return self._planned.clusters.__getitem__
        return super().find_class(module, name)


def unpack(planned: Snapshot, data: bytes) -> Draft:
    """The draft that these bytes were made of, by a process of ours from the same input."""
    with uncollected():
        packed: _Packed = _Unpickler(data, planned).load()
        waves = tuple(
            replace(wave, units=tuple(map(Unit, *units)))
            for wave, units in zip(packed.draft.plan.waves, packed.waves, strict=True)
        )
        return replace(packed.draft, plan=replace(packed.draft.plan, waves=waves))
