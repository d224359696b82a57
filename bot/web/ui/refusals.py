"""What is refused, in words: a page for people, JSON for programs."""

from fastapi import Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from bot.web.ui.templating import environment

TEMPLATES = environment()
NOTHING = "There is no page at this address."


def for_people(request: Request) -> bool:
    """Whether a page is asked for; a browser says so by its Accept header."""
    html = "text/html" in request.headers.get("accept", "")
    return html and not request.url.path.startswith("/api/")


async def refusal(request: Request, error: Exception) -> Response:
    """The answer to a request that was refused."""
    assert isinstance(error, HTTPException)
    if not for_people(request):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    missing = error.status_code == status.HTTP_404_NOT_FOUND
    text = NOTHING if missing and error.detail == "Not Found" else error.detail
    page = TEMPLATES.get_template("refusal.html").render(text=text, missing=missing)
    return HTMLResponse(page, error.status_code, error.headers)
