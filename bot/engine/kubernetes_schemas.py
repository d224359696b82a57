"""Validates objects against the Kubernetes schemas; the only importer of jsonschema.

The schemas come from the package kubernetes-validate; those of a version (2 MB) are loaded with the
first object for it. Messages contain names of fields and types but no values, because an object may
be a Secret.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from bot.engine import cel_rules
from planners.model import Json, quantities
from renderers.kubernetes.schemas import CustomKinds, SchemaViolation, custom_schema, json_schema

PACKAGE = "kubernetes_validate"
FOLDER = "kubernetes-json-schema"
STRICT = "-local-strict"
MAX_VIOLATIONS = 20
_REMOVED_GROUPS = {
    "extensions": "use Pod Security Admission instead of PodSecurityPolicy",
    "componentconfig": "pass a file to the component",
    "settings.k8s.io": "use an admission webhook instead of PodPreset",
    "auditregistration.k8s.io": "use the audit policy of the API server",
}

_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_QUANTITY_KEYWORD = "x-switchyard-quantity"


class KubernetesSchemas:
    """Validates against Kubernetes 1.25 up to the newest version in the package."""

    def violations(
        self, item: Mapping[str, Json], version: str | None, custom: CustomKinds
    ) -> tuple[SchemaViolation, ...]:
        """Why a cluster of that version would reject the object.

        For an unknown version the nearest known one is used; without a version, the newest that has
        the kind.
        """
        api, kind = str(item.get("apiVersion")), str(item.get("kind"))
        group = api.rpartition("/")[0]
        if group not in groups():
            return _custom_violations(item, api, kind, custom)
        known = nearest(version) if version else _newest_with(api, kind)
        name = kinds(known).get((api, kind)) if known else None
        if known is None or name is None:
            return (SchemaViolation((), _missing(api, kind, known or versions()[-1])),)
        return _check(item, {"$ref": f"urn:{known}#/$defs/{name}"}, _registry(known))


def _custom_violations(
    item: Mapping[str, Json], api: str, kind: str, custom: CustomKinds
) -> tuple[SchemaViolation, ...]:
    """An object of a group that is not of Kubernetes itself."""
    group = api.rpartition("/")[0]
    served = custom.get((group, kind))
    if served is None:
        reason = _no_group(api, group, kind)
        return (SchemaViolation((), reason),) if reason else ()
    schema = custom_schema(custom, item)
    if schema is None:
        versions_served = ", ".join(f"{group}/{each}" for each in sorted(served)) or "no version"
        reason = f"{api} {kind} is not served by its CustomResourceDefinition: {versions_served} is"
        return (SchemaViolation((), reason),)
    found = _check(item, json_schema(schema), _registry(None))
    return found or cel_rules.rule_violations(item, schema)


def _no_group(api: str, group: str, kind: str) -> str:
    """Why no cluster can have a group; empty if it may be a custom one.

    Groups of CustomResourceDefinitions have a dot (ValidateCustomResourceDefinition), and removed
    groups are not used again (Kubernetes documentation, "Deprecated API Migration Guide").
    """
    apis = sorted(other for other, name in kinds(versions()[-1]) if name == kind)
    near = get_close_matches(group, [each.rpartition("/")[0] for each in apis], n=1, cutoff=0.8)
    if group in _REMOVED_GROUPS:
        instead = f"use {', '.join(apis)}" if apis else _REMOVED_GROUPS[group]
        return f"{api} {kind} was removed from Kubernetes; {instead}"
    if "." in group and not near:
        return ""
    hint = f"; use {', '.join(apis)}" if apis else ""
    return f"the API group {group} does not exist in Kubernetes{hint}"


def _quantity(
    _validator: object, _wanted: object, value: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    """A quantity, wherever the schemas have one; null counts as absent."""
    try:
        if value is not None:
            quantities.parse(value)
    except ValueError:
        yield jsonschema.ValidationError("no quantity")


def _pattern(
    _validator: object, pattern: str, value: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    """A text that matches, by the regular expressions of Kubernetes."""
    if isinstance(value, str) and not cel_rules.matches(pattern, value):
        yield jsonschema.ValidationError("no match")


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {_QUANTITY_KEYWORD: _quantity, "pattern": _pattern}
)


def _check(
    item: Mapping[str, Json], schema: dict[str, Any], registry: Registry[Any]
) -> tuple[SchemaViolation, ...]:
    validator = _Validator(schema, registry=registry)
    found = [each for error in validator.iter_errors(item) for each in _violations(error)]
    return tuple(sorted(found, key=lambda each: (str(each.path), each.message))[:MAX_VIOLATIONS])


def _violations(error: jsonschema.ValidationError) -> Iterator[SchemaViolation]:
    """The violations of one error, without values."""
    path = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            known = sorted(error.schema.get("properties", {}))
            for name in sorted(error.instance.keys() - set(known)):
                near = get_close_matches(str(name), known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield SchemaViolation((*path, name), f"is not a field of the schema{hint}")
        case "type":
            yield SchemaViolation(path, _wrong_type(error, [error.validator_value]))
        case "oneOf":
            types = [each.get("type", []) for each in error.validator_value]
            yield SchemaViolation(path, _wrong_type(error, types))
        case "required":
            for name in error.validator_value:
                if isinstance(error.instance, dict) and name not in error.instance:
                    yield SchemaViolation(path, f"requires the field {name}")
        case "enum":
            allowed = ", ".join(map(str, error.validator_value))
            yield SchemaViolation(path, f"must be one of {allowed}")
        case _:
            yield SchemaViolation(path, _broken_rule(error))


def _broken_rule(error: jsonschema.ValidationError) -> str:
    match error.validator:
        case "pattern":
            return f"must match the pattern {error.validator_value}"
        case _ if error.validator == _QUANTITY_KEYWORD:
            return "is not a quantity; write e.g. 500m, 2, 1.5Gi or 1e3"
        case _:
            return f"violates the rule {error.validator} of the schema"


def _wrong_type(error: jsonschema.ValidationError, wanted: list[Any]) -> str:
    names = {n for each in wanted for n in (each if isinstance(each, list) else [each])}
    types = " or ".join(sorted(names - {"null"}))
    return f"must be of type {types}, but is {_type(error.instance)}"


def _type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _missing(api: str, kind: str, version: str) -> str:
    """Why a built-in kind does not exist in a version, and what does."""
    apis = sorted(other for other, name in kinds(version) if name == kind)
    if apis:
        return f"{api} {kind} does not exist in Kubernetes {version}; {', '.join(apis)} does"
    near = get_close_matches(kind, sorted({name for _, name in kinds(version)}), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{api} {kind} does not exist in Kubernetes {version}{hint}"


@cache
def versions() -> tuple[str, ...]:
    """The known minor versions, such as `1.31`, in ascending order."""
    names = [each.name for each in files(PACKAGE).joinpath(FOLDER).iterdir()]
    found = [name[1:].removesuffix(STRICT) for name in names if name.endswith(STRICT)]
    return tuple(sorted({each.rpartition(".")[0] for each in found}, key=_number))


def _number(version: str) -> int:
    return int(version.rpartition(".")[2])


def nearest(version: str) -> str:
    """The known version nearest to the given one."""
    return min(versions(), key=lambda each: (abs(_number(each) - _number(version)), each))


@cache
def _definitions(version: str) -> dict[str, Any]:
    path = files(PACKAGE).joinpath(FOLDER, f"v{version}.0{STRICT}", "_definitions.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    found["$defs"][_QUANTITY] = {_QUANTITY_KEYWORD: True}
    return found


@cache
def kinds(version: str) -> dict[tuple[str, str], str]:
    """The name of each built-in kind's definition, by (apiVersion, kind)."""
    found = {}
    for name, definition in _definitions(version)["$defs"].items():
        for each in definition.get(_GROUP_VERSION_KIND, []):
            api = f"{each['group']}/{each['version']}" if each["group"] else each["version"]
            if "metadata" in definition.get("properties", {}):
                found[api, each["kind"]] = name
    return found


@cache
def groups() -> frozenset[str]:
    """The API groups of Kubernetes itself, including removed ones."""
    ends = (versions()[0], versions()[-1])
    return frozenset(api.rpartition("/")[0] for each in ends for api, _ in kinds(each))


def _newest_with(api: str, kind: str) -> str | None:
    return next((each for each in reversed(versions()) if (api, kind) in kinds(each)), None)


@cache
def _registry(version: str | None) -> Registry[Any]:
    if version is None:
        return Registry()
    resource = DRAFT202012.create_resource(_definitions(version))
    found: Registry[Any] = Registry().with_resource(f"urn:{version}", resource)
    return found
