"""The small words that all other nouns are made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Readiness(StrEnum):
    """How a component stands on a cluster, in the words of kstatus (sigs.k8s.io/cli-utils)."""

    READY = "READY"
    PROGRESSING = "PROGRESSING"
    STALLED = "STALLED"
    UNKNOWN = "UNKNOWN"


class When(StrEnum):
    """What a dependency must have reached."""

    APPLIED = "Applied"
    READY = "Ready"


class On(StrEnum):
    """On which clusters a dependency must have reached it."""

    SAME_CLUSTER = "sameCluster"
    ALL_CLUSTERS = "allClusters"
    ANY_CLUSTER = "anyCluster"
    QUORUM = "quorum"


class OnFailure(StrEnum):
    """What happens when a wait has passed its timeout, or too many clusters of a stage failed."""

    HOLD = "hold"
    ROLLBACK = "rollback"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, both numbers counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Repo:
    """A repository on a forge, written `forge:group/name` (`local:shop/boutique`)."""

    forge: str
    path: str

    def __str__(self) -> str:
        return f"{self.forge}:{self.path}"


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit of one repository; `sha` is the full hexadecimal id."""

    repo: Repo
    sha: str


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One component on one cluster: what is placed, rendered, merged and reported on."""

    component: str
    cluster: str

    def __str__(self) -> str:
        return f"{self.component}@{self.cluster}"
