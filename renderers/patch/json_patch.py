"""JSON Patch (RFC 6902), limited like kube-apiserver's and more. The only importer of jsonpatch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import jsonpatch
import jsonpointer

from planners.model import Json
from renderers.json_size import count
from renderers.kubernetes.patch_meta import shape_of
from renderers.patch import Patch, PatchError
from renderers.patch._json_trees import MAX_DEPTH, deep_copy, deep_copy_object, levels
from renderers.patch._json_writes import OperationWrites, with_final_values
from renderers.writes import Write

MAX_OPERATIONS = 10_000
"""As kube-apiserver (`maxJSONPatchOperations` of its patch handler)."""

MAX_RESULT_BYTES = 3 * 1024 * 1024
MAX_WORK = 200_000
"""What one patch may cost, in values that are copied or compared: about a third of a second."""

OPERATION_WORK = 10
CHARACTERS_OF_WORK = 10
ITEMS_OF_WORK = 4
MAX_DIGITS = 10
MAX_SHOWN = 200
_ADDING = frozenset({"add", "replace", "copy"})
_REQUIRED_MEMBERS = {
    "add": {"value"},
    "replace": {"value"},
    "test": {"value"},
    "remove": set(),
    "move": {"from"},
    "copy": {"from"},
}


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """A list of operations; if one fails, the whole patch is rejected."""

    name: str = "jsonPatch"
    summary: str = "Operations (RFC 6902)."
    shape: Literal["object", "array"] = "array"
    uses_schema: bool = False

    def check(self, body: Json) -> None:
        """Check that each operation has a known `op` and its required members (RFC 6902, 4)."""
        if not isinstance(body, list) or not body:
            raise PatchError("jsonPatch must be a non-empty list of operations")
        if len(body) > MAX_OPERATIONS:
            raise PatchError(f"jsonPatch has more than {MAX_OPERATIONS} operations")
        for number, operation in enumerate(body, 1):
            _check_operation(number, operation)

    def apply(
        self,
        target: dict[str, Json],
        body: Json,
        schema: Mapping[str, Json] | None,  # noqa: ARG002 - JSON Patch needs no schema
    ) -> dict[str, Json]:
        """Apply the operations one by one, so that an error can name the one that failed.

        Errors quote paths of the patch and never a value: the object may be a Secret.
        """
        self.check(body)
        assert isinstance(body, list)
        document: Json = deep_copy_object(target)
        size, work = MAX_RESULT_BYTES, MAX_WORK
        for number, operation in enumerate(body, 1):
            assert isinstance(operation, dict)
            path = str(operation["path"])
            where = f"operation {number} ({operation['op']} {path[:MAX_SHOWN]})"
            value = _operand(document, operation)
            work -= OPERATION_WORK + count(value, work)
            work -= sum(
                _pointer_work(document, str(operation.get(name, ""))) for name in ("path", "from")
            )
            if work <= 0:
                raise PatchError(
                    f"{where}: the patch copies or compares more than {MAX_WORK} values "
                    f"(an operation counts as {OPERATION_WORK}): make it smaller"
                )
            if operation["op"] in _ADDING:
                size -= len(json.dumps(value))
            if size < 0:
                raise PatchError(f"{where}: the result exceeds {MAX_RESULT_BYTES} bytes")
            if path.count("/") + levels(value) > MAX_DEPTH:
                raise PatchError(f"{where}: the result is nested deeper than {MAX_DEPTH} levels")
            document = _perform(document, operation, value, where)
        if not isinstance(document, dict):
            raise PatchError("the result of the patch is not an object")
        return document

    def writes(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> list[Write]:
        """What each operation sets in the object as the operations before it left it."""
        assert isinstance(body, list)
        run = OperationWrites(deep_copy_object(target), shape_of(target, schema))
        for operation in body:
            assert isinstance(operation, dict)
            parts: dict[str, tuple[str, ...]] = {
                name: tuple(jsonpointer.JsonPointer(str(operation[name])).parts)
                for name in ("path", "from")
                if name in operation
            }
            run.take(str(operation["op"]), parts, operation.get("value"))
            value = _operand(run.document, operation)
            run.document = _perform(run.document, operation, value, "")
        return with_final_values(run.found, run.document)


def _pointer_work(document: Json, pointer: str) -> int:
    """What it costs to find a place, by the length of the pointer and of the lists on its way.

    `writes` looks for merge keys in the items of these lists.
    """
    work, value = len(pointer) // CHARACTERS_OF_WORK, document
    for part in pointer.split("/")[1 : MAX_DEPTH + 1]:
        if isinstance(value, list):
            work += len(value) // ITEMS_OF_WORK
            index = (
                int(part) if part.isascii() and part.isdigit() and len(part) < MAX_DIGITS else -1
            )
            value = value[index] if 0 <= index < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return work


def _operand(document: Json, operation: dict[str, Json]) -> Json:
    """The value that an operation adds, moves or compares; None if it has none or `from` fails."""
    if operation["op"] not in {"copy", "move"}:
        return operation.get("value")
    try:
        value: Json = jsonpointer.resolve_pointer(document, str(operation["from"]), None)
    except (jsonpointer.JsonPointerException, TypeError):
        return None
    return None if isinstance(value, jsonpointer.EndOfList) else value


def _perform(document: Json, operation: dict[str, Json], value: Json, where: str) -> Json:
    """The document after an operation; a copy is an addition of a value of its own.

    jsonpatch copies ten times as slowly.
    """
    if operation["op"] == "copy" and value is not None:
        operation = {"op": "add", "path": operation["path"], "value": deep_copy(value)}
    try:
        changed: Json = jsonpatch.apply_patch(document, [operation], in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise PatchError(f"{where}: the value differs") from None
    except jsonpatch.JsonPatchConflict:
        raise PatchError(f"{where}: the path does not exist") from None
    except jsonpatch.JsonPatchException:
        raise PatchError(f"{where}: not a valid RFC 6902 operation") from None
    except jsonpointer.JsonPointerException:
        raise PatchError(f"{where}: the path cannot be resolved") from None
    except (TypeError, KeyError, ValueError, IndexError):
        raise PatchError(f"{where}: the path passes through a scalar") from None
    return changed


def _check_operation(number: int, operation: Json) -> None:
    if not isinstance(operation, dict):
        raise PatchError(f"operation {number} must be a mapping with op and path")
    op = operation.get("op")
    if not isinstance(op, str) or op not in _REQUIRED_MEMBERS:
        raise PatchError(
            f"operation {number} has op {op!r}; "
            f"expected one of {', '.join(sorted(_REQUIRED_MEMBERS))}"
        )
    needed = {"path"} | _REQUIRED_MEMBERS[op]
    missing = sorted(needed - operation.keys())
    if missing:
        raise PatchError(f"operation {number} ({op}) is missing {', '.join(missing)}")
    for name in needed & {"path", "from"}:
        pointer = operation[name]
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise PatchError(
                f"operation {number} ({op}): {name} {pointer!r} must begin with / (RFC 6901)"
            )


PATCH: Patch = JsonPatch()
