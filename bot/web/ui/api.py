"""The JSON API: what the pages show. `/api/v1/openapi.json` describes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response

from bot.report.model import RolloutView, SummaryView
from bot.store.views import encode
from bot.web.ui.fleet import ClusterRow, fleet_rows, search
from bot.web.ui.reading import ViewReader

MAX_ITEMS = 500
Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="Maximum number of items.")]
After = Annotated[str, Query(description="Start after this name: `next` of the previous page.")]
Search = Annotated[
    str,
    Query(description="Words that a name, `label=value`, agent or application must contain."),
]
Readiness = Annotated[str, Query(description="Only clusters with this readiness.")]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RolloutList:
    """A page of rollouts; `next` is null on the last page."""

    items: Sequence[SummaryView]
    next: str | None


@dataclass(frozen=True, slots=True)
class ClusterList:
    """A page of clusters; `next` is null on the last page."""

    items: Sequence[ClusterRow]
    next: str | None


async def _reader(request: Request) -> ViewReader:
    reader: ViewReader = request.app.state.reader
    return reader


Reader = Annotated[ViewReader, Depends(_reader)]
routes = APIRouter(prefix="/api/v1", tags=["rollouts"])


@routes.get("/rollouts", summary="List the rollouts of all applications")
def rollouts(reader: Reader, limit: Limit = 100, after: After = "") -> RolloutList:
    """The rollouts in short, sorted by application."""
    left = [each for each in reader.summaries() if each.application > after]
    items = left[:limit]
    return RolloutList(items, _next([each.application for each in items], left))


@routes.get(
    "/rollouts/{application}",
    summary="Get a rollout with its waves, gates and units",
    response_model=RolloutView,
    responses={404: {"description": "Unknown application."}},
)
def rollout(reader: Reader, application: str) -> Response:
    """The rollout of one application."""
    text = encode(reader.rollout(application))  # FastAPI would validate every unit again
    return Response(text, media_type="application/json")


@routes.get("/clusters", summary="List the clusters of the fleet and what runs on them")
def clusters(
    reader: Reader, limit: Limit = 100, after: After = "", q: Search = "", readiness: Readiness = ""
) -> ClusterList:
    """The clusters, sorted by name."""
    rows = search(fleet_rows(reader.fleet(), reader.application_clusters(), reader.now), q)
    left = [row for row in rows if row.name > after and readiness in {"", row.readiness}]
    items = left[:limit]
    return ClusterList(items, _next([each.name for each in items], left))


def _next(names: Sequence[str], left: Sequence[T]) -> str | None:
    return names[-1] if len(left) > len(names) else None
