"""The forge as an ASGI application, and a way to run it on loopback beside something else."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.forge import api, git_http, pages
from bot.sandbox.forge.accounts import RefusedError
from bot.sandbox.forge.following import catch_up
from bot.sandbox.forge.forge import Forge
from bot.sandbox.forge.git import Git
from bot.sandbox.forge.hooks import Hooks
from bot.sandbox.forge.records import Storage

GRACE = 5
SAFE = (
    (
        b"content-security-policy",
        b"default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Made:
    """A forge: its application, and the operations behind it."""

    app: FastAPI
    forge: Forge
    hooks: Hooks


def create_forge(
    folder: Path,
    *,
    clock: Callable[[], datetime],
    hook_client: httpx.AsyncClient | None = None,
    demo_tokens: dict[str, str] | None = None,
) -> Made:
    """Open the forge kept in a folder. `demo_tokens` (by login) offers sign-in with one click."""
    folder.mkdir(parents=True, exist_ok=True)
    storage, git = Storage(folder / "forge.db"), Git(folder / "repos")
    client = hook_client or httpx.AsyncClient(trust_env=False)
    hooks = Hooks(storage, client, lambda: clock().isoformat(timespec="seconds"))
    forge = Forge(storage, git, hooks, clock)
    catch_up(forge)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(hooks.run())
        yield
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await client.aclose()
        storage.close()

    app = FastAPI(title="Local forge", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.forge, app.state.pages = forge, pages.Pages(forge, demo_tokens or {})
    app.add_middleware(SafeHeaders)
    for kind in (RefusedError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _refused)
    app.include_router(api.router())
    app.include_router(git_http.router(forge))
    app.include_router(pages.router())
    return Made(app, forge, hooks)


def _refused(request: Request, error: Exception) -> Response:
    """Every refusal: JSON for programs, a page for people."""
    match error:
        case RefusedError():
            code, message = error.code, str(error)
        case HTTPException():
            code, message = error.status_code, str(error.detail)
        case _:
            code, message = 422, "the request is malformed"
    if request.url.path.startswith("/api/"):
        return JSONResponse({"message": message}, code)
    shown: Response = request.app.state.pages.refuse(request, code, message)
    return shown


class SafeHeaders:
    """Adds the headers that keep pages from running, framing or loading anything foreign."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SAFE]
            await send(message)

        await self._app(scope, receive, with_headers)


class ThreadedServer:
    """An ASGI application on a loopback port, in a thread with an event loop of its own.

    With a certificate (PEM, and its key in the same file) it speaks TLS.
    """

    def __init__(self, app: Any, port: int = 0, certificate: Path | None = None) -> None:
        self._scheme = "https" if certificate else "http"
        self._socket = socket.create_server(("127.0.0.1", port))
        # asyncio does this by itself only for sockets made with IPPROTO_TCP; without it every
        # answer waits 40 ms for the client's delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            app, log_level="warning", timeout_graceful_shutdown=GRACE, ssl_certfile=certificate
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "ThreadedServer":
        """Start; whoever connects before it is ready waits."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and return when it has."""
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        """Its address without a slash at the end."""
        return f"{self._scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
