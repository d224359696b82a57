"""The forge's pages, rendered on the server; every button is a form that needs no script."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.sandbox.forge import conversation, merging, views
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.markdown import render
from bot.sandbox.forge.records import User
from bot.sandbox.forge.sessions import Sessions, check_origin, local_path
from bot.sandbox.forge.state import ForgeState

TEMPLATES = Path(__file__).parent / "templates"
SEE_OTHER = 303
MAX_FORM = 1024 * 1024
Text = Annotated[str, Form()]

repository_routes = APIRouter(prefix="/{group}/{name}")
site_routes = APIRouter()


class Pages:
    """Templates and sessions of one forge; `demo_tokens` allow sign-in with one click."""

    def __init__(self, forge: ForgeState, demo_tokens: dict[str, str]) -> None:
        self.forge = forge
        self.sessions = Sessions(forge)
        self.demo_tokens = demo_tokens
        self.templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters["markdown"] = lambda text: Markup(render(text))  # noqa: S704 - `render` escapes
        self.templates.filters["when"] = _when

    def show(
        self, template: str, request: Request, values: dict[str, Any], code: int = 200
    ) -> HTMLResponse:
        """Render a page."""
        user = self.sessions.user(request)
        token = self.sessions.form_token(user)
        page = self.templates.get_template(template)
        return HTMLResponse(page.render(user=user, form_token=token, **values), code)

    def refuse(self, request: Request, code: int, message: str) -> Response:
        """The error page; a redirect to the sign-in page without a session."""
        if code == 401 and request.method == "GET":  # noqa: PLR2004 - HTTP's number
            back = request.url.path
            return RedirectResponse(request.url_for("sign_in").include_query_params(back=back))
        return self.show("error.html", request, {"code": code, "message": message}, code)


def router() -> APIRouter:
    """All pages."""
    routes = APIRouter(include_in_schema=False, max_body_size=MAX_FORM)
    routes.include_router(site_routes)
    routes.include_router(repository_routes)
    return routes


def _when(text: str) -> str:
    return f"{datetime.fromisoformat(text):%d %b %Y, %H:%M} UTC"


def pages_of(request: Request) -> Pages:
    """The pages of this application."""
    pages = request.app.state.pages
    assert isinstance(pages, Pages)
    return pages


def reader(request: Request) -> User:
    """The signed-in user. Raises RequestError without one."""
    user = pages_of(request).sessions.user(request)
    if user is None:
        raise RequestError(401, "sign in first")
    return user


def readable(request: Request, group: str, name: str) -> str:
    """The path of the repository, after checking that the user may read it."""
    path = f"{group}/{name}"
    pages_of(request).forge.require(reader(request), path, "read")
    return path


ThePages = Annotated[Pages, Depends(pages_of)]
Reader = Annotated[User, Depends(reader)]
RepositoryPath = Annotated[str, Depends(readable)]


@site_routes.get("/static/forge.css")
def style() -> FileResponse:
    """The style sheet."""
    return FileResponse(TEMPLATES / "forge.css", media_type="text/css")


@site_routes.get("/static/forge.svg")
def icon() -> FileResponse:
    """The site's icon."""
    return FileResponse(TEMPLATES / "forge.svg", media_type="image/svg+xml")


@site_routes.get("/")
def index(pages: ThePages, request: Request, user: Reader) -> Response:
    """All repositories."""
    return pages.show("index.html", request, views.repositories(pages.forge, user))


@site_routes.get("/sign-in")
def sign_in(pages: ThePages, request: Request, back: str = "/") -> Response:
    """The sign-in page."""
    shown = {"demo_users": views.people(pages.forge, pages.demo_tokens), "back": local_path(back)}
    return pages.show("sign_in.html", request, shown)


@site_routes.post("/sign-in")
def signed_in(
    pages: ThePages, request: Request, login: Text, token: Text = "", back: Text = "/"
) -> Response:
    """Start a session."""
    check_origin(request)
    user = pages.forge.authenticate(login, token or pages.demo_tokens.get(login, ""))
    if user is None:
        raise RequestError(403, "invalid login or token; go back and try again")
    response = RedirectResponse(local_path(back), SEE_OTHER)
    pages.sessions.begin(response, user)
    return response


@site_routes.post("/sign-out")
def sign_out(pages: ThePages, request: Request, form_token: Text) -> Response:
    """End a session."""
    pages.sessions.check_form(request, form_token)
    response = RedirectResponse("/sign-in", SEE_OTHER)
    pages.sessions.end(response)
    return response


@repository_routes.get("")
def repository(pages: ThePages, request: Request, path: RepositoryPath) -> Response:
    """A repository."""
    shown = views.repository(pages.forge, path)
    clone = f"{str(request.base_url).rstrip('/')}/{path}.git"
    return pages.show("repository.html", request, {**shown, "clone": clone})


@repository_routes.get("/files/{file:path}")
def contents(pages: ThePages, request: Request, path: RepositoryPath, file: str) -> Response:
    """A folder or a file."""
    shown = views.contents(pages.forge, path, file.strip("/"))
    return pages.show("contents.html", request, shown)


@repository_routes.get("/commits/{sha}")
def commit(pages: ThePages, request: Request, path: RepositoryPath, sha: str) -> Response:
    """A commit."""
    return pages.show("commit.html", request, views.commit(pages.forge, path, sha))


@repository_routes.get("/merge_requests")
def requests(
    pages: ThePages, request: Request, path: RepositoryPath, state: str = "open"
) -> Response:
    """The merge requests in one state."""
    return pages.show("requests.html", request, views.requests(pages.forge, path, state))


@repository_routes.post("/merge_requests")
def propose(
    pages: ThePages,
    request: Request,
    path: RepositoryPath,
    *,
    form_token: Text,
    branch: Text = "",
    title: Text = "",
) -> Response:
    """Open a merge request into main, or show the open one of that branch."""
    user = pages.sessions.check_form(request, form_token)
    made = merging.open_request(
        pages.forge, user, path, source=branch, target="main", title=title, body=""
    )
    return RedirectResponse(f"/{path}/merge_requests/{made.number}", SEE_OTHER)


@repository_routes.get("/merge_requests/{number}")
def one(
    pages: ThePages, request: Request, path: RepositoryPath, user: Reader, number: int
) -> Response:
    """A merge request."""
    shown = views.request(pages.forge, user, pages.forge.request(path, number))
    return pages.show("request.html", request, shown)


@repository_routes.post("/merge_requests/{number}/{action}")
def act(
    pages: ThePages,
    request: Request,
    path: RepositoryPath,
    number: int,
    action: str,
    *,
    form_token: Text,
    body: Text = "",
    head: Text = "",
) -> Response:
    """Perform the action of a button of a merge request."""
    user = pages.sessions.check_form(request, form_token)
    _act(pages.forge, user, Submission(path, number, action, body, head))
    return RedirectResponse(f"/{path}/merge_requests/{number}", SEE_OTHER)


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted form of a merge request; `head` is the head that the page showed."""

    path: str
    number: int
    action: str
    body: str
    head: str


def _act(forge: ForgeState, user: User, submission: Submission) -> None:
    """Perform an action; approval and merge apply to the head that the page showed."""
    path, number, action = submission.path, submission.number, submission.action
    body, head = submission.body, submission.head
    match action:
        case "comment":
            conversation.comment(forge, user, path, number, body.replace("\r\n", "\n"))
        case "approve" | "unapprove":
            conversation.review(forge, user, path, number, approve=action == "approve", head=head)
        case "merge":
            title = forge.request(path, number).title
            message = f"Merge: {title} (merge request {number})"
            merging.merge(forge, user, path, number, head=head, message=message)
        case "close" | "reopen":
            state = "closed" if action == "close" else "open"
            merging.set_state(forge, user, path, number, state)
        case "hold" | "unhold":
            conversation.label(forge, user, path, number, views.HOLD, present=action == "hold")
        case _:
            raise RequestError(404, f"unknown action {action}")
