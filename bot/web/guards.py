"""Middleware around every route: errors without tracebacks, and requests per forwarded client."""

from collections import Counter
from collections.abc import Sequence

import structlog
from fastapi import HTTPException, Request, status
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.logs import described
from bot.store import StoreError
from bot.web.peers import Network, forwarded_client
from bot.web.ui import refusal

MAX_PER_CLIENT = 200
RETRY_SECONDS = 10
NO_DATABASE = "The database is not available, and nothing was stored. Retry later."
SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'"),
    (b"cache-control", b"private, no-cache"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
INTERNAL_ERROR = "An internal error occurred; the log has its place."
TOO_MANY_REQUESTS = "Too many requests at the same time from this address."

log = structlog.get_logger()


class SecurityHeadersMiddleware:
    """Adds headers that forbid foreign scripts, frames and caches, unless a route has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = [each for each in SECURITY_HEADERS if each[0] not in own]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, with_headers)


class ErrorMiddleware:
    """Answers 500 when a route fails, and logs one line: which error, and where it was raised.

    Browsers get a page. Not the message: it may quote what the client sent. The server would log a
    traceback. While the database is away, of which the store has logged one line, it answers 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except StoreError:
            if scope["type"] != "http" or started:
                raise
            retry = {"Retry-After": str(RETRY_SECONDS)}
            away = HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, NO_DATABASE, retry)
            answer = await refusal(Request(scope), away)
            await answer(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            log_failure("request failed", error, path=scope["path"])
            if started:
                raise
            failed = HTTPException(status.HTTP_500_INTERNAL_SERVER_ERROR, INTERNAL_ERROR)
            answer = await refusal(Request(scope), failed)
            await answer(scope, receive, send)


class ForwardedClientMiddleware:
    """Limits the concurrent requests of each client that a trusted proxy forwards for.

    Connections of other peers are limited before, in `bot.web.connections`.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self._app, self._proxies = app, proxies
        self._requests = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        client = self._client(scope) if scope["type"] == "http" else ""
        if not client:
            await self._app(scope, receive, send)
            return
        if self._requests[client] >= MAX_PER_CLIENT:
            answer = JSONResponse(
                {"detail": TOO_MANY_REQUESTS},
                status.HTTP_429_TOO_MANY_REQUESTS,
                {"Retry-After": "10"},
            )
            await answer(scope, receive, send)
            return
        self._requests[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._requests[client] -= 1
            if not self._requests[client]:
                del self._requests[client]

    def _client(self, scope: Scope) -> str:
        peer = scope.get("client")
        if not self._proxies or not peer:
            return ""
        forwarded = Headers(scope=scope).getlist("x-forwarded-for")
        return forwarded_client(peer[0], forwarded, self._proxies)


def log_failure(event: str, error: BaseException, **where: str) -> None:
    """Log one line: the type of the error, and the file and line that raised it."""
    log.error(event, **described(error), **where)
