"""What rendered objects must look like: the schemas of their cluster's Kubernetes version.

The schemas are the shell's to bring (`bot/engine/kubernetes_schemas.py`); here is what is asked of
them, and the schemas that the application brings itself in its CustomResourceDefinitions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from planners.model import Json

Schema: TypeAlias = Mapping[str, Json]
CustomKinds: TypeAlias = Mapping[tuple[str, str], Mapping[str, Schema]]

_KEPT = (
    "enum", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "required",
)  # fmt: skip
_ALWAYS: dict[str, Json] = {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with an object, and the path to it: keys and indexes from the root."""

    path: tuple[str | int, ...]
    message: str


class Schemas(Protocol):
    """The schemas of Kubernetes' own kinds, by version."""

    def objections(
        self, item: Mapping[str, Json], version: str | None, custom: CustomKinds
    ) -> tuple[Objection, ...]:
        """What a cluster of that version (`1.31`; None: not stated) would refuse in an object.

        `custom` maps a group and a kind to the schema of each of its versions. Custom kinds that
        it does not know pass.
        """


class NoSchemas:
    """Objects to nothing."""

    def objections(
        self,
        item: Mapping[str, Json],  # noqa: ARG002 - the Protocol's arguments
        version: str | None,  # noqa: ARG002 - as above
        custom: CustomKinds,  # noqa: ARG002 - as above
    ) -> tuple[Objection, ...]:
        """Nothing."""
        return ()


def custom_kinds(items: Iterable[Mapping[str, Json]]) -> CustomKinds:
    """The structural schemas (`openAPIV3Schema`) of the CustomResourceDefinitions among objects."""
    found: dict[tuple[str, str], dict[str, Schema]] = {}
    for item in items:
        if item.get("kind") != "CustomResourceDefinition":
            continue
        spec = _mapping(item.get("spec"))
        key = (str(spec.get("group")), str(_mapping(spec.get("names")).get("kind")))
        for version in _mappings(spec.get("versions")):
            schema = _mapping(_mapping(version.get("schema")).get("openAPIV3Schema"))
            if schema:
                found.setdefault(key, {})[str(version.get("name"))] = schema
    return found


def custom_schema(custom: CustomKinds, item: Mapping[str, Json]) -> Schema | None:
    """The structural schema of an object's kind and version, where it is known."""
    group, _, version = str(item.get("apiVersion")).rpartition("/")
    return custom.get((group, str(item.get("kind"))), {}).get(version)


def json_schema(schema: Schema) -> dict[str, Json]:
    """A structural schema as a JSON schema; apiVersion, kind and metadata are always allowed."""
    made = _structural(schema)
    made["properties"] = {**_mapping(made.get("properties")), **_ALWAYS}
    return made


def _structural(schema: Mapping[str, Json]) -> dict[str, Json]:
    """A structural schema as a JSON schema (Kubernetes documentation, "Custom Resources").

    What a field may be is kept; patterns and rules in CEL are not, since only the cluster's own
    machines run those as meant. Fields that are not named are refused, as they would be pruned.
    """
    made: dict[str, Json] = {name: schema[name] for name in _KEPT if name in schema}
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
        made["properties"] = {**_mapping(made.get("properties")), **_ALWAYS}
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        made["additionalProperties"] = _structural(others)
    elif properties and others is not True and not _keeps_unknown(schema):
        made["additionalProperties"] = False
    return made


def _keeps_unknown(schema: Mapping[str, Json]) -> bool:
    return schema.get("x-kubernetes-preserve-unknown-fields") is True


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
