"""JSON merge patches (RFC 7386): maps merge, null deletes, everything else replaces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from planners.model import Json
from renderers.patch import Patch, PatchError
from renderers.patch._json_trees import MAX_DEPTH, too_deep
from renderers.writes import REMOVED, Write, WritePath


@dataclass(frozen=True, slots=True)
class MergePatch:
    """A partial object; lists are always replaced, unlike in a strategic merge."""

    name: str = "mergePatch"
    summary: str = "A partial object, merged as RFC 7386 says: lists are replaced."
    shape: Literal["object", "array"] = "object"
    uses_schema: bool = False

    def check(self, body: Json) -> None:
        """Check that the body is a non-empty mapping."""
        if not isinstance(body, dict) or not body:
            raise PatchError("mergePatch must be a non-empty partial object")

    def apply(
        self,
        target: dict[str, Json],
        body: Json,
        schema: Mapping[str, Json] | None,  # noqa: ARG002 - lists are always replaced
    ) -> dict[str, Json]:
        """Return the target with the body merged in."""
        self.check(body)
        if too_deep(body):
            raise PatchError(f"the patch is nested deeper than {MAX_DEPTH} levels")
        merged = _merge(target, body)
        assert isinstance(merged, dict)
        return merged

    def writes(
        self,
        target: dict[str, Json],  # noqa: ARG002 - what it sets does not depend on the target
        body: Json,
        schema: Mapping[str, Json] | None,  # noqa: ARG002 - as above
    ) -> list[Write]:
        """One write for each leaf; lists are written as a whole."""
        return list(_writes((), body))


def _writes(path: WritePath, patch: Json) -> Iterator[Write]:
    if isinstance(patch, dict):
        if not patch:
            yield Write(path, {}, whole=False)
        for key, value in patch.items():
            yield from _writes((*path, key), value)
    else:
        yield Write(path, REMOVED if patch is None else patch)


def _merge(target: Json, patch: Json) -> Json:
    """MergePatch of RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


PATCH: Patch = MergePatch()
