"""The JSON Schemas of the documents, for editors: they refuse what `check` refuses of one document.

What a document says about another file, and rules that only arithmetic decides (a number within
another one's range, a time zone that exists), are left to `check`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bot.documents.models import FLEET_DOCUMENTS, ApplicationDocument
from bot.documents.models.common import API_VERSION

DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "application": ApplicationDocument,
    "cluster": FLEET_DOCUMENTS["clusters"],
    "tenant": FLEET_DOCUMENTS["tenants"],
    "registration": FLEET_DOCUMENTS["applications"],
    "policy": FLEET_DOCUMENTS["policies"],
}

BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document, by its name in lower case.

    Its `$id` is a name, not an address: nothing is served there.

    Raises:
        KeyError: there is no such document.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://{API_VERSION}/{name}.json",
        **_closed(DOCUMENTS[name].model_json_schema(by_alias=True)),
    }


def _closed(part: Any) -> Any:
    """A part of a schema in which keys that match no pattern are refused, and bounds are bounds.

    pydantic says the former of no mapping with checked keys, and writes the latter as its own
    `ge` and `le` where a number is read by a validator of ours.
    """
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {
        BOUNDS.get(key, key) if isinstance(value, int | float) else key: _closed(value)
        for key, value in part.items()
    }
    if "patternProperties" in closed:
        closed["additionalProperties"] = False
    return closed
