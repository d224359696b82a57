"""Strategic merge patches, as `kubectl patch --type=strategic` applies them.

`merge` merges objects, `order` sorts the items of merged lists, `writes` lists what a patch sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from planners.model import Json
from renderers.patch import Patch, PatchError
from renderers.patch.strategic_merge import merge
from renderers.patch.strategic_merge.writes import writes
from renderers.writes import Write

_IDENTITY = ("apiVersion", "kind")


@dataclass(frozen=True, slots=True)
class StrategicMerge:
    """A partial object with directives, merged into its target."""

    name: str = "strategicMerge"
    summary: str = "A partial object, merged as kubectl does."
    shape: Literal["object", "array"] = "object"
    uses_schema: bool = True

    def check(self, body: Json) -> None:
        """Check that the body is a non-empty mapping that does not rename its target."""
        if not isinstance(body, dict) or not body:
            raise PatchError("strategicMerge must be a non-empty partial object")
        metadata = body.get("metadata")
        if isinstance(metadata, dict) and {"name", "namespace"} & metadata.keys():
            raise PatchError(
                "strategicMerge must not set metadata.name or metadata.namespace; `target` selects "
                "the object"
            )

    def apply(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> dict[str, Json]:
        """Merge the body into the target; it cannot change apiVersion or kind."""
        self.check(body)
        assert isinstance(body, dict)
        for field in _IDENTITY:
            if body.get(field, target.get(field)) != target.get(field):
                raise PatchError(f"{field} is {target.get(field)!r} and cannot be changed")
        try:
            return merge.merge(target, body, schema)
        except merge.MergeError as error:
            raise PatchError(str(error)) from error

    def writes(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> list[Write]:
        """What the body states; directives remove fields or replace lists."""
        assert isinstance(body, dict)
        return writes(target, body, schema)


PATCH: Patch = StrategicMerge()
