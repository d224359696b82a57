"""The forge as an ASGI application, and a threaded server to run it on loopback."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.forges._certificates import ssl_context
from bot.sandbox.background import in_background
from bot.sandbox.forge import api, git_http, pages
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.branch_tracking import catch_up
from bot.sandbox.forge.git import Git
from bot.sandbox.forge.hooks import Hooks
from bot.sandbox.forge.records import Storage
from bot.sandbox.forge.state import ForgeState

SHUTDOWN_SECONDS = 5
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class ForgeApp:
    """A forge: its ASGI application, and its state and webhooks."""

    app: FastAPI
    forge: ForgeState
    hooks: Hooks


def create_forge(
    folder: Path,
    *,
    clock: Callable[[], datetime],
    hook_client: httpx.AsyncClient | None = None,
    demo_tokens: dict[str, str] | None = None,
) -> ForgeApp:
    """Open the forge in a folder. `demo_tokens` (by login) allow sign-in with one click."""
    folder.mkdir(parents=True, exist_ok=True)
    storage, git = Storage(folder / "forge.db"), Git(folder / "repos")
    client = hook_client or httpx.AsyncClient(verify=ssl_context(), trust_env=False)
    hooks = Hooks(storage, client, lambda: clock().isoformat(timespec="seconds"))
    forge = ForgeState(storage, git, hooks, clock)
    catch_up(forge)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with in_background(hooks.run()):
            yield
        await client.aclose()
        storage.close()

    app = FastAPI(title="Local forge", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.forge, app.state.pages = forge, pages.Pages(forge, demo_tokens or {})
    app.add_middleware(SecurityHeaders)
    for kind in (RequestError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _error_response)
    app.include_router(git_http.router(forge))
    app.router.routes.extend(_shared_routes())
    return ForgeApp(app, forge, hooks)


@cache
def _shared_routes() -> Sequence[BaseRoute]:
    """The routes of every forge: FastAPI analyses their handlers once, not for each forge."""
    root = APIRouter()
    root.include_router(api.router())
    root.include_router(pages.router())
    return root.routes


def _error_response(request: Request, error: Exception) -> Response:
    """The response to an error: JSON for the API, a page for browsers."""
    match error:
        case RequestError():
            code, message = error.code, str(error)
        case HTTPException():
            code, message = error.status_code, str(error.detail)
        case _:
            code, message = 422, "the request is malformed"
    if request.url.path.startswith("/api/"):
        return JSONResponse({"message": message}, code)
    shown: Response = request.app.state.pages.refuse(request, code, message)
    return shown


class SecurityHeaders:
    """Adds headers that forbid foreign scripts, frames and resources."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)


def listen(port: int) -> socket.socket:
    """A socket on loopback that accepts connections from now on; raises OSError when it cannot."""
    listening = socket.create_server(("127.0.0.1", port))
    # asyncio does this by itself only for sockets made with IPPROTO_TCP; without it every
    # answer waits 40 ms for the client's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class ThreadedServer:
    """An ASGI application on a loopback port, in a thread with its own event loop.

    With a certificate (PEM, with its key in the same file) it uses TLS; `protocol` serves its
    connections instead of uvicorn's own.
    """

    def __init__(
        self,
        app: Any,
        port: int = 0,
        certificate: Path | None = None,
        protocol: type[asyncio.Protocol] | None = None,
    ) -> None:
        self._scheme = "https" if certificate else "http"
        self._socket = listen(port)
        config = uvicorn.Config(
            app,
            log_level="warning",
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            ssl_certfile=certificate,
            http=protocol or "auto",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "ThreadedServer":
        """Start; earlier connections wait until it is ready."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and wait until it has stopped."""
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"{self._scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
