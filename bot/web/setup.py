"""The set-up page: makes a forge's App by the forge's own pages, for whoever has the link.

The link holds a key derived from the service's secret (`switchyard setup-link` prints it). What
comes back from the forge must carry a state that this service signed within the hour (RFC 6749,
section 10.12).
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException, status
from fastapi.responses import HTMLResponse

from bot.clock import Clock
from bot.forges import Forge, ForgeError, ForgeKind
from bot.keys import setup_key
from bot.settings import Settings
from bot.web.ui import environment

LIFETIME = timedelta(hours=1)
DIGITS = 12


def sign_state(key: str, until: datetime) -> str:
    """A state that is good until then."""
    at = str(int(until.timestamp()))
    return f"{at}.{hmac.new(key.encode(), at.encode(), hashlib.sha256).hexdigest()}"


def good_state(key: str, state: str, now: datetime) -> bool:
    """Whether it was signed with the key and is still good."""
    at, _, _ = state.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) < DIGITS):
        return False
    signed = sign_state(key, datetime.fromtimestamp(int(at), now.tzinfo))
    return hmac.compare_digest(signed.encode(), state.encode()) and now.timestamp() < int(at)


def router(
    settings: Settings, kinds: Mapping[str, ForgeKind], forges: dict[str, Forge], clock: Clock
) -> APIRouter:
    """The page's routes; a forge that was set up joins `forges` at once."""
    routes, templates = APIRouter(include_in_schema=False), environment()
    expected = setup_key(settings.marker_key.get_secret_value())
    makers = {name: kind for name, kind in kinds.items() if kind.setup is not None}

    def page(**shown: object) -> HTMLResponse:
        return HTMLResponse(templates.get_template("setup.html").render(shown))

    @routes.get("/setup", response_class=HTMLResponse)
    async def begin(key: str = "", owner: str = "") -> HTMLResponse:
        if not hmac.compare_digest(expected.encode(), key.encode()):
            raise HTTPException(
                status.HTTP_403_FORBIDDEN, "open the link that `switchyard setup-link` prints"
            )
        state = sign_state(expected, clock() + LIFETIME)
        shown = []
        for name, kind in makers.items():
            assert kind.setup is not None
            done = kind.setup.installed_at(settings)
            form = None if done else kind.setup.form(settings, state, owner)
            shown.append({"name": name, "done": done, "form": form})
        return page(forges=shown, key=key, owner=owner)

    @routes.get("/setup/{forge}/done", response_class=HTMLResponse)
    async def finish(forge: str, code: str, state: str) -> HTMLResponse:
        if forge not in makers or not good_state(expected, state, clock()):
            raise HTTPException(
                status.HTTP_403_FORBIDDEN, "this link is no longer good: begin again at the page"
            )
        kind = makers[forge]
        assert kind.setup is not None
        if kind.setup.installed_at(settings):
            raise HTTPException(status.HTTP_409_CONFLICT, f"{forge} is set up already")
        try:
            await kind.setup.finish(settings, code)
        except ForgeError as error:
            raise HTTPException(status.HTTP_502_BAD_GATEWAY, str(error)) from error
        made = kind.connect(settings, clock)
        assert made is not None
        forges[forge] = made
        return page(
            forges=[{"name": forge, "done": kind.setup.installed_at(settings), "form": None}]
        )

    return routes
