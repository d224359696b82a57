"""The pages, rendered on the server from views: no external assets, no script needed."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, status
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse

from bot.context import Context
from bot.report.model import UNIT_STATES
from bot.web.ui import api, fleet, plan, rollout
from bot.web.ui.live import Live
from bot.web.ui.paging import number, paged
from bot.web.ui.reading import ViewReader
from bot.web.ui.recent import Recent
from bot.web.ui.refusals import refusal, wants_html
from bot.web.ui.templating import HERE, environment

__all__ = ["environment", "refusal", "router", "wants_html"]

CLUSTERS = 100
MAX_QUERY = 100
STATIC = {
    "switchyard.css": "text/css",
    "switchyard.js": "text/javascript",
    "switchyard.svg": "image/svg+xml",
}
STATIC_HEADERS = {"Cache-Control": "max-age=300"}

Render = Callable[..., str]


def router(context: Context, has_accounts: Callable[[], bool]) -> APIRouter:
    """The routes of the pages and of the JSON API; `has_accounts`: whether people sign in."""
    reader = ViewReader(context)
    templates = environment()

    def render(name: str, **values: object) -> str:
        template = templates.get_template(name)
        return template.render(values, now=reader.now, account=has_accounts())

    routes = APIRouter(include_in_schema=False)
    _lists(routes, reader, render)
    _rollout(routes, reader, render)
    _plan(routes, reader, render)
    _events(routes, reader)

    @routes.get("/static/{name}")
    def static(name: str) -> FileResponse:
        if name not in STATIC:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"no static file {name[:100]}")
        return FileResponse(HERE / "static" / name, media_type=STATIC[name], headers=STATIC_HEADERS)

    both = APIRouter()
    both.include_router(routes)
    both.include_router(api.router(reader))
    return both


def _lists(routes: APIRouter, reader: ViewReader, render: Render) -> None:
    """The applications and the fleet."""

    @routes.get("/")
    def index() -> HTMLResponse:
        text = render(
            "index.html",
            summaries=reader.summaries(),
            registered=reader.fleet().applications,
            warnings=reader.warnings(),
            failures=reader.failures(),
        )
        return HTMLResponse(text)

    @routes.get("/fleet")
    def clusters(q: str = "", readiness: str = "", page: str = "") -> HTMLResponse:
        view, words = reader.fleet(), q[:MAX_QUERY]
        every = fleet.fleet_rows(view, reader.application_clusters(), reader.now)
        found = fleet.search(every, words)
        wanted = readiness if readiness in fleet.CLUSTER_STATES else ""
        rows = [row for row in found if wanted in {"", row.readiness}]
        text = render(
            "fleet.html",
            revision=view.revision,
            total=len(every),
            found=len(found),
            states=fleet.count_by_readiness(found),
            page=paged(rows, number(page), CLUSTERS),
            query={"q": words, "readiness": wanted},
        )
        return HTMLResponse(text)


def _rollout(routes: APIRouter, reader: ViewReader, render: Render) -> None:
    recent = Recent()

    @routes.get("/rollouts/{application}")
    def rollout_page(
        application: str, q: str = "", readiness: str = "", page: str = "", waves: str = ""
    ) -> HTMLResponse:
        wanted = rollout.RolloutFilter(
            q[:MAX_QUERY],
            next((state for state in UNIT_STATES if state == readiness), None),
            number(page),
            number(waves) if waves else 0,
        )
        version = reader.versions().get(application, "")

        def make() -> str:
            return render(
                "rollout.html", page=rollout.rollout_page(reader, application, wanted, version)
            )

        return HTMLResponse(recent.page((application, version, wanted), make))


def _plan(routes: APIRouter, reader: ViewReader, render: Render) -> None:
    @routes.get("/rollouts/{application}/plan")
    def plan_page(
        application: str, q: str = "", cluster: str = "", wave: str = "", page: str = ""
    ) -> HTMLResponse:
        summary, view = reader.summary(application), reader.plan(application)
        wanted = plan.PlanFilter(q[:MAX_QUERY], cluster[:MAX_QUERY], wave[:MAX_QUERY])
        text = render(
            "plan.html",
            summary=summary,
            states={each.name: each.state for each in summary.waves},
            plan=view,
            filter=wanted,
            clusters=plan.clusters_of(view) if view else [],
            page=plan.plan_page(view, wanted, number(page)) if view else None,
        )
        return HTMLResponse(text)


def _events(routes: APIRouter, reader: ViewReader) -> None:
    """The events that keep a rollout's page live."""
    live = Live(reader)

    @routes.get("/rollouts/{application}/events")
    async def events(
        application: str, seen: str = "", last_event_id: Annotated[str, Header()] = ""
    ) -> StreamingResponse:
        if live.full:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                f"the limit of {live.most} live pages is reached; reload the page to update it",
            )
        await asyncio.to_thread(reader.summary, application)
        return StreamingResponse(
            live.events(application, last_event_id or seen),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
