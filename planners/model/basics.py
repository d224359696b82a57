"""Basic values that the other modules of the model share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Readiness(StrEnum):
    """The readiness of a component on a cluster, in kstatus terms (sigs.k8s.io/cli-utils)."""

    READY = "READY"
    PROGRESSING = "PROGRESSING"
    STALLED = "STALLED"
    UNKNOWN = "UNKNOWN"


class DependencyCondition(StrEnum):
    """The state that a dependency must have reached."""

    APPLIED = "Applied"
    READY = "Ready"


class DependencyScope(StrEnum):
    """The clusters on which a dependency must have reached its condition.

    CALLED_CLUSTERS are those on which the dependant calls it; documents do not have this scope.
    """

    SAME_CLUSTER = "sameCluster"
    ALL_CLUSTERS = "allClusters"
    ANY_CLUSTER = "anyCluster"
    QUORUM = "quorum"
    CALLED_CLUSTERS = "calledClusters"


class OnFailure(StrEnum):
    """The reaction to an overdue dependency, or to too many failed clusters in a stage."""

    HOLD = "hold"
    ROLLBACK = "rollback"
    CONTINUE = "continue"


class OfflineMode(StrEnum):
    """Whether a rollout waits for clusters that are away."""

    WAIT = "wait"
    CATCH_UP = "catchUp"


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """An object of a component, such as the target of a patch."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class ObjectIdentity:
    """What makes two manifests the same object; the API version is not part of it."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Why a plan cannot be carried out, or a warning of it; with its position in a file, if any."""

    message: str
    position: FilePosition | None = None

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" if self.position else self.message


def listing(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence, the rest counted: `c1, c2, c3 and 2 more`. A fleet has thousands.

    One more than `most` is named too: `and 1 more` is no shorter than a name.
    """
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


@dataclass(frozen=True, slots=True, order=True)
class Repo:
    """A repository on a forge, written `forge:group/name` (`local:shop/boutique`)."""

    forge: str
    path: str

    def __str__(self) -> str:
        return f"{self.forge}:{self.path}"


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit of one repository; `sha` is the full hexadecimal object id."""

    repo: Repo
    sha: str


class Unit(NamedTuple):
    """One component on one cluster: the unit of placement, rendering, merging and reporting.

    A tuple, because large plans compare and look up many of them.
    """

    component: str
    cluster: str

    def __str__(self) -> str:
        return f"{self.component}@{self.cluster}"


def clusters_by_component(units: Iterable[Unit]) -> Mapping[str, set[str]]:
    """The clusters of each component that units have."""
    found: dict[str, set[str]] = {}
    for component, cluster in units:
        found.setdefault(component, set()).add(cluster)
    return found


def account_id(forge: str, number: int) -> str:
    """The identity of a user: the forge's name and its id of the account, which never changes."""
    return f"{forge}:{number}"


@dataclass(frozen=True, slots=True)
class UnattributedCommit:
    """A commit of the app repo with a contributor for whom no account is known.

    `reason` says what is not known; `remedy` what changes that, as what follows the verb `clears`.
    """

    sha: str
    reason: str
    remedy: str
