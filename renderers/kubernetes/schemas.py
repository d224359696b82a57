"""Schemas of Kubernetes objects: the Protocol of the validator, and schemas of custom kinds.

`bot.engine.kubernetes_schemas` implements the Protocol with the schemas of Kubernetes' own kinds;
schemas of custom kinds come from the application's CustomResourceDefinitions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from planners.model import Json

Schema: TypeAlias = Mapping[str, Json]
CustomKinds: TypeAlias = Mapping[tuple[str, str], Mapping[str, Schema]]

_KEPT_KEYWORDS = (
    "enum", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
    "minProperties", "minimum", "multipleOf", "pattern",
)  # fmt: skip
_COMMON_FIELDS: dict[str, Json] = {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """What is wrong in an object, and the path to it: keys and indexes from the root.

    A warning says what could not be checked.
    """

    path: tuple[str | int, ...]
    message: str
    is_warning: bool = False


class Schemas(Protocol):
    """The schemas of Kubernetes' own kinds, by version."""

    def violations(
        self, item: Mapping[str, Json], version: str | None, custom: CustomKinds
    ) -> tuple[SchemaViolation, ...]:
        """What a cluster of that version (`1.31`; None: not stated) would reject in an object.

        `custom` maps (group, kind) to the schema of each version. Objects of custom kinds without a
        schema are not validated.
        """


class NoSchemas:
    """Accepts every object."""

    def violations(
        self,
        item: Mapping[str, Json],  # noqa: ARG002 - the Protocol's arguments
        version: str | None,  # noqa: ARG002 - as above
        custom: CustomKinds,  # noqa: ARG002 - as above
    ) -> tuple[SchemaViolation, ...]:
        """Return no violations."""
        return ()


def custom_kinds(items: Iterable[Mapping[str, Json]]) -> CustomKinds:
    """The structural schemas of all served versions in the CustomResourceDefinitions of `items`."""
    found: dict[tuple[str, str], dict[str, Schema]] = {}
    for item in items:
        if item.get("kind") != "CustomResourceDefinition":
            continue
        spec = _mapping(item.get("spec"))
        key = (str(spec.get("group")), str(_mapping(spec.get("names")).get("kind")))
        for version in _mappings(spec.get("versions")):
            schema = _mapping(_mapping(version.get("schema")).get("openAPIV3Schema"))
            if schema and version.get("served") is not False:
                found.setdefault(key, {})[str(version.get("name"))] = schema
    return found


def custom_schema(custom: CustomKinds, item: Mapping[str, Json]) -> Schema | None:
    """The structural schema of an object's kind and version, if known."""
    group, _, version = str(item.get("apiVersion")).rpartition("/")
    return custom.get((group, str(item.get("kind"))), {}).get(version)


def without_nulls(item: dict[str, Json], schema: Schema) -> dict[str, Json]:
    """A custom object as the API server keeps it: without nulls where the schema has none.

    Source: k8s.io/apiextensions-apiserver, pkg/apiserver/schema/defaulting,
    `PruneNonNullableNullsWithoutDefaults`; a field with a default gets that.
    """
    kept = _without_nulls(item, schema)
    assert isinstance(kept, dict)
    return kept


def _without_nulls(value: Json, schema: Schema) -> Json:
    if isinstance(value, list):
        items = _mapping(schema.get("items"))
        return [_without_nulls(each, items) for each in value]
    if not isinstance(value, dict):
        return value
    known, others = _mapping(schema.get("properties")), _mapping(schema.get("additionalProperties"))
    fields = {key: _mapping(known.get(key)) or others for key in value}
    return {
        key: _without_nulls(each, fields[key])
        for key, each in value.items()
        if each is not None or not fields[key] or fields[key].get("nullable") is True
    }


def json_schema(schema: Schema) -> dict[str, Json]:
    """A structural schema as a JSON schema; apiVersion, kind and metadata are always allowed."""
    made = _structural(schema)
    made["properties"] = {**_mapping(made.get("properties")), **_COMMON_FIELDS}
    return made


def _structural(schema: Mapping[str, Json]) -> dict[str, Json]:
    """A structural schema as a JSON schema (Kubernetes documentation, "Custom Resources").

    Types, enumerations, bounds and patterns are kept; `bot.engine.cel_rules` evaluates CEL rules.
    Unknown fields are rejected, because they would be pruned.
    """
    made = _bounds(schema)
    types = [str(schema["type"])] if "type" in schema else []
    if schema.get("x-kubernetes-int-or-string") is True:
        types = ["integer", "string"]
    if types:
        made["type"] = [*types, *(["null"] if schema.get("nullable") is True else [])]
    if "items" in schema:
        made["items"] = _structural(_mapping(schema["items"]))
    properties = _mapping(schema.get("properties"))
    if properties:
        made["properties"] = {
            name: _structural(_mapping(each)) for name, each in properties.items()
        }
    if schema.get("x-kubernetes-embedded-resource") is True:
        made["properties"] = {**_mapping(made.get("properties")), **_COMMON_FIELDS}
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        made["additionalProperties"] = _structural(others)
    elif properties and others is not True and not _keeps_unknown(schema):
        made["additionalProperties"] = False
    return made


def _bounds(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The bounds of a value; an exclusive one is a flag in structural schemas."""
    made: dict[str, Json] = {name: schema[name] for name in _KEPT_KEYWORDS if name in schema}
    required = _required(schema)
    if required:
        made["required"] = required
    for bound in ("Minimum", "Maximum"):
        if schema.get(f"exclusive{bound}") is True and bound.lower() in schema:
            made[f"exclusive{bound}"] = schema[bound.lower()]
    return made


def _required(schema: Mapping[str, Json]) -> list[Json]:
    """The required fields; those with a default are set before they are checked."""
    names, properties = schema.get("required"), _mapping(schema.get("properties"))
    listed = names if isinstance(names, list) else []
    return [name for name in listed if "default" not in _mapping(properties.get(str(name)))]


def _keeps_unknown(schema: Mapping[str, Json]) -> bool:
    return schema.get("x-kubernetes-preserve-unknown-fields") is True


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
