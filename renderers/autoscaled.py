"""Leaves the replicas of a workload to its autoscaler: `spec.replicas` is not written.

Every agent applies with server-side apply: a field that was never in the manifest belongs to
whoever sets it in the cluster, and one that is in it is set again at each reconciliation. A field
that leaves the manifest falls back to its default, one replica, where the agent was the last to
set it (Kubernetes documentation, "Server-Side Apply", "Transferring ownership"). So the field of a
merged manifest stays until the source no longer states it; see ADR 0072.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from planners.model import Json, ObjectIdentity
from renderers.kubernetes.demand import scaling_target
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import identity_of, label_of, namespace_of
from renderers.kubernetes.schemas import Schema

GUIDE = "see docs/guides/burst.md, Autoscalers inside a cluster"
_OPTIONAL_REPLICAS = {
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "ReplicaSet"),
    ("", "ReplicationController"),
}
Object = dict[str, Json]


@dataclass(frozen=True, slots=True)
class AutoscaledObjects:
    """A component's objects; `merged` has the replicas that they state where they are merged.

    Of `merged` only more than one counts: the default is what a field that is given up falls to.
    `explicit` are objects whose replicas the placement, an exception or a rule sets.
    """

    component: str
    namespace: str
    merged: Mapping[ObjectIdentity, int]
    explicit: Callable[[Object], bool]
    schema: Callable[[Object], Schema | None]

    def written(self, objects: Iterable[Object]) -> tuple[list[Object], list[str]]:
        """The objects as they are written, and what a reviewer is told about them."""
        items, told = list(objects), list[str]()
        scalers = {self._place(each): each for each in items if scaling_target(each)}
        for index, item in enumerate(items) if scalers else ():
            scaler = next((each for each in scalers.values() if self._scales(each, item)), None)
            if scaler is not None:
                items[index], message = self._left(item, scaler)
                told += [f"{self.component}: {message}"] if message else []
        return items, told

    def _scales(self, scaler: Object, item: Object) -> bool:
        target, found = scaling_target(scaler), self._place(item)
        return (
            target is not None
            and (target.kind, target.name) == (found.kind, found.name)
            and target.group in (found.group, None)
            and self._place(scaler).namespace == found.namespace
        )

    def _place(self, item: Object) -> ObjectIdentity:
        return replace(identity_of(item), namespace=namespace_of(item) or self.namespace)

    def _left(self, item: Object, scaler: Object) -> tuple[Object, str]:
        """The object, with or without its replicas, and what to say."""
        spec, label, by = mapping(item.get("spec")), label_of(item), label_of(scaler)
        merged = self.merged.get(self._place(item))
        if "replicas" not in spec:
            if merged is None:
                return item, ""
            return item, (
                f"{label} gives up `replicas: {merged}`: where the agent set it last, it runs one "
                f"pod until {by} scales it; hand the field over on the clusters before you "
                f"merge ({GUIDE})"
            )
        if spec["replicas"] == 0 and scaler.get("kind") != "ScaledObject":
            return item, f"{label} has 0 replicas, which stops {by}"
        kept = f"{label} keeps `replicas: {spec['replicas']}`, to which the agent resets what {by}"
        if self.explicit(item):
            return item, f"{kept} sets: the placement, an exception or a rule states it"
        if not self._optional(item):
            return item, f"{kept} sets: nothing known says that {item.get('kind')} can do without"
        if merged is not None:
            return item, (
                f"{kept} sets: it is merged, and without it one pod might run; hand the field over "
                f"on the clusters and remove it from the source ({GUIDE})"
            )
        rest = {key: value for key, value in spec.items() if key != "replicas"}
        return {**item, "spec": rest}, f"{label} is written without replicas: {by} sets them"

    def _optional(self, item: Object) -> bool:
        """Whether an object is valid without replicas; of a custom kind, by its schema."""
        identity, schema = identity_of(item), self.schema(item)
        if (identity.group, identity.kind) in _OPTIONAL_REPLICAS:
            return True
        spec = mapping(mapping((schema or {}).get("properties")).get("spec"))
        required, known = spec.get("required"), mapping(spec.get("properties"))
        field = mapping(known.get("replicas"))
        listed = isinstance(required, list) and "replicas" in required
        return bool(field) and (not listed or "default" in field)
