"""JSON merge patches (RFC 7386): maps merge, null deletes, everything else replaces."""

from collections.abc import Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers.patch import CustomizeError, Customizer
from renderers.patch._deep_copy import MAX_DEPTH, too_deep


@dataclass(frozen=True, slots=True)
class MergePatch:
    """A partial object; unlike a strategic merge it knows nothing of lists."""

    name: str = "mergePatch"

    def check(self, body: Json) -> None:
        """The body is a mapping with something in it."""
        if not isinstance(body, dict) or not body:
            raise CustomizeError("mergePatch is a partial object")

    def apply(
        self,
        target: dict[str, Json],
        body: Json,
        schema: Mapping[str, Json] | None,  # noqa: ARG002 - lists are replaced, whatever they are
    ) -> dict[str, Json]:
        """The target with the body merged in."""
        self.check(body)
        if too_deep(body):
            raise CustomizeError(f"the patch is nested deeper than {MAX_DEPTH} levels")
        merged = _merge(target, body)
        assert isinstance(merged, dict)
        return merged


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


CUSTOMIZER: Customizer = MergePatch()
