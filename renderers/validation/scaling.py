"""Rules for autoscalers and disruption budgets.

Sources: k8s.io/kubernetes/pkg/apis/autoscaling/validation, k8s.io/kubernetes/pkg/apis/policy/
validation. That minReplicas may be 0 depends on a feature gate (HPAScaleToZero) and on a metric of
type Object or External.
"""

from planners.model import Json
from renderers.validation.checks import (
    POSITIVE,
    Check,
    Object,
    Place,
    Violations,
    at_most_one,
    between,
    each,
    integer,
    mapping,
    mappings,
    nanos_of,
    one_of,
    present,
    shape,
    text,
)
from renderers.validation.formats import PATH_SEGMENT, at_most_all, is_subdomain
from renderers.validation.metadata import SELECTOR

_MOST_STABILIZATION = 3600
_MOST_PERIOD = 1800
_GROUP_REQUIRED = 34
_SOURCES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "External": "external",
    "ContainerResource": "containerResource",
}


def _bounds(spec: Object, place: Place) -> Violations:
    """The bounds of replicas, the lower one not above the upper one."""
    least, most = integer(spec.get("minReplicas")), integer(spec.get("maxReplicas"))
    types = {text(item.get("type")) for _, item in mappings(spec.get("metrics"))}
    if least is not None and least < 1 and (least < 0 or not types & {"Object", "External"}):
        yield place.at("minReplicas").violation("must be at least 1")
    if least is not None and most is not None and most < least:
        yield place.at("maxReplicas").violation("must be at least minReplicas")


def _metric(item: Object, place: Place) -> Violations:
    """A metric has the source of its type and no other."""
    wanted = _SOURCES.get(text(item.get("type")))
    found = present(item, tuple(_SOURCES.values()))
    if wanted is None:
        return
    if wanted not in found:
        yield place.violation(f"requires the field {wanted}, because of its type")
    for name in found:
        if name != wanted:
            yield place.at(name).violation("is not allowed for a metric of this type")


def _target(value: Json, place: Place) -> Violations:
    """A target states what its type means, more than 0."""
    target = mapping(value)
    if not isinstance(value, dict):
        return
    if not present(target, ("value", "averageValue", "averageUtilization")):
        yield place.violation("requires value, averageValue or averageUtilization")
    for name in ("value", "averageValue"):
        nanos = nanos_of(target.get(name))
        if nanos is not None and nanos <= 0:
            yield place.at(name).violation("must be more than 0")
    yield from shape(
        {
            "type": one_of("Utilization", "Value", "AverageValue"),
            "averageUtilization": POSITIVE,
        },
        required=("type",),
    )(value, place)


def _target_group(item: Object, place: Place) -> Violations:
    """What is scaled is named with its API group; older versions do not check it."""
    version = text(item.get("apiVersion"))
    core = version == "v1" and item.get("kind") == "ReplicationController"
    group, slash, _ = version.partition("/")
    if place.minor >= _GROUP_REQUIRED and not core and not (slash and is_subdomain(group)):
        yield place.at("apiVersion").violation("must name the API group, such as apps/v1")


def _resource(item: Object, place: Place) -> Violations:
    """A resource metric has a utilization or an average, not both."""
    target, where = mapping(item.get("target")), place.at("target")
    both_set = present(target, ("averageUtilization", "averageValue"))
    if len(both_set) > 1:
        yield where.violation("must set either averageUtilization or averageValue")
    elif not both_set and target:
        yield where.violation("requires averageUtilization or averageValue")


def _policies(item: Object, place: Place) -> Violations:
    if item.get("policies") == []:
        yield place.at("policies").violation("must hold at least one policy")


_WINDOW = shape(
    {
        "stabilizationWindowSeconds": between(0, _MOST_STABILIZATION),
        "selectPolicy": one_of("Max", "Min", "Disabled"),
        "policies": each(
            shape(
                {
                    "type": one_of("Pods", "Percent"),
                    "value": POSITIVE,
                    "periodSeconds": between(1, _MOST_PERIOD),
                },
                required=("type", "value", "periodSeconds"),
            )
        ),
    },
    _policies,
)
_NAMED = shape({"name": PATH_SEGMENT, "selector": SELECTOR}, required=("name",))
_REFERENCE = shape({"kind": PATH_SEGMENT, "name": PATH_SEGMENT}, required=("kind", "name"))
_RESOURCE = shape({"target": _target}, _resource, required=("name", "target"))
_TARGET = shape(
    {"kind": PATH_SEGMENT, "name": PATH_SEGMENT}, _target_group, required=("kind", "name")
)
_METRICS = each(
    shape(
        {
            "type": one_of(*_SOURCES),
            "resource": _RESOURCE,
            "containerResource": _RESOURCE,
            "pods": shape({"metric": _NAMED, "target": _target}, required=("metric", "target")),
            "external": shape({"metric": _NAMED, "target": _target}, required=("metric", "target")),
            "object": shape(
                {"metric": _NAMED, "target": _target, "describedObject": _REFERENCE},
                required=("metric", "target", "describedObject"),
            ),
        },
        _metric,
        required=("type",),
    )
)
_AUTOSCALER = shape(
    {
        "maxReplicas": POSITIVE,
        "scaleTargetRef": _TARGET,
        "metrics": _METRICS,
        "behavior": shape({"scaleUp": _WINDOW, "scaleDown": _WINDOW}),
        "targetCPUUtilizationPercentage": POSITIVE,
    },
    _bounds,
    required=("maxReplicas", "scaleTargetRef"),
)
_BUDGET = shape(
    {
        "minAvailable": at_most_all,
        "maxUnavailable": at_most_all,
        "selector": SELECTOR,
        "unhealthyPodEvictionPolicy": one_of("IfHealthyBudget", "AlwaysAllow"),
    },
    at_most_one("minAvailable", "maxUnavailable", word="limit"),
    filled=("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy"),
)

KINDS: dict[tuple[str, str], Check] = {
    ("autoscaling", "HorizontalPodAutoscaler"): shape({"spec": _AUTOSCALER}, required=("spec",)),
    ("policy", "PodDisruptionBudget"): shape({"spec": _BUDGET}),
}
