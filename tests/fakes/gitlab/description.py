"""Holds every exchange with the fake GitLab to what GitLab describes of it.

Source: GitLab Docs, "REST API resources"; see `schemas` and `requests`.
"""

import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fakes.gitlab import requests, schemas
from tests.fakes.gitlab.schemas import Schema, many

BASE = "/api/v4"
PROJECT = "/projects/:id"
REQUEST = f"{PROJECT}/merge_requests/:iid"
ANSWERS: dict[str, Schema] = {
    "GET /user": schemas.ME,
    "GET /personal_access_tokens/self": schemas.TOKEN,
    "GET /users": many(schemas.USER),
    "GET /users/:user": schemas.USER,
    f"GET {PROJECT}/events": many(schemas.EVENT),
    f"GET {REQUEST}/commits": many(schemas.COMMIT_OBJECT),
    f"GET {PROJECT}": schemas.PROJECT,
    f"GET {PROJECT}/members/all/:user": schemas.MEMBER,
    f"GET {PROJECT}/repository/commits/:sha": schemas.COMMIT_OBJECT,
    f"GET {PROJECT}/repository/commits/:sha/statuses": many(schemas.STATUS),
    f"GET {PROJECT}/repository/commits/:sha/merge_requests": many(schemas.LISTED),
    f"POST {PROJECT}/statuses/:sha": schemas.STATUS,
    f"GET {PROJECT}/repository/branches/:branch": schemas.BRANCH,
    f"POST {PROJECT}/repository/branches": schemas.BRANCH,
    f"GET {PROJECT}/merge_requests": many(schemas.LISTED),
    f"POST {PROJECT}/merge_requests": schemas.REQUEST,
    f"GET {REQUEST}": schemas.REQUEST,
    f"PUT {REQUEST}": schemas.REQUEST,
    f"PUT {REQUEST}/merge": schemas.REQUEST,
    "GET /groups/:id/members/all/:user": schemas.MEMBER,
    f"GET {PROJECT}/hooks": many(schemas.HOOK),
    f"POST {PROJECT}/hooks/:hook/test/:event": schemas.MESSAGE,
    f"GET {PROJECT}/merge_trains/merge_requests/:iid": schemas.CAR,
    f"POST {PROJECT}/merge_trains/merge_requests/:iid": many(schemas.CAR),
    f"POST {REQUEST}/notes/:note/award_emoji": schemas.AWARD,
    f"GET {REQUEST}/versions": many(schemas.VERSION),
    f"GET {REQUEST}/approvals": schemas.APPROVALS,
    f"GET {REQUEST}/notes": many(schemas.NOTE),
    f"POST {REQUEST}/notes": schemas.NOTE,
    f"PUT {REQUEST}/notes/:note": schemas.NOTE,
}


class Operation(NamedTuple):
    """What is described of one operation: its answer, its body, the parameters of its query."""

    method: str
    path: re.Pattern[str]
    answer: Draft202012Validator
    body: Draft202012Validator
    query: Draft202012Validator


def _operation(name: str, answer: Schema) -> Operation:
    method, _, path = name.partition(" ")
    pattern = re.compile(re.sub(r":\w+", "[^/]+", path))
    digits = {"type": "string", "pattern": r"^\d+$"}
    query = {**requests.QUERIES.get(name, {}), **dict.fromkeys(requests.PAGES, digits)}
    schemas = (answer, requests.BODIES.get(name, {}), requests.body({}, **query))
    return Operation(method, pattern, *map(Draft202012Validator, schemas))


OPERATIONS = [_operation(*each) for each in ANSWERS.items()]


class Described:
    """Stands before the fake; `wrong` tells where an exchange is not as GitLab describes it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.wrong: list[str] = []
        self.checked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(BASE):
            await self._app(scope, receive, send)
            return
        told: list[Message] = []
        sent: list[bytes] = []

        async def keep(message: Message) -> None:
            told.append(message)

        async def hear() -> Message:
            message = await receive()
            sent.append(message.get("body", b""))
            return message

        await self._app(scope, hear, keep)
        if 200 <= told[0]["status"] < 300:
            path = scope["raw_path"].partition(b"?")[0].decode().removeprefix(BASE)
            query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
            body = b"".join(each.get("body", b"") for each in told)
            asked = json.loads(b"".join(sent) or b"{}")
            self.check(scope["method"], path, json.loads(body), asked, query)
        for each in told:
            await send(each)

    def check(
        self, method: str, path: str, value: Any, asked: Any = None, query: Any = None
    ) -> None:
        """Compare one exchange with its description; in `path` a project's slash is %2F."""
        for each in OPERATIONS:
            if each.method == method and each.path.fullmatch(path):
                self.checked += 1
                self._compare(f"{method} {path}: answer", each.answer, value)
                self._compare(f"{method} {path}: body", each.body, asked or {})
                self._compare(f"{method} {path}: query", each.query, query or {})
                return
        self.wrong.append(f"{method} {path} is not described")

    def _compare(self, what: str, described: Draft202012Validator, value: Any) -> None:
        for error in described.iter_errors(value):
            where = "/".join(str(part) for part in error.absolute_path)
            self.wrong.append(f"{what}: {where}: {error.message[:160]}")
