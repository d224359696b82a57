"""Holds every answer of the fake GitLab to what GitLab describes of it.

Source: GitLab Docs, "REST API resources"; see `schemas`.
"""

import json
import re
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fakes.gitlab import schemas
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
    """What is described of one operation's answer."""

    method: str
    path: re.Pattern[str]
    validator: Draft202012Validator


def _operation(name: str, schema: Schema) -> Operation:
    method, _, path = name.partition(" ")
    pattern = re.compile(re.sub(r":\w+", "[^/]+", path))
    return Operation(method, pattern, Draft202012Validator(schema))


OPERATIONS = [_operation(*each) for each in ANSWERS.items()]


class Described:
    """Stands before the fake; `wrong` tells where an answer is not as GitLab describes it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.wrong: list[str] = []
        self.checked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(BASE):
            await self._app(scope, receive, send)
            return
        told: list[Message] = []

        async def keep(message: Message) -> None:
            told.append(message)

        await self._app(scope, receive, keep)
        body = b"".join(each.get("body", b"") for each in told)
        if 200 <= told[0]["status"] < 300:
            path = scope["raw_path"].partition(b"?")[0].decode().removeprefix(BASE)
            self.check(scope["method"], path, json.loads(body))
        for each in told:
            await send(each)

    def check(self, method: str, path: str, value: Any) -> None:
        """Compare one answer with its description; in `path` a project's slash is %2F."""
        for each in OPERATIONS:
            if each.method == method and each.path.fullmatch(path):
                self.checked += 1
                for error in each.validator.iter_errors(value):
                    where = "/".join(str(part) for part in error.absolute_path)
                    self.wrong.append(f"{method} {path}: {where}: {error.message[:160]}")
                return
        self.wrong.append(f"{method} {path} is not described")
