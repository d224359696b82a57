"""JSON Patch (RFC 6902): the only door to jsonpatch, with the limits of kube-apiserver."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass

import jsonpatch
import jsonpointer

from planners.model import Json
from renderers.patch import CustomizeError, Customizer
from renderers.patch._deep_copy import MAX_DEPTH, too_deep

MAX_OPERATIONS = 10_000
MAX_RESULT_BYTES = 3 * 1024 * 1024
_MEMBERS = {
    "add": {"value"},
    "replace": {"value"},
    "test": {"value"},
    "remove": set(),
    "move": {"from"},
    "copy": {"from"},
}


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """A list of operations; the first that fails refuses the whole patch."""

    name: str = "jsonPatch"

    def check(self, body: Json) -> None:
        """Every operation has a known `op`, a `path` and what the `op` needs (RFC 6902, 4)."""
        if not isinstance(body, list) or not body:
            raise CustomizeError("jsonPatch is a list of operations")
        if len(body) > MAX_OPERATIONS:
            raise CustomizeError(f"jsonPatch has more than {MAX_OPERATIONS} operations")
        for number, operation in enumerate(body, 1):
            _check_operation(number, operation)

    def apply(
        self,
        target: dict[str, Json],
        body: Json,
        schema: Mapping[str, Json] | None,  # noqa: ARG002 - paths say all there is to say
    ) -> dict[str, Json]:
        """Apply the operations one by one, so that an error can name the one that failed.

        Errors tell paths of the patch and never a value: the object may be a Secret.
        """
        self.check(body)
        assert isinstance(body, list)
        document: Json = copy.deepcopy(target)
        budget = MAX_RESULT_BYTES
        for number, operation in enumerate(body, 1):
            assert isinstance(operation, dict)
            where = f"operation {number} ({operation['op']} {operation['path']})"
            budget -= _added(operation, document)
            if budget < 0:
                raise CustomizeError(f"{where}: the result is larger than {MAX_RESULT_BYTES} bytes")
            document = _perform(document, operation, where)
            if too_deep(document):
                raise CustomizeError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        if not isinstance(document, dict):
            raise CustomizeError("the patch leaves no object")
        return document


def _perform(document: Json, operation: dict[str, Json], where: str) -> Json:
    try:
        changed: Json = jsonpatch.apply_patch(document, [operation], in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise CustomizeError(f"{where}: the value there is another") from None
    except jsonpatch.JsonPatchConflict:
        raise CustomizeError(f"{where}: there is nothing at that path") from None
    except jsonpatch.JsonPatchException:
        raise CustomizeError(f"{where}: the operation is none of RFC 6902") from None
    except jsonpointer.JsonPointerException:
        raise CustomizeError(f"{where}: the path leads nowhere") from None
    except (TypeError, KeyError, ValueError, IndexError):
        raise CustomizeError(f"{where}: the path leads through a plain value") from None
    return changed


def _added(operation: dict[str, Json], document: Json) -> int:
    """The bytes an operation will add; for a copy the copied value, as kube-apiserver counts."""
    match operation["op"]:
        case "copy":
            try:
                copied = jsonpointer.resolve_pointer(document, str(operation["from"]), None)
            except (jsonpointer.JsonPointerException, TypeError):
                return 0
            return len(json.dumps(copied))
        case "add" | "replace":
            return len(json.dumps(operation["value"]))
        case _:
            return 0


def _check_operation(number: int, operation: Json) -> None:
    if not isinstance(operation, dict):
        raise CustomizeError(f"operation {number} is not a mapping with op and path")
    op = operation.get("op")
    if not isinstance(op, str) or op not in _MEMBERS:
        raise CustomizeError(
            f"operation {number} has op {op!r}; it is one of {', '.join(sorted(_MEMBERS))}"
        )
    needed = {"path"} | _MEMBERS[op]
    missing = sorted(needed - operation.keys())
    if missing:
        raise CustomizeError(f"operation {number} ({op}) needs {', '.join(missing)}")
    for name in needed & {"path", "from"}:
        pointer = operation[name]
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise CustomizeError(
                f"operation {number} ({op}): {name} {pointer!r} must begin with / (RFC 6901)"
            )


CUSTOMIZER: Customizer = JsonPatch()
