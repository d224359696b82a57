"""Rules for CustomResourceDefinitions and Endpoints.

Sources: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation (names, versions and the
root of the schema), k8s.io/kubernetes/pkg/apis/core/validation (ValidateEndpoints).
"""

from planners.model import Json
from renderers.validation.checks import (
    PORT_NUMBER,
    Check,
    Object,
    Place,
    Violations,
    absent,
    each,
    mapping,
    mappings,
    one_of,
    shape,
    text,
)
from renderers.validation.formats import IP_ADDRESS, LETTER_LABEL, SUBDOMAIN


def _group(value: Json, place: Place) -> Violations:
    yield from SUBDOMAIN(value, place)
    if "." not in text(value):
        yield place.violation("must be a domain with at least one dot")


def _lower(value: Json, place: Place) -> Violations:
    yield from LETTER_LABEL(text(value).lower(), place)


def _name(item: Object, place: Place) -> Violations:
    """A definition is named after its plural and group."""
    spec = mapping(item.get("spec"))
    expected = f"{text(mapping(spec.get('names')).get('plural'))}.{text(spec.get('group'))}"
    if text(mapping(item.get("metadata")).get("name")) != expected:
        yield place.at("metadata", "name").violation("must be <spec.names.plural>.<spec.group>")


def _versions(spec: Object, place: Place) -> Violations:
    """One version is stored, no two have one name, and each has a schema of an object."""
    versions = mappings(spec.get("versions"))
    if sum(item.get("storage") is True for _, item in versions) != 1:
        yield place.at("versions").violation("must have exactly one version with storage: true")
    names = [text(item.get("name")) for _, item in versions]
    for index, item in versions:
        where = place.at("versions", index)
        if names.index(names[index]) < index:
            yield where.at("name").violation("is the name of an earlier version too")
        schema = mapping(mapping(item.get("schema")).get("openAPIV3Schema"))
        if schema.get("type") != "object":
            path = where.at("schema", "openAPIV3Schema")
            yield path.violation("requires type: object at its root")


_DEFINITION = shape(
    {
        "group": _group,
        "scope": one_of("Namespaced", "Cluster"),
        "names": shape(
            {"kind": _lower, "plural": LETTER_LABEL, "singular": LETTER_LABEL, "listKind": _lower},
            required=("kind", "plural"),
        ),
        "versions": each(shape({"name": LETTER_LABEL}, required=("name",))),
    },
    _versions,
    required=("group", "scope", "names", "versions"),
)


def _subset(item: Object, place: Place) -> Violations:
    """A subset has addresses, and several ports have names."""
    if not item.get("addresses") and not item.get("notReadyAddresses"):
        yield place.violation("requires addresses or notReadyAddresses")
    ports = mappings(item.get("ports"))
    for index, port in ports if len(ports) > 1 else []:
        if absent(port.get("name")):
            yield place.at("ports", index).violation("requires the field name")


_ADDRESSES = each(shape({"ip": IP_ADDRESS}, required=("ip",)))
_SUBSETS = each(
    shape(
        {
            "addresses": _ADDRESSES,
            "notReadyAddresses": _ADDRESSES,
            "ports": each(shape({"port": PORT_NUMBER, "protocol": one_of("TCP", "UDP", "SCTP")})),
        },
        _subset,
    )
)

KINDS: dict[tuple[str, str], Check] = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): shape(
        {"spec": _DEFINITION}, _name, required=("spec",)
    ),
    ("", "Endpoints"): shape({"subsets": _SUBSETS}),
}
