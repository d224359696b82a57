"""What a unit's objects request on a cluster: pods as Kubernetes runs them, and volume claims.

Sources, all of the Kubernetes documentation:

- "Horizontal Pod Autoscaling": an autoscaler runs at least `minReplicas` (1 if not set), and stops
  where its target is set to 0 ("Implicit maintenance-mode deactivation").
- "DaemonSet": one pod on every eligible node; how many nodes there are is a fact of the cluster.
- "StatefulSets" and "Ephemeral Volumes": a claim for each pod and template.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from planners.model import ContainerLimits, Json, Target, quantities
from planners.model.requests import WorkloadRequests
from renderers.kubernetes import workloads
from renderers.kubernetes.metadata import group_of, label_of, name_of

CLAIM = "PersistentVolumeClaim"
AUTOSCALER = "HorizontalPodAutoscaler"
STORAGE = "storage"
FILE_PREFIXES = (*workloads.FILE_PREFIXES, f"{CLAIM.lower()}-", f"{AUTOSCALER.lower()}-")


def object_demand(
    item: Mapping[str, Json], limits: ContainerLimits | None = None
) -> WorkloadRequests | None:
    """What one object requests, or its minimum for another one; None if nothing.

    Raises:
        ValueError: a quantity is invalid.
    """
    kind, spec = str(item.get("kind")), _mapping(item.get("spec"))
    target = Target(kind, name_of(item))
    if kind == AUTOSCALER and group_of(item) == "autoscaling":
        return _minimum(spec)
    if kind == CLAIM:
        return WorkloadRequests(target, 1, _storage(spec))
    per_pod = workloads.requests(item, 1, limits)
    if not per_pod:
        return None
    stored = sum(each.get(STORAGE, 0) for each in map(_storage, _templates(item, spec)))
    if stored:
        per_pod[STORAGE] = stored
    per_node = kind == "DaemonSet"
    return WorkloadRequests(target, workloads.replicas(item), per_pod, per_node=per_node)


def joined(parts: Iterable[WorkloadRequests]) -> tuple[WorkloadRequests, ...]:
    """The demand of a unit's objects, each workload with the minimum of its autoscalers."""
    found = tuple(parts)
    minimums: dict[Target, int] = {}
    for each in found:
        if not each.per_pod:
            minimums[each.workload] = max(each.minimum, minimums.get(each.workload, 0))
    return tuple(
        replace(each, minimum=minimums.get(each.workload, 0)) for each in found if each.per_pod
    )


class ScalingTarget(NamedTuple):
    """What an autoscaler scales; the group is None where the autoscaler does not state it."""

    group: str | None
    kind: str
    name: str


def scaling_target(item: Mapping[str, Json]) -> ScalingTarget | None:
    """What an object scales; None if it is no autoscaler.

    KEDA documentation, "ScaledObject specification": `scaleTargetRef` is a Deployment of apps/v1
    where it says nothing else.
    """
    key = group_of(item), str(item.get("kind"))
    if key not in {("autoscaling", AUTOSCALER), ("keda.sh", "ScaledObject")}:
        return None
    scaled = _mapping(_mapping(item.get("spec")).get("scaleTargetRef"))
    version = scaled.get("apiVersion")
    group = str(version).rpartition("/")[0] if version is not None else None
    return ScalingTarget(group, str(scaled.get("kind", "Deployment")), str(scaled.get("name")))


def autoscaler_of(objects: Iterable[Mapping[str, Json]], target: Target) -> str:
    """The object that sets the replicas of a workload in the cluster, as a label; empty if none."""
    for item in objects:
        scaled = scaling_target(item)
        if scaled is not None and Target(scaled.kind, scaled.name) == target:
            return label_of(item)
    return ""


def _minimum(spec: Mapping[str, Json]) -> WorkloadRequests:
    """An autoscaler requests nothing itself."""
    scaled = _mapping(spec.get("scaleTargetRef"))
    stated = spec.get("minReplicas")
    least = stated if isinstance(stated, int) and not isinstance(stated, bool) else 1
    target = Target(str(scaled.get("kind")), str(scaled.get("name")))
    return WorkloadRequests(target, 0, {}, minimum=least)


def _templates(item: Mapping[str, Json], spec: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The specs of the claims that each pod gets."""
    if item.get("kind") == "StatefulSet":
        for template in _mappings(spec.get("volumeClaimTemplates")):
            yield _mapping(template.get("spec"))
    for volume in _mappings((workloads.pod_spec(item) or {}).get("volumes")):
        made = _mapping(_mapping(volume.get("ephemeral")).get("volumeClaimTemplate"))
        yield _mapping(made.get("spec"))


def _storage(spec: Mapping[str, Json]) -> dict[str, int]:
    requested = _mapping(_mapping(spec.get("resources")).get("requests")).get(STORAGE)
    return {} if requested is None else {STORAGE: quantities.parse(requested)}


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> Iterator[Mapping[str, Json]]:
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict):
            yield each
