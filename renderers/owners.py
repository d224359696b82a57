"""Two owners of one object on one cluster: agents would overwrite each other's state forever.

Owners are the components of the application, and those of all others, merged or proposed. Of two
applications that propose one object, the one with the older merge request for it keeps it; the
other one has the problem. Each distinct set of components that share a cluster is compared once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from planners.model import FilePosition, ObjectIdentity, PlanProblem, Tenant, listing
from planners.model.snapshot import OwnedObjects, Snapshot
from renderers.kubernetes.metadata import identity_of
from renderers.policy import tenancy
from renderers.variant_keys import VariantKey
from renderers.variants import Object, Variant

Locate = Callable[[Variant, Object], FilePosition | None]


@dataclass(frozen=True, slots=True)
class _Owner:
    """An object of a component of this application; `locate` says where it is written."""

    component: str
    locate: Callable[[], FilePosition | None]

    @property
    def position(self) -> FilePosition | None:
        """Where it is written; files are searched for it, so only on demand."""
        return self.locate()

    def __str__(self) -> str:
        return f"{self.component} ({self.position})" if self.position else self.component


@dataclass(slots=True)
class ObjectOwners:
    """One run over all units; `locate` says where an object is written."""

    snapshot: Snapshot
    locate: Locate
    _objects: dict[VariantKey, dict[ObjectIdentity, list[_Owner]]] = field(default_factory=dict)
    _variants: defaultdict[str, list[VariantKey]] = field(
        default_factory=partial(defaultdict, list)
    )

    def add(self, key: VariantKey, variant: Variant, cluster: str) -> None:
        """Add the objects of a component on a cluster; `key` identifies its variant."""
        if key not in self._objects:
            objects: dict[ObjectIdentity, list[_Owner]] = {}
            for item in variant.objects:
                owner = _Owner(variant.component.name, partial(self.locate, variant, item))
                objects.setdefault(self._identity(item), []).append(owner)
            self._objects[key] = objects
        self.add_known(key, cluster)

    def add_known(self, key: VariantKey, cluster: str) -> None:
        """Add a component on a cluster whose variant was added before."""
        self._variants[cluster].append(key)

    def _identity(self, item: Object) -> ObjectIdentity:
        if self.snapshot.application.is_tenant_setup:
            return identity_of(item)
        return identity_of(tenancy.in_namespace(item, self.snapshot.tenant))

    def problems(self) -> Iterator[PlanProblem]:
        """Every object with two owners, once, with the clusters on which it has them."""
        together: dict[tuple[VariantKey, ...], list[str]] = {}
        for cluster, keys in self._variants.items():
            together.setdefault(tuple(keys), []).append(cluster)
        found: dict[tuple[str, FilePosition | None], set[str]] = {}
        index = _index(self.snapshot.owned)
        for shared, clusters in together.items():
            for problem, where in self._conflicts(shared, frozenset(clusters), index):
                found.setdefault((problem.message, problem.position), set()).update(where)
        for (message, position), names in found.items():
            yield PlanProblem(f"{message} [on {listing(sorted(names))}]", position)

    def _conflicts(
        self,
        keys: tuple[VariantKey, ...],
        clusters: frozenset[str],
        index: Mapping[ObjectIdentity, list[OwnedObjects]],
    ) -> Iterator[tuple[PlanProblem, frozenset[str]]]:
        owners: dict[ObjectIdentity, list[_Owner]] = {}
        for key in keys:
            for identity, each in self._objects[key].items():
                owners.setdefault(identity, []).extend(each)
        for identity, (first, *more) in owners.items():
            for second in more:
                yield _within(identity, first, second), clusters
            for other, shared in self._before(index.get(identity, ()), clusters):
                yield _across(identity, first, other, self.snapshot.tenant), shared

    def _before(
        self, known: Sequence[OwnedObjects], clusters: frozenset[str]
    ) -> Iterator[tuple[OwnedObjects, frozenset[str]]]:
        """Owners of an object in other applications that keep it, each with the clusters."""
        name = self.snapshot.application.name
        own = [each for each in known if each.application == name]
        for other in known:
            if other.application == name:
                continue
            rank = (other.number, other.application)
            shared = frozenset(
                cluster
                for cluster in clusters & other.clusters
                if not other.number
                or all((e.number, name) > rank for e in own if cluster in e.clusters)
            )
            if shared:
                yield other, shared


def _index(owned: tuple[OwnedObjects, ...]) -> dict[ObjectIdentity, list[OwnedObjects]]:
    found: dict[ObjectIdentity, list[OwnedObjects]] = {}
    for each in owned:
        for identity in each.objects:
            found.setdefault(identity, []).append(each)
    return found


def _within(identity: ObjectIdentity, first: _Owner, second: _Owner) -> PlanProblem:
    if first.component == second.component:
        message = f"component {second} contains {_label(identity)} twice"
        again = f", also at {first.position}" if first.position else ""
        return PlanProblem(f"{message}{again}; remove one", second.position)
    return PlanProblem(
        f"{_label(identity)} is in component {first} and in component {second}: keep it in one of "
        f"them, and let the other one depend on that",
        second.position,
    )


def _across(
    identity: ObjectIdentity, owner: _Owner, other: OwnedObjects, tenant: Tenant
) -> PlanProblem:
    of = "" if other.tenant == tenant.name else f" of tenant {other.tenant}"
    whose = f"component {other.component} of application {other.application}{of}"
    if other.number:
        state = f"merge request {other.number} creates it for {whose}"
        remedy = "rename it, or remove it there and close that merge request"
    else:
        file = f"{other.objects[identity]} in its folder of the deploy repo"
        state, remedy = (
            f"already belongs to {whose} ({file})",
            "rename it, or remove it there first",
        )
    return PlanProblem(
        f"{_label(identity)} is in component {owner}, and {state}: {remedy}", owner.position
    )


def _label(identity: ObjectIdentity) -> str:
    return f"{identity} in namespace {identity.namespace}" if identity.namespace else str(identity)
