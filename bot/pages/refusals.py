"""What is refused, in words: a page for people, JSON for programs."""

from fastapi import Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from bot.pages.templating import environment

TEMPLATES = environment()
NOTHING = "There is no page at this address."


async def refusal(request: Request, error: Exception) -> Response:
    """The answer to a request that was refused; a browser asks for HTML by its Accept header."""
    assert isinstance(error, HTTPException)
    html = "text/html" in request.headers.get("accept", "")
    if not html or request.url.path.startswith("/api/"):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    missing = error.status_code == status.HTTP_404_NOT_FOUND
    text = NOTHING if missing and error.detail == "Not Found" else error.detail
    page = TEMPLATES.get_template("refusal.html").render(text=text, missing=missing)
    return HTMLResponse(page, error.status_code, error.headers)
