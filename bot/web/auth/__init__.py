"""The door to the pages and to `/api/v1`: who may see them, and how people sign in.

Everything is behind it but what has a key or a signature of its own, and the way in. One of three
lets people through: a header that a trusted proxy sets, a session after signing in at a forge, or,
where neither is set up, that they are on this machine.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from fastapi import HTTPException, Request, Response, status
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.context import Context
from bot.forges import ForgeKind, SignIn
from bot.settings import Settings
from bot.web import ui
from bot.web.auth.access import Access
from bot.web.auth.proxies import forwarded, named_by
from bot.web.auth.sessions import Sessions, Visitor
from bot.web.ui.paging import address

__all__ = ["Auth", "Guard", "Visitor"]

OPEN = ("/hooks/", "/reports/", "/facts/", "/static/", "/setup/", "/sign-in/")
OPEN_PAGES = frozenset({"/healthz", "/setup", "/sign-in", "/sign-out"})
CLOSED = (
    "As long as nobody can sign in, only a service that listens on loopback, and whose "
    "SWITCHYARD_PUBLIC_URL is there too, shows its pages, and only to a browser on its machine. "
    "Set up a sign-in at the forge, or name the header of a proxy: the guide run-the-service.md "
    "tells how. Webhooks and reports are taken all the same."
)
UNNAMED = "The proxy names nobody who signed in, or it is not one of SWITCHYARD_TRUSTED_PROXIES."

log = structlog.get_logger()


@dataclass(slots=True)
class Auth:
    """Who may come in, by the settings and by what the set-up page made since."""

    settings: Settings
    kinds: Mapping[str, ForgeKind]
    context: Context
    sessions: Sessions = field(init=False)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        """Derive the key of the cookies."""
        self.sessions = Sessions(self.settings, self.context.clock)
        self.access = Access(self.context)

    def ways(self) -> dict[str, SignIn]:
        """How people can sign in now, by forge."""
        found = {name: kind.sign_in(self.settings) for name, kind in self.kinds.items()}
        return {
            name: way
            for name, way in found.items()
            if way is not None and name in self.context.forges
        }

    def tell(self) -> None:
        """Log it when nobody can see the pages."""
        open_to_some = self.ways() or self.settings.proxy_user_header
        if not open_to_some and not self._is_private:
            url = str(self.settings.public_url)
            log.warning("pages closed", host=self.settings.host, public_url=url, why=CLOSED)

    async def admit(self, request: Request) -> None:
        """Return for those who may see the pages.

        Raises:
            HTTPException: 401 for who has not signed in, 403 for who may not, 503 when the forge
                does not tell.
        """
        if named_by(self.settings, request):
            return
        ways = self.ways()
        if not ways and self.settings.proxy_user_header:
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, UNNAMED)
        if not ways:
            if self._on_this_machine(request):
                return
            raise HTTPException(status.HTTP_403_FORBIDDEN, CLOSED)
        visitor = self.sessions.visitor(request)
        if visitor is None or visitor.forge not in ways:
            where = f"{self.context.public_url}/sign-in"
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, f"sign in first, at {where}")
        await self.access.check(visitor)

    @property
    def _is_private(self) -> bool:
        """Whether the service is meant for its own machine: some proxies forward without a trace.

        Such a proxy calls it by the loopback name it knows, as a browser on the machine does.
        """
        return _loopback(self.settings.host) and _loopback(self.settings.public_url.host or "")

    def _on_this_machine(self, request: Request) -> bool:
        """Whether nobody else can have asked: neither through a proxy nor by a foreign name."""
        name, colon, port = request.headers.get("host", "").rpartition(":")
        called = name if colon and port.isdecimal() else request.headers.get("host", "")
        return self._is_private and _loopback(called) and not forwarded(request)

    async def refuse(self, request: Request, error: HTTPException) -> Response:
        """The answer to who may not come in; a browser is shown the way."""
        first = error.status_code == status.HTTP_401_UNAUTHORIZED and bool(self.ways())
        if first and request.method == "GET" and ui.wants_html(request):
            query = request.url.query
            back = request.url.path + (f"?{query}" if query else "")
            return RedirectResponse(address("/sign-in", back=back), status.HTTP_303_SEE_OTHER)
        return await ui.refusal(request, error)


class Guard:
    """Stands before every address that is not open; one that is new is not open."""

    def __init__(self, app: ASGIApp, auth: Auth) -> None:
        self._app, self._door = app, auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        answer: ASGIApp = self._app
        if scope["type"] == "http" and not _open(scope["path"]):
            request = Request(scope)
            try:
                await self._door.admit(request)
            except HTTPException as error:
                answer = await self._door.refuse(request, error)
        await answer(scope, receive, send)


def _open(path: str) -> bool:
    return path in OPEN_PAGES or path.startswith(OPEN)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"
