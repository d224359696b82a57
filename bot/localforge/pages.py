"""The forge's pages, rendered here; every button is a form that works without script."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.localforge.accounts import RefusedError
from bot.localforge.forge import Forge
from bot.localforge.markdown import render
from bot.localforge.records import MergeRequest, User
from bot.localforge.sessions import Sessions

HERE = Path(__file__).parent
HOLD = "switchyard/hold"
POLICY = "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
SEE_OTHER = 303
Text = Annotated[str, Form()]


class Pages:
    """Templates and sessions of one forge."""

    def __init__(self, forge: Forge, demo_tokens: dict[str, str]) -> None:
        self.forge = forge
        self.sessions = Sessions(forge)
        self.demo_tokens = demo_tokens
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self.templates.filters["markdown"] = lambda text: Markup(render(text))  # noqa: S704 - `render` escapes

    def show(self, template: str, request: Request, **values: Any) -> HTMLResponse:
        """A page."""
        user = self.sessions.user(request)
        html = self.templates.get_template(template).render(
            user=user, form_token=self.sessions.form_token(user), **values
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    def visible(self, user: User | None, path: str) -> None:
        """Refuse who may not see a repository."""
        self.forge.require(user, path, "read")


def router(forge: Forge, demo_tokens: dict[str, str]) -> APIRouter:
    """All pages."""
    pages = Pages(forge, demo_tokens)
    routes = APIRouter(include_in_schema=False)
    _sign_in_routes(pages, routes)
    _repository_routes(pages, routes)
    _action_routes(pages, routes)

    @routes.get("/static/forge.css")
    async def style() -> FileResponse:
        return FileResponse(HERE / "templates" / "forge.css", media_type="text/css")

    return routes


def _sign_in_routes(pages: Pages, routes: APIRouter) -> None:
    @routes.get("/sign-in")
    async def sign_in(request: Request) -> HTMLResponse:
        users = [pages.forge.users[login] for login in pages.demo_tokens]
        return pages.show("sign_in.html", request, demo_users=users)

    @routes.post("/sign-in")
    async def signed_in(login: Text, token: Text = "", back: Text = "/") -> Response:
        user = pages.forge.authenticate(login, token or pages.demo_tokens.get(login, ""))
        if user is None:
            raise RefusedError(401, "login and token do not fit")
        response = RedirectResponse(back if back.startswith("/") else "/", SEE_OTHER)
        pages.sessions.begin(response, user)
        return response

    @routes.post("/sign-out")
    async def sign_out() -> Response:
        response = RedirectResponse("/", SEE_OTHER)
        pages.sessions.end(response)
        return response


def _repository_routes(pages: Pages, routes: APIRouter) -> None:
    forge = pages.forge

    @routes.get("/")
    async def index(request: Request) -> Response:
        user = pages.sessions.user(request)
        if user is None:
            return RedirectResponse("/sign-in", SEE_OTHER)
        mine = [each for each in forge.repositories.values() if user.login in each.roles]
        rows = [
            {"repository": each, "open": len(forge.requests_of(each.path, "open"))}
            for each in sorted(mine, key=lambda each: each.path)
        ]
        return pages.show("index.html", request, rows=rows)

    @routes.get("/{group}/{name}")
    async def repository(request: Request, group: str, name: str) -> HTMLResponse:
        path = f"{group}/{name}"
        pages.visible(pages.sessions.user(request), path)
        found = forge.repository(path)
        branches = forge.git.branches(path)
        tip = branches.get(found.default_branch)
        log = forge.git.log(path, tip, 30) if tip else []
        shown = {"repository": found, "branches": branches, "log": log}
        return pages.show("repository.html", request, **shown)

    @routes.get("/{group}/{name}/merge_requests")
    async def requests(
        request: Request, group: str, name: str, state: str = "open"
    ) -> HTMLResponse:
        path = f"{group}/{name}"
        pages.visible(pages.sessions.user(request), path)
        counts = {each: len(forge.requests_of(path, each)) for each in ("open", "merged", "closed")}
        found = [(each, _order(forge, each)) for each in forge.requests_of(path, state)]
        shown = {"path": path, "state": state, "counts": counts, "requests": found}
        return pages.show("requests.html", request, **shown)

    @routes.get("/{group}/{name}/merge_requests/{number}")
    async def one(request: Request, group: str, name: str, number: int) -> HTMLResponse:
        path = f"{group}/{name}"
        user = pages.sessions.user(request)
        pages.visible(user, path)
        shown = await asyncio.to_thread(_request_page, forge, user, forge.request(path, number))
        return pages.show("request.html", request, **shown)


def _order(forge: Forge, request: MergeRequest) -> Any:
    """The first required status of a merge request, for the list."""
    statuses = forge.statuses(request.repository, request.head)
    return statuses[0] if statuses else None


def _request_page(forge: Forge, user: User | None, request: MergeRequest) -> dict[str, Any]:
    base = request.base
    if request.state == "open":
        base = forge.git.head(request.repository, request.target) or base
    talk = sorted(
        [("comment", each.at, each) for each in request.comments]
        + [("event", each.at, each) for each in request.events],
        key=lambda entry: entry[1],
    )
    return {
        "path": request.repository,
        "request": request,
        "users": forge.users,
        "statuses": forge.statuses(request.repository, request.head),
        "blockers": forge.merge_blockers(user, request) if user else ["sign in first"],
        "approved": user is not None and user.login in request.reviews,
        "files": forge.git.diff(request.repository, base, request.head),
        "talk": talk,
        "hold": HOLD,
    }


def _action_routes(pages: Pages, routes: APIRouter) -> None:
    forge = pages.forge

    @routes.post("/{group}/{name}/merge_requests/{number}/{action}")
    async def act(
        request: Request,
        group: str,
        name: str,
        number: int,
        *,
        action: str,
        form_token: Text,
        body: Text = "",
        head: Text = "",
    ) -> Response:
        user = pages.sessions.check_form(request, form_token)
        path = f"{group}/{name}"
        await asyncio.to_thread(_act, forge, user, (path, number), action, (body, head))
        return RedirectResponse(f"/{path}/merge_requests/{number}", SEE_OTHER)


def _act(
    forge: Forge, user: User, which: tuple[str, int], action: str, given: tuple[str, str]
) -> None:
    path, number = which
    body, head = given
    match action:
        case "comment":
            forge.comment(user, path, number, body.replace("\r\n", "\n"))
        case "approve" | "unapprove":
            forge.review(user, path, number, approve=action == "approve")
        case "merge":
            title = forge.request(path, number).title
            message = f"Merge: {title} (merge request {number})"
            forge.merge(user, path, number, head=head, message=message)
        case "close" | "reopen":
            forge.set_state(user, path, number, "closed" if action == "close" else "open")
        case "hold" | "unhold":
            forge.label(user, path, number, HOLD, present=action == "hold")
        case _:
            raise RefusedError(404, f"no action {action}")
