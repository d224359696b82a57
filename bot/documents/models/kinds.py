"""Document parts with one key for each kind of extension: a new kind is a key of its own."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import Field, create_model

from bot.documents.models.common import Part

PREFIX = "kind_"

P = TypeVar("P", bound="KindPart")


class KindPart(Part):
    """A part in which people choose a kind of extension by its key."""

    @classmethod
    def kinds(cls) -> dict[str, str]:
        """The field of each kind, by its key."""
        fields = cls.model_fields.items()
        return {str(each.alias): name for name, each in fields if name.startswith(PREFIX)}

    def chosen(self) -> dict[str, Any]:
        """What people wrote, by kind."""
        found = ((kind, getattr(self, name)) for kind, name in self.kinds().items())
        return {kind: value for kind, value in found if value is not None}


def with_kinds(kinds: Mapping[str, tuple[Any, str]]) -> Callable[[type[P]], type[P]]:
    """Adds an optional key for each kind: its name -> the type of the value, and a description."""
    fields: dict[str, Any] = {
        f"{PREFIX}{kind}": (type_ | None, Field(default=None, alias=kind, description=summary))
        for kind, (type_, summary) in kinds.items()
    }

    def add(part: type[P]) -> type[P]:
        name, module, text = part.__name__, part.__module__, part.__doc__
        return create_model(name, __base__=part, __module__=module, __doc__=text, **fields)

    return add
