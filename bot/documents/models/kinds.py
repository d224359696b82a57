"""Document parts that have one key per extension, such as the kinds of sources and patches."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import Field, create_model

from bot.documents.models.common import Part

PREFIX = "kind_"

P = TypeVar("P", bound="KindPart")


class KindPart(Part):
    """A part with a key for each extension of a kind."""

    @classmethod
    def kinds(cls) -> dict[str, str]:
        """The model field of each extension, by key."""
        fields = cls.model_fields.items()
        return {str(each.alias): name for name, each in fields if name.startswith(PREFIX)}

    def chosen(self) -> dict[str, Any]:
        """The values that are set, by extension."""
        values = ((kind, getattr(self, name)) for kind, name in self.kinds().items())
        return {kind: value for kind, value in values if value is not None}


def with_kinds(kinds: Mapping[str, tuple[Any, str]]) -> Callable[[type[P]], type[P]]:
    """Add an optional key for each extension; `kinds` maps its name to a type and a description."""
    fields: dict[str, Any] = {
        f"{PREFIX}{kind}": (type_ | None, Field(default=None, alias=kind, description=summary))
        for kind, (type_, summary) in kinds.items()
    }

    def add(part: type[P]) -> type[P]:
        name, module, text = part.__name__, part.__module__, part.__doc__
        return create_model(name, __base__=part, __module__=module, __doc__=text, **fields)

    return add
