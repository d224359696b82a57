"""The shapes of requests and answers, as JSON Schemas of the SDK's models.

Microsoft generates these from its public repository azure-rest-api-specs, there
`fluxConfigurations/stable/2025-04-01/fluxconfiguration.json`.
Unknown properties are refused; what the description calls `readOnly` is refused in requests.
"""

import datetime as dt
import types
import typing
from enum import EnumType
from functools import cache
from typing import Any

import jsonschema
from azure.mgmt.kubernetesconfiguration.fluxconfigurations import models
from azure.mgmt.kubernetesconfiguration.fluxconfigurations._utils.model_base import Model

SIMPLE = {str: "string", bool: "boolean", int: "integer"}


def check(name: str, value: object, *, is_request: bool = False) -> None:
    """Raises ValidationError where a value does not have the shape of that model."""
    _validator(name, is_request).validate(value)


@cache
def _validator(name: str, is_request: bool) -> jsonschema.Draft202012Validator:
    found = [each for each in vars(models).values() if isinstance(each, type)]
    definitions = {
        each.__name__: _schema(each, is_request) for each in found if issubclass(each, Model)
    }
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


def _schema(model: type[Model], is_request: bool) -> dict[str, Any]:
    hints = typing.get_type_hints(model, {"_models": models, "datetime": dt})
    fields = model()._attr_to_rest_field
    properties = {
        field._rest_name: _type(hints[name], is_request)
        for name, field in fields.items()
        if not (is_request and field._visibility == ["read"])
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _type(hint: Any, is_request: bool) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        enums: list[Any] = [each for each in arguments if isinstance(each, EnumType)]
        if enums:
            return {"enum": [*(each.value for each in enums[0]), None]}
        return {"anyOf": [_type(each, is_request) for each in arguments]}
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], is_request)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1], is_request)}
    if hint is type(None):
        return {"type": "null"}
    if hint is dt.datetime:
        return {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$"}
    if hint in SIMPLE:
        return {"type": SIMPLE[hint]}
    if isinstance(hint, type) and issubclass(hint, Model):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return {}
