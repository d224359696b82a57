"""What distinguishes the variants of a component: computed for all clusters at once.

A selector is asked once about each cluster, however many components and customisations have it.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from planners.model import Cluster, Component, CustomizationIntent, Unit
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from renderers.new_objects import file_references
from renderers.sources import Source
from renderers.substitution import (
    CALLED,
    Addresses,
    Place,
    ValueReferenceError,
    lookup,
    references,
)

UnitAddresses: TypeAlias = Mapping[Unit, Addresses]


class VariantKey(NamedTuple):
    """What distinguishes variants: the component, its customisations there, and their values.

    `customizations` are indexes into the application's; `values` are (reference, value) pairs.
    """

    component: str
    customizations: tuple[int, ...]
    values: tuple[tuple[str, str], ...]


class _Applied(NamedTuple):
    """The customisations of some clusters, and the references in them, sorted."""

    customizations: tuple[int, ...]
    references: tuple[str, ...]


@dataclass(slots=True)
class VariantKeys:
    """The keys of one Snapshot; those of a component are computed on first use."""

    snapshot: Snapshot
    sources: Mapping[str, Source]
    addresses: UnitAddresses | None = None
    _keys: dict[str, dict[str, VariantKey]] = field(default_factory=dict)
    _matches: dict[Hashable, list[bool]] = field(default_factory=dict)
    _values: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)

    def of(self, component: Component) -> Mapping[str, VariantKey]:
        """The key of the component's variant on each cluster, by name."""
        if component.name not in self._keys:
            self._keys[component.name] = dict(self._keys_of(component))
        return self._keys[component.name]

    def _keys_of(self, component: Component) -> Iterator[tuple[str, VariantKey]]:
        intents = [
            each
            for each in enumerate(self.snapshot.application.customizations)
            if component.name in each[1].components
        ]
        columns = [self._where(intent) for _, intent in intents]
        rows = zip(*columns, strict=True) if columns else ((),) * len(self.snapshot.clusters)
        applied: dict[tuple[bool, ...], _Applied] = {}
        known: dict[tuple[object, ...], VariantKey] = {}
        release = self._release if self.sources[component.source.kind].per_cluster else _no_release
        for at, (cluster, row) in enumerate(zip(self.snapshot.clusters, rows, strict=True)):
            if row not in applied:
                applied[row] = self._applied(
                    [each for each, on in zip(intents, row, strict=True) if on]
                )
            here = applied[row]
            values = tuple([self._value(name, component)[at] for name in here.references])
            values += release(cluster)
            of = here.customizations, values
            if of not in known:
                known[of] = VariantKey(component.name, here.customizations, values)
            yield cluster.name, known[of]

    def _where(self, intent: CustomizationIntent) -> Sequence[bool]:
        """The clusters to which a customisation applies."""
        included = self._matching(intent.clusters or Selector())
        if intent.excluded is None:
            return included
        excluded = self._matching(intent.excluded)
        return [one and not other for one, other in zip(included, excluded, strict=True)]

    def _matching(self, selector: Selector) -> list[bool]:
        if selector.identity not in self._matches:
            found = [selector.matches(each) for each in self.snapshot.clusters]
            self._matches[selector.identity] = found
        return self._matches[selector.identity]

    def _applied(self, intents: Sequence[tuple[int, CustomizationIntent]]) -> _Applied:
        used: set[str] = set()
        for _, intent in intents:
            used |= references(intent.body) | references(intent.values)
            for file in intent.files:
                used |= file_references(self.snapshot.files[file])
        return _Applied(tuple(index for index, _ in intents), tuple(sorted(used)))

    def _value(self, reference: str, component: Component) -> list[tuple[str, str]]:
        """A reference with its value on each cluster; of some it is another for each component."""
        of = component.name if reference.startswith(CALLED) else ""
        if (reference, of) not in self._values:
            clusters = self.snapshot.clusters
            found = [(reference, _text(reference, self._place(of, each))) for each in clusters]
            self._values[reference, of] = found
        return self._values[reference, of]

    def _place(self, component: str, cluster: Cluster) -> Place:
        if self.addresses is None:
            return Place(cluster, component)
        return Place(cluster, component, self.addresses.get(Unit(component, cluster.name), {}))

    def _release(self, cluster: Cluster) -> tuple[tuple[str, str], ...]:
        """What else distinguishes variants whose source is built for each cluster."""
        if not self.snapshot.tenant.clusters.matches(cluster):
            return (("tenant", "another"),)
        return (("kubernetes", cluster.kubernetes or ""),)


def _no_release(cluster: Cluster) -> tuple[tuple[str, str], ...]:
    del cluster
    return ()


def _text(reference: str, place: Place) -> str:
    try:
        return repr(lookup(reference, place))
    except ValueReferenceError:
        return "?"
