"""Finds the rules of an object's kind and applies them; `renderers.validate` calls it."""

from collections.abc import Mapping

from planners.model import Json
from renderers.kubernetes.schemas import SchemaViolation
from renderers.validation import (
    access,
    admission,
    data,
    definitions,
    jobs,
    limits,
    networking,
    pods,
    runtime,
    scaling,
    services,
    storage,
    workloads,
)
from renderers.validation.checks import Check, Place
from renderers.validation.metadata import object_metadata

MOST_VIOLATIONS = 20
_FAMILIES = (
    access, admission, data, definitions, jobs, limits, networking, pods, runtime, scaling,
    services, storage, workloads,
)  # fmt: skip
KINDS: Mapping[tuple[str, str], Check] = {
    kind: check for family in _FAMILIES for kind, check in family.KINDS.items()
}


def rule_violations(item: Mapping[str, Json], minor: int) -> tuple[SchemaViolation, ...]:
    """Which rules of the API server an object breaks; `minor` is 31 for Kubernetes 1.31."""
    group = str(item.get("apiVersion")).rpartition("/")[0]
    place = Place((), minor)
    check = KINDS.get((group, str(item.get("kind"))))
    found = [*object_metadata(item, place), *(check(dict(item), place) if check else ())]
    ordered = sorted(dict.fromkeys(found), key=lambda each: (str(each.path), each.message))
    return tuple(ordered[:MOST_VIOLATIONS])
