"""The pages, rendered on the server from views: no external assets, no script needed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, status
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse
from jinja2 import Environment

from bot.context import Context
from bot.report.dora import delivery
from bot.report.model import UNIT_STATES
from bot.report.needs import MINE, PEOPLE
from bot.web.ui import (
    api,
    applications,
    cluster,
    fleet,
    fleet_map,
    plan,
    plan_diffs,
    rollout,
    rules,
)
from bot.web.ui.live import Live
from bot.web.ui.paging import number, paged
from bot.web.ui.reading import ViewReader
from bot.web.ui.recent import Recent
from bot.web.ui.refusals import refusal, wants_html
from bot.web.ui.templating import HERE, environment

__all__ = ["end_streams", "environment", "refusal", "serve", "wants_html"]

CLUSTERS = 100
MAX_QUERY = 100
STATIC = {
    "switchyard.css": "text/css",
    "switchyard.js": "text/javascript",
    "switchyard.svg": "image/svg+xml",
}
STATIC_HEADERS = {"Cache-Control": "max-age=300"}


@dataclass(frozen=True, slots=True)
class Pages:
    """What the routes of one service share; `has_accounts`: whether people sign in."""

    reader: ViewReader
    has_accounts: Callable[[], bool]
    live: Live
    recent: Recent = field(default_factory=Recent)
    templates: Environment = field(default_factory=environment)

    def html(self, name: str, **values: object) -> HTMLResponse:
        """A rendered template."""
        return HTMLResponse(self.render(name, **values))

    def render(self, name: str, **values: object) -> str:
        """The text of a rendered template."""
        template = self.templates.get_template(name)
        return template.render(values, now=self.reader.now, account=self.has_accounts())


async def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


async def _login(request: Request) -> str:
    """The login of the visitor, if one has signed in."""
    return str(getattr(request.state, "login", ""))


def _needs(wanted: str, login: str) -> str:
    """Whom what is shown has to wait for; nobody can ask for his own without a sign-in."""
    return wanted if wanted == PEOPLE or (wanted == MINE and login) else ""


def _wanted(
    q: str = "", cluster: str = "", wave: str = "", page: str = "", waves: str = ""
) -> plan.PlanQuery:
    """What to show of a plan."""
    diffs = plan_diffs.DiffFilter(q[:MAX_QUERY], cluster[:MAX_QUERY], wave[:MAX_QUERY])
    return plan.PlanQuery(diffs, number(page), number(waves))


Shared = Annotated[Pages, Depends(_pages)]
Login = Annotated[str, Depends(_login)]
Wanted = Annotated[plan.PlanQuery, Depends(_wanted)]
routes = APIRouter(include_in_schema=False)


def serve(app: FastAPI, context: Context, has_accounts: Callable[[], bool]) -> None:
    """Serve the pages and the JSON API of an application.

    Their routes are made once, at import: FastAPI makes those of an included router anew.
    """
    reader = ViewReader(context)
    app.state.pages = Pages(reader, has_accounts, Live(reader))
    app.state.reader = reader
    app.router.routes += [*routes.routes, *api.routes.routes]


def end_streams(app: FastAPI) -> None:
    """End what keeps pages live: a server that shuts down waits for all responses."""
    pages: Pages = app.state.pages
    pages.live.end()


@routes.get("/")
def index(
    pages: Shared,
    login: Login,
    *,
    q: str = "",
    tenant: str = "",
    state: str = "",
    needs: str = "",
    page: str = "",
) -> HTMLResponse:
    """What waits for people, open plans, and the applications."""
    reader = pages.reader
    wanted = applications.ApplicationFilter(
        q[:MAX_QUERY],
        tenant[:MAX_QUERY],
        state if state in applications.STATES else "",
        _needs(needs, login),
    )
    found = applications.index_page(
        reader.summaries(), reader.open_plans(), wanted, login, number(page)
    )
    names = [row.summary.application for row in found.rows.items]
    return pages.html(
        "index.html",
        page=found,
        numbers={
            name: delivery(history.rollouts, reader.now)
            for name, history in reader.histories(names).items()
        },
        registered=reader.fleet().applications,
        warnings=reader.warnings(),
        failures=reader.failures(),
    )


@routes.get("/fleet")
def clusters(pages: Shared, q: str = "", readiness: str = "", page: str = "") -> HTMLResponse:
    """The clusters, the worst first, by words and readiness."""
    reader, words = pages.reader, q[:MAX_QUERY]
    view = reader.fleet()
    every = fleet.fleet_rows(view, reader.application_clusters(), reader.now)
    found = fleet.search(every, words)
    wanted = readiness if readiness in fleet.CLUSTER_STATES else ""
    rows = fleet_map.worst_first(row for row in found if wanted in {"", row.readiness})
    return pages.html(
        "fleet.html",
        revision=view.revision,
        total=len(every),
        found=len(found),
        states=fleet.count_by_readiness(found),
        page=paged(rows, number(page), CLUSTERS),
        grids={
            "wide": fleet_map.fleet_grid(rows, fleet_map.WIDE),
            "narrow": fleet_map.fleet_grid(rows, fleet_map.NARROW),
        },
        regions=fleet_map.regions(rows, view.clusters),
        query={"q": words, "readiness": wanted},
    )


@routes.get("/fleet/{name}")
def cluster_page(pages: Shared, name: str) -> HTMLResponse:
    """One cluster."""
    return pages.html("cluster.html", page=cluster.cluster_page(pages.reader, name))


@routes.get("/rollouts/{application}")
def rollout_page(
    pages: Shared,
    application: str,
    login: Login,
    *,
    q: str = "",
    readiness: str = "",
    page: str = "",
    waves: str = "",
    needs: str = "",
) -> HTMLResponse:
    """A rollout, its waves and clusters."""
    wanted = rollout.RolloutFilter(
        q[:MAX_QUERY],
        next((state for state in UNIT_STATES if state == readiness), None),
        number(page),
        number(waves) if waves else 0,
        needs=_needs(needs, login),
        login=login,
    )
    version = pages.reader.versions().get(application, "")

    def make() -> str:
        shown = rollout.rollout_page(pages.reader, application, wanted, version)
        return pages.render("rollout.html", page=shown)

    return HTMLResponse(pages.recent.page((application, version, wanted), make))


@routes.get("/rollouts/{application}/plan")
def newest_plan_page(pages: Shared, application: str, wanted: Wanted) -> HTMLResponse:
    """The newest plan of an application's default branch."""
    view, found = pages.reader.rollout_head(application), pages.reader.plan(application)
    path = f"{rollout.path_of(application)}/plan"
    if found is None:
        return pages.html("plan_missing.html", view=view)
    state = plan.rollout_state(pages.reader, view, found)
    return pages.html("plan.html", page=plan.plan_page(path, state, found, wanted))


@routes.get("/plans/{application}/{digest}")
def plan_page(pages: Shared, application: str, digest: str, wanted: Wanted) -> HTMLResponse:
    """A plan by its digest, before its revision is merged and after."""
    state, found = plan.find_plan(pages.reader, application, digest)
    path = plan.plan_path(application, digest)
    return pages.html("plan.html", page=plan.plan_page(path, state, found, wanted))


@routes.get("/rollouts/{application}/rules")
def rules_page(pages: Shared, application: str) -> HTMLResponse:
    """The rules of an application: states, signals, limits, and what they did."""
    page = rules.rules_page(pages.reader, application)
    return pages.html("rules.html", page=page, width=rules.WIDTH, height=rules.HEIGHT)


@routes.get("/rollouts/{application}/events")
async def events(
    pages: Shared, application: str, seen: str = "", last_event_id: Annotated[str, Header()] = ""
) -> StreamingResponse:
    """The events that keep a rollout's page live."""
    live = pages.live
    if live.full:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE,
            f"the limit of {live.most} live pages is reached; reload the page to update it",
        )
    await asyncio.to_thread(pages.reader.summary, application)
    return StreamingResponse(
        live.events(application, last_event_id or seen),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@routes.get("/static/{name}")
def static(name: str) -> FileResponse:
    """A style sheet, script or picture."""
    if name not in STATIC:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"no static file {name[:100]}")
    return FileResponse(HERE / "static" / name, media_type=STATIC[name], headers=STATIC_HEADERS)
