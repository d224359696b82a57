"""The programming interface: what the pages show, as JSON that `/api/v1/openapi.json` describes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel

from bot.web.ui.fleet import Row, fleet_rows, selected
from bot.web.ui.reading import Reader

MOST = 500
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at the most.")]
After = Annotated[str, Query(description="Begin after this name: `next` of the page before.")]
T = TypeVar("T")


class Totals(BaseModel):
    """How many components on clusters are in which state; UNMERGED ones run nowhere yet."""

    READY: int = 0
    PROGRESSING: int = 0
    STALLED: int = 0
    UNKNOWN: int = 0
    UNMERGED: int = 0


class WaveState(BaseModel):
    """A wave and how far it is."""

    name: str
    state: Literal["waiting", "cancelled", "merging", "settling", "done"]


class Summary(BaseModel):
    """An application's rollout in short; `problems` counts what keeps it from having a plan."""

    application: str
    tenant: str = ""
    headline: str
    done: bool
    digest: str = ""
    revision: str = ""
    problems: int
    waves: list[WaveState]
    totals: Totals
    at: datetime


class Summaries(BaseModel):
    """Some applications; `next` is the name to go on after, if there are more."""

    items: list[Summary]
    next: str | None


class MergeRequest(BaseModel):
    """A merge request on a forge."""

    number: int
    url: str


class Gate(BaseModel):
    """A reason to wait, who or what clears it, and when it was first seen."""

    kind: str
    reason: str
    remedy: str
    since: datetime


class Pending(BaseModel):
    """A component on a cluster, and what it lacks after the merge."""

    unit: str
    reason: str


class Wave(BaseModel):
    """What merges together; `failing` counts the components that a cluster says failed."""

    name: str
    state: Literal["waiting", "cancelled", "merging", "settling", "done"]
    step: int
    level: int
    failing: int
    components: list[str]
    clusters: list[str]
    changes: str
    digest: str
    merge_request: MergeRequest | None
    gates: list[Gate]
    pending: list[Pending]


class Unit(BaseModel):
    """A component on a cluster; `revision` is the deploy repo's that it last spoke of."""

    component: str
    cluster: str
    readiness: Literal["READY", "PROGRESSING", "STALLED", "UNKNOWN", "UNMERGED"]
    message: str
    revision: str
    at: str


class Rollout(BaseModel):
    """An application's rollout; without a plan `problems` says why, and the rest is empty.

    `problems` too is empty where the default branch has no `switchyard.yaml` yet.
    """

    application: str
    tenant: str = ""
    headline: str
    done: bool
    digest: str = ""
    revision: str = ""
    app: str = ""
    fleet_revision: str = ""
    deploy: str = ""
    home: MergeRequest | None = None
    problems: list[str]
    waves: list[Wave] = []
    units: list[Unit] = []
    at: datetime


class Run(BaseModel):
    """An application on a cluster; `revision` is the deploy repo's that it last spoke of."""

    application: str
    readiness: str
    revision: str
    reported_at: datetime | None


class Cluster(BaseModel):
    """A cluster; `readiness` is the worst of all that runs there.

    It is UNMERGED where nothing runs yet and something is to, IDLE where nothing is to. One
    that is not `listed` has left the fleet repo.
    """

    name: str
    agent: str
    labels: dict[str, str]
    maintenance: str
    listed: bool
    readiness: Literal["READY", "PROGRESSING", "STALLED", "UNKNOWN", "UNMERGED", "IDLE"]
    totals: Totals
    silent: bool
    reported_at: datetime | None
    applications: list[Run]


class Clusters(BaseModel):
    """Some clusters; `next` is the name to go on after, if there are more."""

    items: list[Cluster]
    next: str | None


def router(reader: Reader) -> APIRouter:
    """The interface's routes."""
    routes = APIRouter(prefix="/api/v1", tags=["rollouts"])

    @routes.get("/rollouts", summary="Every application, in short")
    def rollouts(limit: Limit = 100, after: After = "") -> Summaries:
        left = [each for each in reader.summaries() if each["application"] > after]
        items = [Summary.model_validate(each) for each in left[:limit]]
        return Summaries(items=items, next=_next([each.application for each in items], left))

    @routes.get(
        "/rollouts/{application}",
        summary="One application's rollout, with every gate and component",
        responses={404: {"description": "Nothing is known of it."}},
    )
    def rollout(application: str) -> Rollout:
        return Rollout.model_validate(reader.rollout(application))

    @routes.get("/clusters", summary="Every cluster of the fleet, and what runs there")
    def clusters(
        limit: Limit = 100, after: After = "", q: str = "", readiness: str = ""
    ) -> Clusters:
        rows = selected(fleet_rows(reader.fleet(), reader.summaries(), reader.now), q)
        left = [row for row in rows if row.name > after and readiness in {"", row.state}]
        items = [_cluster(row) for row in left[:limit]]
        return Clusters(items=items, next=_next([each.name for each in items], left))

    return routes


def _next(names: Sequence[str], left: Sequence[T]) -> str | None:
    return names[-1] if len(left) > len(names) else None


def _cluster(row: Row) -> Cluster:
    runs = [
        Run(
            application=run.application,
            readiness=run.state,
            revision=run.revision,
            reported_at=run.at,
        )
        for run in row.runs
    ]
    return Cluster.model_validate(
        {
            "name": row.name,
            "agent": row.agent,
            "labels": row.labels,
            "maintenance": row.maintenance,
            "listed": row.listed,
            "readiness": row.state,
            "totals": row.counts,
            "silent": row.silent,
            "reported_at": row.at,
            "applications": runs,
        }
    )
