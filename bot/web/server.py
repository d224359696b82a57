"""The service's HTTP side, the only door to FastAPI: verify, store, answer; the work is done later.

Webhooks and reports are checked on their exact bytes before anything reads them. Everything that a
stranger can send gets a 4xx and leaves no trace.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import structlog
from fastapi import FastAPI, HTTPException, Request, Response, status
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from bot.context import Context
from bot.documents.facts import FactsReport
from bot.gather.facts import keep_reported
from bot.keys import cluster_key
from bot.store.inbox import InboxFullError, Incoming, UnfitDeliveryError
from bot.store.keys import application_key
from bot.web import ui
from bot.web.auth import Auth, Guard
from bot.web.auth.routes import router as door_router
from plugins import Agent, ReportError, signed

MAX_HOOK = 25 * 1024 * 1024
MAX_REPORT = 256 * 1024
READ_SECONDS = 10
MAX_SKEW = timedelta(minutes=10)

log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    auth: Auth,
    agents: dict[str, Agent],
    report_key: str,
    wake: Callable[[], None],
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """The service as an ASGI application; `wake` tells the workers that something is due."""
    context = auth.context
    app = FastAPI(
        title="Switchyard",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Guard, auth=auth)
    app.middleware("http")(_security_headers)
    app.add_exception_handler(StarletteHTTPException, ui.refusal)

    @app.post("/hooks/{forge}", status_code=status.HTTP_202_ACCEPTED, include_in_schema=False)
    async def hook(forge: str, request: Request) -> Response:
        return await _hook(context, wake, forge, request)

    @app.post(
        "/reports/{agent}/{cluster}", status_code=status.HTTP_202_ACCEPTED, include_in_schema=False
    )
    async def report(agent: str, cluster: str, request: Request) -> Response:
        if agent not in agents:
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"no agent {agent}")
        key = cluster_key(report_key, cluster)
        return await _report(context, wake, agents[agent], (cluster, key), request)

    @app.post("/facts/{cluster}", status_code=status.HTTP_202_ACCEPTED, include_in_schema=False)
    async def facts(cluster: str, request: Request) -> Response:
        return await _facts(context, (cluster, cluster_key(report_key, cluster)), request)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    app.include_router(door_router(auth))
    app.include_router(ui.router(context, lambda: bool(auth.ways())))
    return app


async def _hook(
    context: Context, wake: Callable[[], None], name: str, request: Request
) -> Response:
    """Store an authentic delivery before answering; a repeated one is answered the same.

    One that concerns no repository is answered well too: forges switch off hooks that fail.
    """
    forge = context.forges.get(name)
    if forge is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"no forge {name}")
    body = await read_body(request, MAX_HOOK)
    delivery = forge.verify(_headers(request), body)
    if delivery is None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "the signature does not fit the body")
    if not delivery.repository:
        return JSONResponse({"stored": False}, status.HTTP_202_ACCEPTED)
    try:
        new = await asyncio.to_thread(
            context.store.inbox.put,
            Incoming(name, delivery.id, delivery.event, delivery.repository, delivery.number, body),
            context.clock(),
        )
    except UnfitDeliveryError as error:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, str(error)) from error
    except InboxFullError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error
    if new:
        wake()
    return JSONResponse({"stored": new}, status.HTTP_202_ACCEPTED)


async def _report(
    context: Context,
    wake: Callable[[], None],
    agent: Agent,
    speaker: tuple[str, bytes],
    request: Request,
) -> Response:
    """Record what a cluster says about itself: who speaks is whose key signed, nothing else."""
    cluster, key = speaker
    body = await read_body(request, MAX_REPORT)
    if not agent.verify(_headers(request), body, key):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "the signature does not fit the body")
    try:
        report = agent.report(cluster, body)
    except ReportError as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error
    if report is None:
        return JSONResponse({"recorded": False}, status.HTTP_202_ACCEPTED)
    now = context.clock()
    if report.at > now + MAX_SKEW:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT, "the report is from the future: set the clock"
        )
    new = await asyncio.to_thread(context.store.reports.record, report, now)
    if new:
        key_name = application_key(report.application)
        await asyncio.to_thread(context.store.queue.trigger, [key_name], now)
        wake()
    return JSONResponse({"recorded": new}, status.HTTP_202_ACCEPTED)


async def _facts(context: Context, speaker: tuple[str, bytes], request: Request) -> Response:
    """Keep what a cluster measured of itself; it counts from the next pass of each application."""
    cluster, key = speaker
    body = await read_body(request, MAX_REPORT)
    if not signed(request.headers.get("x-signature", ""), body, key):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "the signature does not fit the body")
    try:
        value = json.loads(body)
        read = FactsReport.model_validate(value)
    except (ValueError, RecursionError) as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)[:500]) from error
    if read.at > context.clock() + MAX_SKEW:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT, "the report is from the future: set the clock"
        )
    await asyncio.to_thread(keep_reported, context.store.views, cluster, value)
    return JSONResponse({"recorded": True}, status.HTTP_202_ACCEPTED)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes, within ten seconds; 413, 408 or 400 otherwise."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise HTTPException(
                        status.HTTP_413_CONTENT_TOO_LARGE, f"more than {limit} bytes"
                    )
                chunks.append(chunk)
    except TimeoutError as error:
        raise HTTPException(status.HTTP_408_REQUEST_TIMEOUT, "the body came too slowly") from error
    except ClientDisconnect as error:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "the body broke off") from error
    return b"".join(chunks)


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


async def _security_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"
    )
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
