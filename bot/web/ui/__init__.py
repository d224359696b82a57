"""The pages, rendered on the server from views: no external assets, no script needed."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, status
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse

from bot.context import Context
from bot.report.summary_view import READINESS
from bot.web.ui import api, fleet, plan, rollout
from bot.web.ui.live import Live
from bot.web.ui.paging import number, paged
from bot.web.ui.reading import Reader
from bot.web.ui.recent import Recent
from bot.web.ui.refusals import for_people, refusal
from bot.web.ui.templating import HERE, environment

__all__ = ["environment", "for_people", "refusal", "router"]

CLUSTERS = 100
MOST_ASKED = 100
STATIC = {
    "switchyard.css": "text/css",
    "switchyard.js": "text/javascript",
    "switchyard.svg": "image/svg+xml",
}
SHORTLY = {"Cache-Control": "max-age=300"}

Render = Callable[..., str]


def router(context: Context, account: Callable[[], bool]) -> APIRouter:
    """The pages' routes, and the programming interface's; `account`: whether people sign in."""
    reader = Reader(context)
    templates = environment()

    def render(name: str, **shown: object) -> str:
        return templates.get_template(name).render(shown, now=reader.now, account=account())

    routes = APIRouter(include_in_schema=False)
    _lists(routes, reader, render)
    _rollout(routes, reader, render)
    _events(routes, reader)

    @routes.get("/static/{name}")
    def static(name: str) -> FileResponse:
        if name not in STATIC:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no file {name[:100]}")
        return FileResponse(HERE / "static" / name, media_type=STATIC[name], headers=SHORTLY)

    both = APIRouter()
    both.include_router(routes)
    both.include_router(api.router(reader))
    return both


def _lists(routes: APIRouter, reader: Reader, render: Render) -> None:
    """The applications and the fleet."""

    @routes.get("/")
    def index() -> HTMLResponse:
        text = render(
            "index.html",
            summaries=reader.summaries(),
            registered=reader.fleet()["applications"],
            warnings=reader.warnings(),
            delays=reader.delays(),
        )
        return HTMLResponse(text)

    @routes.get("/fleet")
    def clusters(q: str = "", readiness: str = "", page: str = "") -> HTMLResponse:
        seen, words = reader.fleet(), q[:MOST_ASKED]
        every = fleet.fleet_rows(seen, reader.summaries(), reader.now)
        found = fleet.selected(every, words)
        wanted = readiness if readiness in fleet.STATES else ""
        rows = [row for row in found if wanted in {"", row.state}]
        text = render(
            "fleet.html",
            revision=seen["revision"],
            total=len(every),
            found=len(found),
            states=fleet.by_state(found),
            page=paged(rows, number(page), CLUSTERS),
            asked={"q": words, "readiness": wanted},
        )
        return HTMLResponse(text)


def _rollout(routes: APIRouter, reader: Reader, render: Render) -> None:
    """One application: its rollout, and its plan."""
    recent = Recent()

    @routes.get("/rollouts/{application}")
    def one(
        application: str, q: str = "", readiness: str = "", page: str = "", waves: str = ""
    ) -> HTMLResponse:
        wanted = readiness if readiness in READINESS else ""
        asked = rollout.Asked(q[:MOST_ASKED], wanted, number(page), number(waves) if waves else 0)
        mark = reader.marks().get(application, "")

        def make() -> str:
            return render("rollout.html", mark=mark, **rollout.shown(reader, application, asked))

        return HTMLResponse(recent.page((application, mark, asked), make))

    @routes.get("/rollouts/{application}/plan")
    def changes(
        application: str, q: str = "", cluster: str = "", wave: str = "", page: str = ""
    ) -> HTMLResponse:
        summary, view = reader.summary(application), reader.plan(application)
        asked = plan.Asked(q[:MOST_ASKED], cluster[:MOST_ASKED], wave[:MOST_ASKED])
        text = render(
            "plan.html",
            summary=summary,
            states={each["name"]: each["state"] for each in summary["waves"]},
            plan=view,
            asked=asked,
            clusters=plan.clusters_of(view) if view else [],
            shown=plan.shown(view, asked, number(page)) if view else None,
        )
        return HTMLResponse(text)


def _events(routes: APIRouter, reader: Reader) -> None:
    """The events that keep a rollout's page live."""
    live = Live(reader)

    @routes.get("/rollouts/{application}/events")
    async def events(
        application: str, seen: str = "", last_event_id: Annotated[str, Header()] = ""
    ) -> StreamingResponse:
        if live.full:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                f"{live.most} pages are live already; this one is still right when it is loaded",
            )
        await asyncio.to_thread(reader.summary, application)
        return StreamingResponse(
            live.events(application, last_event_id or seen),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
