"""A GitLab on loopback: its REST, its Git over HTTP, its webhooks; people use the local forge."""

import base64
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.forge import git_http
from bot.sandbox.forge.server import ThreadedServer
from bot.sandbox.forge.state import ForgeState
from tests.fakes.gitlab.api import SERVING, create_gitlab
from tests.fakes.gitlab.state import GitLab


class TokenForGit:
    """Git's `oauth2:TOKEN` as the user whose token it is (GitLab Docs, clone with a token)."""

    def __init__(self, app: ASGIApp, forge: ForgeState) -> None:
        self._app, self._forge = app, forge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [self._translated(*each) for each in scope["headers"]]}
            raw = scope.get("raw_path", b"").partition(b"?")[0].decode()
            if raw.startswith("/api/"):  # a project's slash stays %2F, as GitLab wants it
                scope["path"] = raw
        await self._app(scope, receive, send)

    def _translated(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name != b"authorization" or not value.lower().startswith(b"basic "):
            return name, value
        login, _, token = base64.b64decode(value[6:]).decode().partition(":")
        user = self._forge.authenticate(None, token) if login == "oauth2" else None
        if user is None:
            return name, value
        return name, b"Basic " + base64.b64encode(f"{user.login}:{token}".encode())


def start_gitlab(
    forge: ForgeState,
    clock: Callable[[], datetime],
    wrap: Callable[[ASGIApp], ASGIApp] | None = None,
    *,
    certificate: Path | None = None,
) -> tuple[GitLab, ThreadedServer]:
    """Start it; what is served is also the GitLab's `app`, for clients in its own process."""
    gitlab = GitLab(forge, clock)
    app = create_gitlab()
    app.router.routes += git_http.router(forge).routes
    served: ASGIApp = TokenForGit(SERVING.wrap(app, gitlab), forge)
    gitlab.app = wrap(served) if wrap else served
    server = ThreadedServer(gitlab.app, certificate=certificate).start()
    gitlab.web = server.url
    return gitlab, server
