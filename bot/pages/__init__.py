"""The pages, rendered on the server from views: no external assets, no script needed."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, status
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.inbox import application_key
from bot.shell import Shell
from bot.store.queue import Waiting

HERE = Path(__file__).parent
PREFIX, HEALTH = "rollout/", "health/"
MOST_WAITING = 1_000
READINESS = ("READY", "PROGRESSING", "STALLED", "UNKNOWN")


def environment() -> Environment:
    """Templates that escape everything and fail on a name they do not know."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )


def router(shell: Shell) -> APIRouter:
    """The pages' routes."""
    routes = APIRouter()
    templates = environment()

    async def view(application: str) -> dict[str, Any]:
        found = await asyncio.to_thread(shell.store.views.get, PREFIX + application)
        if found is None:
            raise HTTPException(
                status.HTTP_404_NOT_FOUND,
                f"nothing is known of application {application} yet; is it registered?",
            )
        return found

    async def delays() -> list[Waiting]:
        waiting = await asyncio.to_thread(shell.store.queue.waiting, MOST_WAITING)
        return [each for each in waiting if each.last_error]

    @routes.get("/", response_class=HTMLResponse)
    async def index(request: Request) -> HTMLResponse:
        del request
        views = await asyncio.to_thread(shell.store.views.list, PREFIX)
        checks = await asyncio.to_thread(shell.store.views.list, HEALTH)
        warnings = [warning for _, found in checks for warning in found["warnings"]]
        shown = {"views": views, "warnings": warnings, "delays": await delays()}
        return HTMLResponse(templates.get_template("index.html").render(shown))

    @routes.get("/rollouts/{application}", response_class=HTMLResponse)
    async def rollout(application: str) -> HTMLResponse:
        shown = grid(await view(application))
        key = application_key(application)
        shown["delays"] = [each for each in await delays() if each.key == key]
        return HTMLResponse(templates.get_template("rollout.html").render(shown))

    @routes.get("/api/v1/rollouts/{application}")
    async def rollout_json(application: str) -> JSONResponse:
        return JSONResponse(await view(application))

    @routes.get("/static/switchyard.css")
    async def style() -> FileResponse:
        return FileResponse(HERE / "switchyard.css", media_type="text/css")

    return routes


def grid(view: dict[str, Any]) -> dict[str, Any]:
    """The view, with its units as a table of clusters (rows) and components (columns)."""
    units = view.get("units", [])
    components = sorted({unit["component"] for unit in units})
    cells = {(unit["cluster"], unit["component"]): unit for unit in units}
    rows = [
        {"cluster": cluster, "cells": [cells.get((cluster, name)) for name in components]}
        for cluster in sorted({unit["cluster"] for unit in units})
    ]
    totals = {word: sum(unit["readiness"] == word for unit in units) for word in READINESS}
    return {**view, "components": components, "rows": rows, "totals": totals}
