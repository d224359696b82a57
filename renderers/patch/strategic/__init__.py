"""Strategic merge patches, as `kubectl patch --type=strategic` applies them."""

from collections.abc import Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers.patch import CustomizeError, Customizer
from renderers.patch.strategic import merge

_IDENTITY = ("apiVersion", "kind")


@dataclass(frozen=True, slots=True)
class StrategicMerge:
    """A partial object that is merged into its target."""

    name: str = "strategicMerge"

    def check(self, body: Json) -> None:
        """The body is a mapping that does not rename its target or change its kind."""
        if not isinstance(body, dict) or not body:
            raise CustomizeError("strategicMerge is a partial object")
        metadata = body.get("metadata")
        if isinstance(metadata, dict) and {"name", "namespace"} & metadata.keys():
            raise CustomizeError("strategicMerge names its target in `target`, not in metadata")

    def apply(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> dict[str, Json]:
        """Merge; apiVersion and kind of the target stay."""
        self.check(body)
        assert isinstance(body, dict)
        for field in _IDENTITY:
            if body.get(field, target.get(field)) != target.get(field):
                raise CustomizeError(f"{field} is {target.get(field)!r} and cannot be changed")
        try:
            return merge.merge(target, body, schema)
        except merge.MergeError as error:
            raise CustomizeError(str(error)) from error


CUSTOMIZER: Customizer = StrategicMerge()
