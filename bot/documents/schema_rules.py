"""Rules between the keys of a mapping, in words of JSON Schema.

A key that is empty (null) counts as absent, as it does for `check`.
"""

from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]


def given(*keys: str) -> Schema:
    """All of the keys are given."""
    return {
        "required": list(keys),
        "properties": {key: {"not": {"type": "null"}} for key in keys},
    }


def none_of(*keys: str) -> Schema:
    """None of the keys is given."""
    return {"not": any_of(*keys)}


def any_of(*keys: str) -> Schema:
    """At least one of the keys is given."""
    return {"anyOf": [given(key) for key in keys]}


def exactly_one(keys: Sequence[str]) -> Schema:
    """Exactly one of the keys is given."""
    return {"oneOf": [given(key) for key in keys]}


def has(key: str, *values: str) -> Schema:
    """The key has one of these values."""
    return {"required": [key], "properties": {key: {"enum": list(values)}}}


def filled(key: str) -> Schema:
    """The list has an entry."""
    return {"required": [key], "properties": {key: {"minItems": 1}}}


def needs(keys: Sequence[str], condition: Schema) -> Schema:
    """If any of the keys is given, the condition holds."""
    return {"if": any_of(*keys), "then": condition}


def all_of(*rules: Schema) -> Schema:
    """All of the rules hold."""
    return {"allOf": list(rules)}
