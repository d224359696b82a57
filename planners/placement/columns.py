"""The clusters of a fleet as columns, in the order of their names.

What a selector, a label or a declared fact says about every cluster is computed once and shared by
all components of a plan.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from planners.model import Cluster
from planners.model.selectors import LabelRequirement, Selector
from planners.placement.arrays import Codes, Mask

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The distinct values of a column, and the index of each cluster's own (-1: it has none)."""

    codes: Codes
    distinct: tuple[Any, ...]

    @classmethod
    def of(cls, values: Iterable[Hashable]) -> "Classes":
        """The classes of equal values, in the order of their first occurrence."""
        known: dict[Hashable, int] = {None: -1}
        codes = [known.setdefault(each, len(known) - 1) for each in values]
        return cls(np.array(codes, np.intp), tuple(known)[1:])

    def __len__(self) -> int:
        return len(self.distinct)

    def equal(self, value: Hashable) -> Mask:
        """Where the column has that value."""
        codes = [code for code, each in enumerate(self.distinct) if each == value]
        result: Mask = self.codes == codes[0] if codes else np.zeros(len(self.codes), np.bool_)
        return result

    def where(self, test: Callable[[Any], bool], *, unset: bool = False) -> Mask:
        """Where the test holds for the value; it is asked once for each distinct one."""
        found = np.array([*(test(each) for each in self.distinct), unset], np.bool_)
        result: Mask = found[self.codes]
        return result


@dataclass(slots=True, eq=False)
class Columns:
    """The clusters by name, and what was computed about all of them."""

    clusters: tuple[Cluster, ...]
    names: tuple[str, ...]
    position: dict[str, int]
    _kept: dict[Hashable, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, clusters: Iterable[Cluster]) -> "Columns":
        """The columns of a fleet, in whatever order it comes."""
        by_name = {each.name: each for each in clusters}
        names = tuple(sorted(by_name))
        return cls(
            tuple(by_name[name] for name in names),
            names,
            {name: position for position, name in enumerate(names)},
        )

    def __len__(self) -> int:
        return len(self.names)

    def keep(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What was made for the key, else what `make` returns."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Value = self._kept[key]
        return found

    def classes(self, key: str, value: Callable[[Cluster], Hashable]) -> Classes:
        """The classes of a value that follows from the cluster alone; `key` names the value."""
        return self.keep(key, lambda: Classes.of(value(each) for each in self.clusters))

    def label(self, key: str) -> Classes:
        """The values of a label."""
        return self.classes(f"label {key}", lambda cluster: cluster.labels.get(key))

    def where(self, names: Iterable[str]) -> Mask:
        """The clusters of these names, as far as the fleet has them."""
        found = np.zeros(len(self), np.bool_)
        found[[self.position[name] for name in names if name in self.position]] = True
        return found

    def named(self, mask: Mask) -> list[str]:
        """The names of the clusters in a mask, sorted."""
        return [self.names[each] for each in np.flatnonzero(mask).tolist()]

    def matching(self, selector: Selector) -> Mask:
        """The clusters that a selector matches."""
        return self.keep(("selector", selector.identity), lambda: self._matching(selector))

    def _matching(self, selector: Selector) -> Mask:
        found = np.ones(len(self), np.bool_)
        for key, value in selector.match_labels.items():
            found &= self.label(key).equal(value)
        for requirement in selector.match_expressions:
            found &= self._satisfying(requirement)
        if selector.names is not None:
            found &= self.where(selector.names)
        if selector.excluded is not None:
            found &= ~self.matching(selector.excluded)
        return found

    def _satisfying(self, requirement: LabelRequirement) -> Mask:
        key = requirement.key
        return self.label(key).where(
            lambda value: requirement.holds({key: value}), unset=requirement.holds({})
        )
