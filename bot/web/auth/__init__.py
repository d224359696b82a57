"""Access to the pages and to `/api/v1`: who may see them, and how people sign in.

Every path needs it, except those that check a key or a signature of their own and the sign-in
itself. A request passes for one of three reasons: a trusted proxy names its user in a header, its
session cookie is valid (to read the API, a token will do), or, where neither is configured, it
comes from the same machine.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from fastapi import HTTPException, Request, Response, status
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.context import Context
from bot.forges import ForgeKind, SignIn
from bot.settings import Settings, is_loopback
from bot.web import ui
from bot.web.auth.access import Access
from bot.web.auth.proxies import is_forwarded, proxy_user
from bot.web.auth.sessions import SessionCookies, Visitor
from bot.web.auth.tokens import Tokens, bearer
from bot.web.ui.paging import address

__all__ = ["Auth", "AuthMiddleware", "Visitor"]

PUBLIC_PREFIXES = (
    "/hooks/",
    "/reports/",
    "/facts/",
    "/status/",
    "/static/",
    "/setup/",
    "/sign-in/",
)
PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/setup", "/sign-in", "/sign-out"})
NO_SIGN_IN = (
    "No sign-in is configured. Without one, only browsers on the same machine can open the pages, "
    "and only if SWITCHYARD_HOST and SWITCHYARD_PUBLIC_URL are loopback addresses. Configure "
    "sign-in at the forge or through a proxy: see docs/guides/run-the-service.md. Webhooks and "
    "reports are accepted in any case."
)
NO_PROXY_USER = (
    "The proxy did not name a user, or its address is not in SWITCHYARD_TRUSTED_PROXIES."
)

log = structlog.get_logger()


@dataclass(slots=True)
class Auth:
    """Decides who may see the pages, by the settings and the App that the set-up page created."""

    settings: Settings
    kinds: Mapping[str, ForgeKind]
    context: Context
    sessions: SessionCookies = field(init=False)
    tokens: Tokens = field(init=False)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        """Create what depends on the settings."""
        self.sessions = SessionCookies(self.settings, self.context.clock)
        self.tokens = Tokens(self.settings, self.context.store.views, self.context.clock)
        self.access = Access(self.context)

    def sign_ins(self) -> dict[str, SignIn]:
        """The sign-ins that are available now, by forge."""
        found = {name: kind.sign_in(self.settings) for name, kind in self.kinds.items()}
        return {
            name: sign_in
            for name, sign_in in found.items()
            if sign_in is not None and name in self.context.forges
        }

    def warn_if_unreachable(self) -> None:
        """Log a warning if nobody can see the pages."""
        has_users = self.sign_ins() or self.settings.proxy_user_header
        if not has_users and not self._is_loopback_only:
            url = str(self.settings.public_url)
            log.warning(
                "pages not reachable",
                host=self.settings.host,
                public_url=url,
                reason=NO_SIGN_IN,
            )

    async def authorize(self, request: Request) -> None:
        """Return if the request may see the pages; its state has the login of who signed in.

        Raises:
            HTTPException: 401 without sign-in, 403 without permission, 503 if the forge cannot be
                asked.
        """
        if name := proxy_user(self.settings, request):
            request.state.login = name
            return
        sign_ins = self.sign_ins()
        if not sign_ins and self.settings.proxy_user_header:
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, NO_PROXY_USER)
        if not sign_ins:
            if self._is_local(request):
                return
            raise HTTPException(status.HTTP_403_FORBIDDEN, NO_SIGN_IN)
        token, url = bearer(request), f"{self.context.public_url}/sign-in"
        if token is None:
            visitor, missing = self.sessions.visitor(request), f"Sign in at {url}."
        else:
            visitor = await asyncio.to_thread(self.tokens.visitor, token)
            missing = f"Invalid or expired token. Create one at {url}."
        if visitor is None or visitor.forge not in sign_ins:
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, missing)
        await self.access.check(visitor)
        request.state.login = visitor.login

    @property
    def _is_loopback_only(self) -> bool:
        """Whether the service is meant for its own machine.

        The public URL counts, since some proxies forward without a trace: such a proxy calls the
        service by its loopback address, as a browser on the machine does.
        """
        return is_loopback(self.settings.host) and is_loopback(self.settings.public_url.host or "")

    def _is_local(self, request: Request) -> bool:
        """Whether the request comes from this machine: not by a proxy, not by a foreign name."""
        name, colon, port = request.headers.get("host", "").rpartition(":")
        host = name if colon and port.isdecimal() else request.headers.get("host", "")
        return self._is_loopback_only and is_loopback(host) and not is_forwarded(request)

    async def refuse(self, request: Request, error: HTTPException) -> Response:
        """The answer to an unauthorized request; a browser is sent to the sign-in page."""
        can_sign_in = error.status_code == status.HTTP_401_UNAUTHORIZED and bool(self.sign_ins())
        if can_sign_in and request.method == "GET" and ui.wants_html(request):
            query = request.url.query
            back = request.url.path + (f"?{query}" if query else "")
            return RedirectResponse(address("/sign-in", back=back), status.HTTP_303_SEE_OTHER)
        return await ui.refusal(request, error)


class AuthMiddleware:
    """Authorizes every request, except those for public paths."""

    def __init__(self, app: ASGIApp, auth: Auth) -> None:
        self._app, self._auth = app, auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        answer: ASGIApp = self._app
        if scope["type"] == "http" and not _is_public(scope["path"]):
            request = Request(scope)
            try:
                await self._auth.authorize(request)
            except HTTPException as error:
                answer = await self._auth.refuse(request, error)
        await answer(scope, receive, send)


def _is_public(path: str) -> bool:
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES)
