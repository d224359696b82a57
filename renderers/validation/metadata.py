"""Rules for the metadata of every object, and for label selectors.

Sources: k8s.io/apimachinery/pkg/api/validation (objectmeta.go),
k8s.io/apimachinery/pkg/apis/meta/v1/validation.
"""

from planners.model import Json
from renderers.validation.checks import (
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
from renderers.validation.formats import (
    DNS_LABEL,
    LABEL_KEY,
    LABEL_VALUE,
    PATH_SEGMENT,
    SUBDOMAIN,
    is_qualified,
    service_name,
)

MOST_ANNOTATIONS = 256 * 1024
MAX_CRON_JOB = 52
MAX_JOB = 63
_POD_SECURITY = "pod-security.kubernetes.io/"
_POD_SECURITY_LEVEL = one_of("privileged", "baseline", "restricted")
_RBAC = "rbac.authorization.k8s.io"
_NAMES = {
    ("", "Namespace"): DNS_LABEL,
    ("", "Service"): service_name,
    (_RBAC, "Role"): PATH_SEGMENT,
    (_RBAC, "ClusterRole"): PATH_SEGMENT,
    (_RBAC, "RoleBinding"): PATH_SEGMENT,
    (_RBAC, "ClusterRoleBinding"): PATH_SEGMENT,
    ("apiregistration.k8s.io", "APIService"): PATH_SEGMENT,
    ("certificates.k8s.io", "ClusterTrustBundle"): PATH_SEGMENT,
    ("internal.apiserver.k8s.io", "StorageVersion"): PATH_SEGMENT,
    ("networking.k8s.io", "IPAddress"): PATH_SEGMENT,
}
_LONGEST = {("batch", "CronJob"): MAX_CRON_JOB, ("batch", "Job"): MAX_JOB}


def object_metadata(item: Object, place: Place) -> Violations:
    """The metadata of an object, whose kind decides what its name may be."""
    group = text(item.get("apiVersion")).rpartition("/")[0]
    kind = (group, text(item.get("kind")))
    metadata, where = mapping(item.get("metadata")), place.at("metadata")
    name = metadata.get("name")
    if not absent(name):
        yield from _NAMES.get(kind, SUBDOMAIN)(name, where.at("name"))
        longest = _LONGEST.get(kind)
        if longest is not None and len(text(name)) > longest:
            yield where.at("name").violation(f"must be at most {longest} characters long")
    if not absent(metadata.get("namespace")):
        yield from DNS_LABEL(metadata.get("namespace"), where.at("namespace"))
    yield from labels_and_annotations(dict(metadata), where)
    for key, level in mapping(metadata.get("labels")).items() if kind[1] == "Namespace" else ():
        if key.startswith(_POD_SECURITY) and not key.endswith("-version"):
            yield from _POD_SECURITY_LEVEL(level or "none", where.at("labels", key))


def labels_and_annotations(value: Json, place: Place) -> Violations:
    """The labels, annotations and finalizers in metadata, also of pod templates."""
    metadata = mapping(value)
    yield from labels(metadata.get("labels"), place.at("labels"))
    size = 0
    for key, content in mapping(metadata.get("annotations")).items():
        yield from LABEL_KEY(key.lower(), place.at("annotations", key))
        size += len(key.encode()) + len(text(content).encode())
    if size > MOST_ANNOTATIONS:
        yield place.at("annotations").violation("must be at most 256 KiB together")
    yield from each(LABEL_KEY)(metadata.get("finalizers"), place.at("finalizers"))
    yield from _owners(metadata.get("ownerReferences"), place.at("ownerReferences"))


def labels(value: Json, place: Place) -> Violations:
    """Labels, or a selector made of labels."""
    for key, content in mapping(value).items():
        yield from LABEL_KEY(key, place.at(key))
        yield from LABEL_VALUE(content, place.at(key))


_owners = each(shape({}, required=("apiVersion", "kind", "name", "uid")))


def _expression(item: Object, place: Place) -> Violations:
    """In and NotIn take values, the other operators none."""
    takes = text(item.get("operator")) in {"In", "NotIn"}
    given = bool(item.get("values"))
    if takes and not given:
        yield place.violation("requires values, because its operator is In or NotIn")
    if given and text(item.get("operator")) in {"Exists", "DoesNotExist"}:
        yield place.at("values").violation("must be empty, because the operator takes no values")


SELECTOR = shape(
    {
        "matchLabels": labels,
        "matchExpressions": each(
            shape(
                {
                    "key": LABEL_KEY,
                    "operator": one_of("In", "NotIn", "Exists", "DoesNotExist"),
                    "values": each(LABEL_VALUE),
                },
                _expression,
                required=("key", "operator"),
            )
        ),
    }
)


def selector_selects_template(spec: Object, place: Place) -> Violations:
    """A workload's selector is not empty and selects the pods of its template."""
    selector = spec.get("selector")
    stated = mapping(selector)
    if selector is not None and not (stated.get("matchLabels") or stated.get("matchExpressions")):
        yield place.at("selector").violation("must not be empty")
    else:
        yield from selector_matches_template(spec, place)


def selector_matches_template(spec: Object, place: Place) -> Violations:
    """A selector selects the pods of the template; an empty one selects all."""
    selector = mapping(spec.get("selector"))
    found = mapping(mapping(mapping(spec.get("template")).get("metadata")).get("labels"))
    if not matches(selector, found):
        where = place.at("template", "metadata", "labels")
        yield where.violation("does not match the labels in spec.selector")


def matches(selector: Object, found: Object) -> bool:
    """Whether labels match a label selector."""
    wanted = mapping(selector.get("matchLabels"))
    if any(found.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(item, found) for _, item in mappings(selector.get("matchExpressions")))


def _meets(expression: Object, found: Object) -> bool:
    key, operator = text(expression.get("key")), expression.get("operator")
    listed = expression.get("values")
    known = key in found and isinstance(listed, list) and found[key] in listed
    met = {
        "In": known,
        "NotIn": not known,
        "Exists": key in found,
        "DoesNotExist": key not in found,
    }
    return met.get(text(operator), True) or not is_qualified(key)
