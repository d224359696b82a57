"""A GitHub on loopback: its REST, its Git over HTTP, its webhooks; people use the local forge."""

import base64
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.forge import git_http
from bot.sandbox.forge.server import ThreadedServer
from bot.sandbox.forge.state import ForgeState
from tests.fakes.github.api import SERVING, create_github
from tests.fakes.github.apps import RefusedJwt
from tests.fakes.github.permissions import LimitedTokens
from tests.fakes.github.state import GitHub


class TokenForGit:
    """Git's `x-access-token:TOKEN` as the user whose token it is (GitHub Docs, HTTP-based Git)."""

    def __init__(self, app: ASGIApp, github: GitHub, token_of: Callable[[str], str]) -> None:
        self._app, self._github, self._token_of = app, github, token_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [self._translated(*each) for each in scope["headers"]]}
        await self._app(scope, receive, send)

    def _translated(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name != b"authorization" or not value.lower().startswith(b"basic "):
            return name, value
        login, _, token = base64.b64decode(value[6:]).decode().partition(":")
        user = self._github.user_of(token) if login == "x-access-token" else None
        if user is None:
            return name, value
        pair = f"{user.login}:{self._token_of(user.login)}"
        return name, b"Basic " + base64.b64encode(pair.encode())


def start_github(
    forge: ForgeState,
    bot: str,
    clock: Callable[[], datetime],
    token_of: Callable[[str], str],
    wrap: Callable[[ASGIApp], ASGIApp] | None = None,
    *,
    certificate: Path | None = None,
) -> tuple[GitHub, ThreadedServer, str]:
    """Start it; `token_of` is each user's token at the local forge. Returns the App's key too.

    What is served is also the GitHub's `app`, for clients in its own process.
    """
    github = GitHub(forge, bot, clock)
    github.keep_refs()
    github.new_key = app_key
    private, github.app_key = app_key()
    app = create_github()
    app.router.routes += git_http.router(forge).routes
    limited = LimitedTokens(SERVING.wrap(app, github), github)
    served: ASGIApp = RefusedJwt(TokenForGit(limited, github, token_of))
    github.app = wrap(served) if wrap else served
    server = ThreadedServer(github.app, certificate=certificate).start()
    github.web = server.url
    return github, server, private


@cache
def app_key() -> tuple[str, str]:
    """A private key and its public half, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@cache
def read_key(private: str) -> PrivateKeyTypes:
    """The key for signatures: reading it takes longer than to sign with it."""
    return serialization.load_pem_private_key(private.encode(), None)
