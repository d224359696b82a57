"""The kinds of patch that a customisation can apply to an object: one file or package each.

Each exports `PATCH: Patch`; its `name` is the key in a customisation (`strategicMerge`). A patch
knows nothing of clusters, placeholders or targets: `renderers.variants` resolves those first.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from planners.model import Json
from renderers.writes import Write


class PatchError(Exception):
    """A patch cannot be applied; the message names the path and the reason, never a value."""


class Patch(Protocol):
    """One kind of patch."""

    @property
    def name(self) -> str:
        """The key in a customisation, such as `strategicMerge`."""

    @property
    def summary(self) -> str:
        """What its body is, as a sentence; documents and reference pages show it."""

    @property
    def shape(self) -> Literal["object", "array"]:
        """The JSON type of its body."""

    @property
    def uses_schema(self) -> bool:
        """Whether lists of a custom kind are merged only if its schema is known."""

    def check(self, body: Json) -> None:
        """Validate a body on its own, without any target.

        Raises:
            PatchError: the body cannot be applied to any object.
        """

    def apply(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> dict[str, Json]:
        """Return the patched object; `target` and `body` are not modified.

        `schema` is the structural schema (`openAPIV3Schema`) of a custom kind, if it is known.

        Raises:
            PatchError: the patch cannot be applied to this object.
        """

    def writes(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> list[Write]:
        """The fields that a patch sets or removes, whether or not the target has these values.

        Called only after `apply` succeeded with the same arguments.
        """
