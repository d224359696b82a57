"""Drafts as bytes, to send them from a planner process: units and files as columns.

An object for each unit and each file would take longer to send than to make. Called by `process`.
"""

import pickle
import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from io import BytesIO
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias

from bot.engine.contents import FilledColumns
from bot.engine.propose import Draft, uncollected
from planners.model import Cluster, Unit
from planners.model.snapshot import Snapshot
from planners.model.unit_files import SharedNames, UnitFiles, folder_of

RAW_ID = 20

_Like: TypeAlias = Callable[[dict[str, object]], Snapshot]


@dataclass(frozen=True, slots=True)
class _Packed:
    """A draft without its units and files; `waves` and `files` name units by their positions.

    `names` says by position which of the `distinct` names the files of each unit have. `blobs` are
    positions in `blob_ids`, for all files of all units; `filled` are those of files that are
    templates with a name filled in, in the order of blob ids.
    """

    draft: Draft
    components: tuple[str, ...]
    clusters: tuple[str, ...]
    waves: "tuple[array[int], ...]"
    files: "array[int]"
    names: "array[int]"
    distinct: tuple[tuple[str, ...], ...]
    blobs: "array[int]"
    blob_ids: bytes
    filled: "array[int]"
    templates: "array[int]"
    filled_names: tuple[str, ...]


def pack(planned: Snapshot, drafted: Draft) -> bytes:
    """The bytes of a draft of a planning input."""
    plan, contents, shared = drafted.plan, drafted.contents, SharedNames[str]()
    files = {unit: shared.files(unit.cluster, each) for unit, each in drafted.files.items()}
    units = dict.fromkeys((*files, *(unit for wave in plan.waves for unit in wave.units)))
    number = {unit: row for row, unit in enumerate(units)}
    distinct = {names: row for row, names in enumerate({e.names: None for e in files.values()})}
    blob_ids = dict.fromkeys(blob for each in files.values() for blob in each.contents)
    blob_ids |= dict.fromkeys(contents.filled)
    position = {blob: row for row, blob in enumerate(blob_ids)}
    filled = sorted(contents.filled)
    told = [contents.filled[blob] for blob in filled]
    waves = tuple(replace(each, units=()) for each in plan.waves)
    packed = _Packed(
        draft=replace(
            drafted,
            files={},
            contents=replace(contents, filled={}),
            plan=replace(plan, waves=waves),
        ),
        components=tuple(map(itemgetter(0), units)),
        clusters=tuple(map(itemgetter(1), units)),
        waves=tuple(array("I", [number[unit] for unit in wave.units]) for wave in plan.waves),
        files=array("I", [number[unit] for unit in files]),
        names=array("I", [distinct[each.names] for each in files.values()]),
        distinct=tuple(distinct),
        blobs=array("I", [position[blob] for each in files.values() for blob in each.contents]),
        blob_ids=b"".join(map(bytes.fromhex, blob_ids)),
        filled=array("I", [position[blob] for blob in filled]),
        templates=array("I", map(itemgetter(0), told)),
        filled_names=tuple(map(itemgetter(1), told)),
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
        return _unpacked(_Unpickler(data, planned).load(), planned)


def _unpacked(packed: _Packed, planned: Snapshot) -> Draft:
    """The draft; units that are merged, and blob ids that others have, are the same objects."""
    drafted = packed.draft
    known = {unit: unit for unit in planned.base.entries}
    units = [known.get(each, each) for each in map(Unit, packed.components, packed.clusters)]
    folders = {cluster: folder_of(cluster) for cluster in packed.clusters}
    raw = packed.blob_ids
    starts = range(0, len(raw), RAW_ID)
    blob_ids = [sys.intern(raw[start : start + RAW_ID].hex()) for start in starts]
    blobs, files = iter([blob_ids[each] for each in packed.blobs]), {}
    for row, names in zip(packed.files, [packed.distinct[e] for e in packed.names], strict=True):
        unit = units[row]
        files[unit] = UnitFiles(folders[unit.cluster], names, tuple(islice(blobs, len(names))))
    filled = FilledColumns(
        tuple([blob_ids[each] for each in packed.filled]), packed.templates, packed.filled_names
    )
    contents = replace(drafted.contents, filled=filled)
    waves = tuple(
        replace(wave, units=tuple([units[row] for row in rows]))
        for wave, rows in zip(drafted.plan.waves, packed.waves, strict=True)
    )
    plan = replace(drafted.plan, waves=waves)
    return replace(drafted, files=files, contents=contents, plan=plan)
