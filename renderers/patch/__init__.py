"""How a customisation changes an object: one file per kind of patch.

Each file exports `CUSTOMIZER: Customizer`; its `name` is the key people write (`strategicMerge`).
"""

from collections.abc import Mapping
from typing import Protocol

from planners.model import Json


class CustomizeError(Exception):
    """A patch cannot be applied; the text says at which path of which object and why."""


class Customizer(Protocol):
    """One kind of patch."""

    @property
    def name(self) -> str:
        """The key in a customisation, such as `strategicMerge`."""

    def check(self, body: Json) -> None:
        """Refuse a body that can never be applied, before any object is seen.

        Raises:
            CustomizeError: with what was found and what is expected.
        """

    def apply(
        self, target: dict[str, Json], body: Json, schema: Mapping[str, Json] | None
    ) -> dict[str, Json]:
        """A new object; `target` and `body` are left as they are.

        `schema` is the structural schema of a custom kind (`openAPIV3Schema`), where it is known.

        Raises:
            CustomizeError: the patch does not fit this object.
        """
