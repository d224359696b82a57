"""The set-up page: creates a forge's App through the forge's own pages, for whoever has the link.

The link holds a key derived from the service's secret (`switchyard setup-link` prints it). The
forge's answer must carry a state that this service signed within the hour (RFC 6749, section
10.12).
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException, status
from fastapi.responses import HTMLResponse

from bot.clock import Clock
from bot.forges import Forge, ForgeError, ForgeKind, SetupForm
from bot.keys import setup_key
from bot.settings import Settings
from bot.web.ui import environment

LIFETIME = timedelta(hours=1)
MAX_DIGITS = 12


def sign_state(key: str, until: datetime) -> str:
    """A state that is valid until then."""
    at = str(int(until.timestamp()))
    return f"{at}.{hmac.new(key.encode(), at.encode(), hashlib.sha256).hexdigest()}"


def is_valid_state(key: str, state: str, now: datetime) -> bool:
    """Whether the state was signed with the key and has not expired."""
    at, _, _ = state.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) < MAX_DIGITS):
        return False
    signed = sign_state(key, datetime.fromtimestamp(int(at), now.tzinfo))
    return hmac.compare_digest(signed.encode(), state.encode()) and now.timestamp() < int(at)


@dataclass(frozen=True, slots=True)
class ForgeSetup:
    """A forge on the set-up page: the form that creates its App, or where the App is installed."""

    forge: str
    installed_at: str | None
    form: SetupForm | None


def router(
    settings: Settings, kinds: Mapping[str, ForgeKind], forges: dict[str, Forge], clock: Clock
) -> APIRouter:
    """The page's routes; a forge that is set up joins `forges` at once."""
    routes, templates = APIRouter(include_in_schema=False), environment()
    expected = setup_key(settings.marker_key.get_secret_value())
    kinds = {name: kind for name, kind in kinds.items() if kind.setup is not None}

    def page(shown: Sequence[ForgeSetup], key: str = "", owner: str = "") -> HTMLResponse:
        template = templates.get_template("setup.html")
        return HTMLResponse(template.render(forges=shown, key=key, owner=owner))

    @routes.get("/setup", response_class=HTMLResponse)
    async def start(key: str = "", owner: str = "") -> HTMLResponse:
        if not hmac.compare_digest(expected.encode(), key.encode()):
            raise HTTPException(
                status.HTTP_403_FORBIDDEN, "Open the link that switchyard setup-link prints."
            )
        state = sign_state(expected, clock() + LIFETIME)
        shown = []
        for name, kind in kinds.items():
            assert kind.setup is not None
            installed_at = kind.setup.installed_at(settings)
            form = None if installed_at else kind.setup.form(settings, state, owner)
            shown.append(ForgeSetup(name, installed_at, form))
        return page(shown, key, owner)

    @routes.get("/setup/{forge}/done", response_class=HTMLResponse)
    async def finish(forge: str, code: str, state: str) -> HTMLResponse:
        if forge not in kinds or not is_valid_state(expected, state, clock()):
            raise HTTPException(
                status.HTTP_403_FORBIDDEN, "This link has expired. Start again at the set-up page."
            )
        kind = kinds[forge]
        assert kind.setup is not None
        if kind.setup.installed_at(settings):
            raise HTTPException(status.HTTP_409_CONFLICT, f"{forge} is already set up.")
        try:
            await kind.setup.finish(settings, code)
        except ForgeError as error:
            raise HTTPException(status.HTTP_502_BAD_GATEWAY, str(error)) from error
        client = kind.connect(settings, clock)
        assert client is not None
        forges[forge] = client
        return page([ForgeSetup(forge, kind.setup.installed_at(settings), None)])

    return routes
