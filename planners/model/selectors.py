"""Label selectors with the semantics of `k8s.io/apimachinery/pkg/apis/meta/v1.LabelSelector`."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Labelled(Protocol):
    """Anything with a name and labels."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One entry of a Kubernetes `matchExpressions`: In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy it (Kubernetes: NotIn also matches an absent key)."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
            case unknown:
                raise ValueError(f"unknown operator {unknown!r}")

    def __str__(self) -> str:
        match self.operator:
            case "Exists":
                return self.key
            case "DoesNotExist":
                return f"!{self.key}"
            case operator:
                return f"{self.key} {operator.lower()} ({', '.join(self.values)})"


@dataclass(frozen=True, slots=True)
class Selector:
    """A Kubernetes label selector; an empty one matches everything.

    With `names`, only those clusters match, so none if it is empty. Clusters matching `excluded` do
    not match.
    """

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelRequirement, ...] = ()
    names: tuple[str, ...] | None = None
    excluded: "Selector | None" = None

    @property
    def requirements(self) -> tuple[LabelRequirement, ...]:
        """All label requirements, those of `match_labels` first, sorted; each must be satisfied."""
        labels = tuple(
            LabelRequirement(key, "In", (value,))
            for key, value in sorted(self.match_labels.items())
        )
        return labels + self.match_expressions

    @property
    def identity(self) -> Hashable:
        """What distinguishes selectors, as a value that can be looked up."""
        labels = frozenset(self.match_labels.items())
        excluded = None if self.excluded is None else self.excluded.identity
        return labels, self.match_expressions, self.names, excluded

    def matches(self, one: Labelled) -> bool:
        """Whether it matches that cluster."""
        if self.names is not None and one.name not in self.names:
            return False
        labels = one.labels
        for key, value in self.match_labels.items():
            if labels.get(key) != value:
                return False
        if not all(requirement.holds(labels) for requirement in self.match_expressions):
            return False
        return self.excluded is None or not self.excluded.matches(one)

    def __str__(self) -> str:
        parts = [f"{key}={value}" for key, value in sorted(self.match_labels.items())]
        parts += [str(requirement) for requirement in self.match_expressions]
        if self.names is not None:
            parts.append(f"name in ({', '.join(self.names)})")
        if self.excluded is not None:
            parts.append(f"except {self.excluded}")
        return ", ".join(parts) or "all clusters"
