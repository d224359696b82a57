"""Rules for quotas, limit ranges and priority classes.

Sources: k8s.io/kubernetes/pkg/apis/core/validation (ValidateLimitRange, ValidateResourceQuota),
k8s.io/kubernetes/pkg/apis/scheduling/validation.
"""

from planners.model import Json
from renderers.validation.checks import (
    Check,
    Object,
    Place,
    Violations,
    amount,
    both,
    each,
    integer,
    mapping,
    nanos_of,
    one_of,
    shape,
    text,
    unique,
    values,
)
from renderers.validation.formats import is_qualified

_NANO = 10**9
_MOST_PRIORITY = 10**9
_SYSTEM = "system-"
_TYPES = ("Container", "Pod", "PersistentVolumeClaim")
_FIELDS = ("min", "defaultRequest", "default", "max")
_ORDER = (
    ("min", "max"), ("min", "default"), ("min", "defaultRequest"), ("defaultRequest", "default"),
    ("defaultRequest", "max"), ("default", "max"),
)  # fmt: skip
_QUOTA_NAMES = frozenset(
    {
        "cpu", "memory", "ephemeral-storage", "storage", "requests.cpu", "requests.memory",
        "requests.storage", "requests.ephemeral-storage", "limits.cpu", "limits.memory",
        "limits.ephemeral-storage", "pods", "services", "replicationcontrollers", "resourcequotas",
        "secrets", "configmaps", "persistentvolumeclaims", "services.nodeports",
        "services.loadbalancers",
    }
)  # fmt: skip
_SCOPES = (
    "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
    "CrossNamespacePodAffinity", "VolumeAttributesClass",
)  # fmt: skip


def _ordered(item: Object, place: Place) -> Violations:
    """Bounds and defaults of a limit range are in order."""
    for low, high in _ORDER:
        bounds = mapping(item.get(high))
        for name, stated in mapping(item.get(low)).items():
            small, large = nanos_of(stated), nanos_of(bounds.get(name))
            if small is not None and large is not None and small > large:
                yield place.at(low, name).violation(f"must not exceed {high}")
    for name, ratio in mapping(item.get("maxLimitRequestRatio")).items():
        nanos = nanos_of(ratio)
        if nanos is not None and nanos < _NANO:
            yield place.at("maxLimitRequestRatio", name).violation("must be at least 1")
        least = nanos_of(mapping(item.get("min")).get(name))
        most = nanos_of(mapping(item.get("max")).get(name))
        if nanos is not None and least and most is not None and nanos * least > most * _NANO:
            yield place.at("maxLimitRequestRatio", name).violation("must not exceed max / min")


def _limit_type(item: Object, place: Place) -> Violations:
    """What is limited, and which fields that has."""
    kind = text(item.get("type"))
    if kind and kind not in _TYPES and not (("/" in kind) and is_qualified(kind)):
        yield place.at("type").violation(f"must be one of {', '.join(_TYPES)}")
    stated = any("storage" in mapping(item.get(field)) for field in ("min", "max"))
    if kind == "PersistentVolumeClaim" and not stated:
        yield place.violation("requires min.storage or max.storage")
    for field in ("default", "defaultRequest") if kind == "Pod" else ():
        if item.get(field):
            yield place.at(field).violation("is not allowed for the type Pod")


def _quota_names(value: Json, place: Place) -> Violations:
    """What a quota can limit: a known name, one with a domain, or a prefixed one."""
    for name in mapping(value):
        bare = name.removeprefix("requests.").removeprefix("limits.")
        known = name in _QUOTA_NAMES or bare.startswith("hugepages-")
        if not known and not (("/" in bare) and is_qualified(bare)):
            yield place.at(name).violation("is no resource that a quota can limit")


def _priority(item: Object, place: Place) -> Violations:
    """Priorities above a billion and names with system- are the cluster's own."""
    name = text(mapping(item.get("metadata")).get("name"))
    if name.startswith(_SYSTEM):
        yield place.at("metadata", "name").violation(f"must not begin with {_SYSTEM}")
    if (integer(item.get("value")) or 0) > _MOST_PRIORITY:
        yield place.at("value").violation("must be at most 1000000000")


_LIMITS = both(
    unique("type", word="type"),
    each(shape(dict.fromkeys(_FIELDS, values(amount)), _ordered, _limit_type, required=("type",))),
)

KINDS: dict[tuple[str, str], Check] = {
    ("", "LimitRange"): shape({"spec": shape({"limits": _LIMITS})}),
    ("", "ResourceQuota"): shape(
        {
            "spec": shape(
                {
                    "hard": both(values(amount), _quota_names),
                    "scopes": each(one_of(*_SCOPES)),
                }
            )
        }
    ),
    ("scheduling.k8s.io", "PriorityClass"): shape(
        {"preemptionPolicy": one_of("Never", "PreemptLowerPriority")},
        _priority,
        filled=("preemptionPolicy",),
    ),
}
