"""Patch metadata of an object's fields: whether a list merges, and by which keys.

`BuiltIn` reads it from the table of Kubernetes' own kinds, `Custom` from the structural schema of
a custom resource. Source of the latter: the Kubernetes documentation "Server-Side Apply", section
"Merge strategy" (x-kubernetes-list-type, x-kubernetes-list-map-keys, x-kubernetes-map-type).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias

from planners.model import Json
from renderers.kubernetes.merge_keys import KINDS, METADATA, TYPES

Key: TypeAlias = tuple[tuple[type, Json], ...]


class MergeError(Exception):
    """The patch cannot be merged; the message names the path and the reason, never a value."""


class Shape(Protocol):
    """The patch metadata of a mapping."""

    @property
    def atomic(self) -> bool:
        """Whether a patch replaces the whole mapping."""

    def field(self, name: str) -> "Field":
        """The metadata of a field; an unknown field has a value of unknown shape."""


class Field(NamedTuple):
    """A field: the shape of its value, or of the items of its list, and how such a list merges."""

    shape: Shape
    merges: bool = False
    keys: tuple[str, ...] = ()
    defaults: Mapping[str, Json] = MappingProxyType({})

    def key(self, item: Json, path: str) -> Key:
        """The identity of a list item: its merge keys with their types, or the scalar itself.

        Raises:
            MergeError: the item has no merge key, or is not a scalar.
        """
        if not self.keys:
            if isinstance(item, dict | list):
                raise MergeError(f"{path}: this list of objects has no merge key")
            return ((type(item), item),)
        found = item if isinstance(item, dict) else {}
        values = [found.get(name, self.defaults.get(name)) for name in self.keys]
        for name, value in zip(self.keys, values, strict=True):
            if value is None or isinstance(value, dict | list):
                raise MergeError(f"{path}: an item has no valid merge key {name!r}")
        return tuple((type(value), value) for value in values)

    def item_path(self, key: Key, path: str) -> str:
        """The path of an item, such as `/spec/ports[port=80]`."""
        named = ",".join(
            f"{name}={value}" for name, (_, value) in zip(self.keys, key, strict=False)
        )
        return f"{path}[{named}]"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in Kubernetes type, by its name in the table; an empty name is an unknown type."""

    type_: str
    atomic: bool = False

    def field(self, name: str) -> Field:
        """Look the field up in the table; the entry `*` applies to every field."""
        fields = TYPES.get(self.type_, {})
        child, strategy, key = fields.get(name) or fields.get("*") or ("", "", "")
        shape = BuiltIn(child, strategy == "replace")
        return Field(shape, strategy == "merge", (key,) if key else ())


UNKNOWN = BuiltIn("")


@dataclass(frozen=True, slots=True)
class Custom:
    """A structural schema (OpenAPI v3, as in a CustomResourceDefinition), or a part of one."""

    schema: Mapping[str, Json]
    whole: bool = False

    @property
    def atomic(self) -> bool:
        """Whether the schema says `x-kubernetes-map-type: atomic`."""
        return self.schema.get("x-kubernetes-map-type") == "atomic"

    def field(self, name: str) -> Field:
        """From `properties`, else `additionalProperties`; `metadata` has its built-in type."""
        if name == "metadata" and self._is_object:
            return Field(BuiltIn(METADATA))
        child = _mapping(self.schema.get("properties")).get(name)
        if child is None:
            child = self.schema.get("additionalProperties")
        found = _mapping(child)
        if found.get("type") != "array":
            return Field(Custom(found))
        items = Custom(_mapping(found.get("items")))
        match found.get("x-kubernetes-list-type"):
            case "map":
                names = found.get("x-kubernetes-list-map-keys")
                keys = tuple(each for each in names or () if isinstance(each, str))  # type: ignore[union-attr]
                return Field(items, bool(keys), keys, items.defaults)
            case "set":
                return Field(items, merges=True)
            case _:
                return Field(items)

    @property
    def defaults(self) -> dict[str, Json]:
        """The defaults of the fields that have one."""
        fields = _mapping(self.schema.get("properties"))
        known = {name: _mapping(each) for name, each in fields.items()}
        return {name: each["default"] for name, each in known.items() if "default" in each}

    @property
    def _is_object(self) -> bool:
        return self.whole or self.schema.get("x-kubernetes-embedded-resource") is True


def shape_of(item: Mapping[str, Json], custom: Mapping[str, Json] | None) -> Shape:
    """The shape of an object: built in, else from the schema, else unknown."""
    kind = KINDS.get(table_key(item))
    if kind is not None:
        return BuiltIn(kind)
    return UNKNOWN if custom is None else Custom(custom, whole=True)


def table_key(item: Mapping[str, Json]) -> str:
    """The key of a kind in the table, such as `apps/v1 Deployment`."""
    return f"{item.get('apiVersion')} {item.get('kind')}"


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def is_built_in(item: Mapping[str, Json]) -> bool:
    """Whether the object is of a built-in kind of Kubernetes 1.25 or later."""
    return table_key(item) in KINDS
