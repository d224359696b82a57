"""Answers to refused requests: a page for browsers, JSON for programs."""

from fastapi import Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from bot.web.ui.templating import environment

TEMPLATES = environment()
NO_PAGE = "There is no page at this address."
TITLES = {
    status.HTTP_401_UNAUTHORIZED: "Sign-in required",
    status.HTTP_403_FORBIDDEN: "Access denied",
    status.HTTP_404_NOT_FOUND: "Not found",
    status.HTTP_500_INTERNAL_SERVER_ERROR: "Internal error",
    status.HTTP_503_SERVICE_UNAVAILABLE: "Temporarily unavailable",
}
OTHER_TITLE = "Request failed"


def wants_html(request: Request) -> bool:
    """Whether a page is requested: browsers accept HTML, and the API always answers in JSON."""
    html = "text/html" in request.headers.get("accept", "")
    return html and not request.url.path.startswith("/api/")


async def refusal(request: Request, error: Exception) -> Response:
    """The answer to a request that raised an HTTPException."""
    assert isinstance(error, HTTPException)
    if not wants_html(request):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    missing = error.status_code == status.HTTP_404_NOT_FOUND
    text = NO_PAGE if missing and error.detail == "Not Found" else error.detail
    title = TITLES.get(error.status_code, OTHER_TITLE)
    page = TEMPLATES.get_template("refusal.html").render(text=text, title=title)
    return HTMLResponse(page, error.status_code, error.headers)
