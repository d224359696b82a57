"""JSON Patch (RFC 6902), with the limits of kube-apiserver. The only importer of jsonpatch."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import jsonpatch
import jsonpointer

from planners.model import Json
from renderers.kubernetes.patch_meta import shape_of
from renderers.patch import Patch, PatchError
from renderers.patch._json_trees import MAX_DEPTH, too_deep
from renderers.patch._json_writes import OperationWrites, with_final_values
from renderers.writes import Write

MAX_OPERATIONS = 10_000
MAX_RESULT_BYTES = 3 * 1024 * 1024
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
        document: Json = copy.deepcopy(target)
        budget = MAX_RESULT_BYTES
        for number, operation in enumerate(body, 1):
            assert isinstance(operation, dict)
            where = f"operation {number} ({operation['op']} {operation['path']})"
            budget -= _added_bytes(operation, document)
            if budget < 0:
                raise PatchError(f"{where}: the result exceeds {MAX_RESULT_BYTES} bytes")
            document = _perform(document, operation, where)
            if too_deep(document):
                raise PatchError(f"{where}: the result is nested deeper than {MAX_DEPTH} levels")
        if not isinstance(document, dict):
            raise PatchError("the result of the patch is not an object")
        return document

    def writes(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> list[Write]:
        """What each operation sets in the object as the operations before it left it."""
        assert isinstance(body, list)
        run = OperationWrites(copy.deepcopy(target), shape_of(target, schema))
        for operation in body:
            assert isinstance(operation, dict)
            parts: dict[str, tuple[str, ...]] = {
                name: tuple(jsonpointer.JsonPointer(str(operation[name])).parts)
                for name in ("path", "from")
                if name in operation
            }
            run.take(str(operation["op"]), parts, operation.get("value"))
            run.document = _perform(run.document, operation, "")
        return with_final_values(run.found, run.document)


def _perform(document: Json, operation: dict[str, Json], where: str) -> Json:
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


def _added_bytes(operation: dict[str, Json], document: Json) -> int:
    """How many bytes an operation adds; a copy counts its value, as in kube-apiserver."""
    match operation["op"]:
        case "copy":
            try:
                value = jsonpointer.resolve_pointer(document, str(operation["from"]), None)
            except (jsonpointer.JsonPointerException, TypeError):
                return 0
            return len(json.dumps(value))
        case "add" | "replace":
            return len(json.dumps(operation["value"]))
        case _:
            return 0


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
