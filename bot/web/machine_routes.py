"""The addresses that programs post to: served before everything that is there for people.

A merge makes a whole fleet report, and forges send bursts of webhooks. These routes need no
sign-in, no page and no declared parameters, so that taking a request in costs little beside
verifying and storing it.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import HTTPException, Request, Response, status
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.web import ui

Handler = Callable[..., Awaitable[Response]]
"""Takes the request, then the parts of its path after the first."""


class MachineRoutes:
    """Handlers of POST by the first part of the path and the number of parts that follow."""

    def __init__(self, app: ASGIApp, handlers: Mapping[tuple[str, int], Handler]) -> None:
        self._app, self._handlers = app, handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, *parts = scope["path"].removeprefix("/").split("/")
        handler = self._handlers.get((name, len(parts)))
        if handler is None or not all(parts):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await _answer(handler, request, parts)
        except HTTPException as error:
            answer = await ui.refusal(request, error)
        await answer(scope, receive, send)


async def _answer(handler: Handler, request: Request, parts: list[str]) -> Response:
    if request.method != "POST":
        return JSONResponse(
            {"detail": "Method Not Allowed"}, status.HTTP_405_METHOD_NOT_ALLOWED, {"Allow": "POST"}
        )
    return await handler(request, *parts)
