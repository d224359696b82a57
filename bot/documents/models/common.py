"""Parts that all documents share."""

from typing import Annotated, Literal

from pydantic import Field

from bot.documents.types import Name, Part

API_VERSION = "switchyard.dev/v1alpha1"
Version = Annotated[Literal["switchyard.dev/v1alpha1"], Field(description="The API version.")]
PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]


class Metadata(Part):
    """The metadata of a document."""

    name: Name = Field(description="Name, unique among documents of this kind.")


__all__ = ["Metadata", "NonNegativeInt", "Part", "PositiveInt", "Version"]
