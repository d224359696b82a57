"""Holds every request to the fake GitHub, and its answers, to GitHub's own OpenAPI description.

Of a request the names of query parameters and the body are checked, of an answer the status and the
body. Required fields that the fake's state says nothing of are filled with plain values of their
type, so that a client sees answers as wide as GitHub's; everything the fake does say is checked.
Refusals that any endpoint may give are not described with each (GitHub Docs, "Troubleshooting the
REST API", "Best practices for using the REST API").
"""

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from openapi_schema_validator import OAS30Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANYWHERE = frozenset({304, 401, 403, 404, 409, 422, 429, 451, 500, 502, 503})
DATA = Path(__file__).parents[2] / "data" / "github"
BASE = "/api/v3"
PLAIN = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": []}
FORMATS = {
    "uri": "https://github.invalid/",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "x@github.invalid",
}


class Answer(NamedTuple):
    """What is described of an answer with one status."""

    schema: dict[str, Any]
    validator: OAS30Validator


class Operation(NamedTuple):
    """What is described of one operation; `body` is None where it takes none."""

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    body: Answer | None
    answers: dict[int, Answer | None]


def load(name: str) -> Any:
    """One of the derived files."""
    return json.loads(gzip.decompress((DATA / name).read_bytes()), object_hook=_with_null)


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What is `nullable` may be null also where GitHub's list of choices leaves that out.

    A check run "has a conclusion once it is completed" (GitHub Docs, "REST API endpoints for check
    runs", the example of the answer).
    """
    choices = schema.get("enum")
    if schema.get("nullable") and isinstance(choices, list) and None not in choices:
        return {**schema, "enum": [*choices, None]}
    return schema


@cache
def components() -> dict[str, Any]:
    """The schemas that answers refer to, by name."""
    found: dict[str, Any] = load("openapi.json.gz")["components"]["schemas"]
    return found


@cache
def operations() -> list[Operation]:
    """Every operation that the bot uses; exact paths first."""
    found = []
    for name, described in load("openapi.json.gz")["operations"].items():
        method, _, path = name.partition(" ")
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$")
        answers = {int(k): _answer(v) if v else None for k, v in described["answers"].items()}
        body = _answer(described["body"]) if "body" in described else None
        query = frozenset(described["query"])
        found.append(Operation(method, pattern, query, body, answers))
    return sorted(found, key=lambda each: each.path.pattern.count("[^/]+"))


def _answer(schema: dict[str, Any]) -> Answer:
    whole = {**schema, "components": {"schemas": components()}}
    return Answer(schema, OAS30Validator(whole))


@cache
def refusal() -> Answer:
    """How GitHub describes what it refuses."""
    return _answer({"$ref": "#/components/schemas/basic-error"})


def parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that hold together: references followed, of choices the first.

    Users are the only ones told apart by a field; the fake has none but public ones, the last.
    """
    if "$ref" in schema:
        return parts(components()[schema["$ref"].rpartition("/")[2]])
    found = [schema]
    for each in schema.get("allOf", []):
        found += parts(each)
    for name in ("oneOf", "anyOf"):
        if name in schema:
            found += parts(schema[name][-1 if "discriminator" in schema else 0])
    return found


def completed(value: Any, schema: dict[str, Any]) -> Any:
    """The value with what is required and missing, at every depth."""
    known = parts(schema)
    if isinstance(value, list):
        items = next((each["items"] for each in known if "items" in each), {})
        return [completed(each, items) for each in value]
    if not isinstance(value, dict):
        return value
    properties = {k: v for each in known for k, v in each.get("properties", {}).items()}
    required = [name for each in known for name in each.get("required", [])]
    made = {name: completed(each, properties.get(name, {})) for name, each in value.items()}
    for name in required:
        if name not in made:
            made[name] = plain(properties.get(name, {}))
    return made


def plain(schema: dict[str, Any]) -> Any:
    """A value that says nothing."""
    known = parts(schema)
    if any(each.get("nullable") for each in known):
        return None
    choices = next((each["enum"] for each in known if "enum" in each), None)
    if choices:
        return choices[0]
    kind = next((each["type"] for each in known if "type" in each), "object")
    told = next((each["format"] for each in known if "format" in each), "")
    if kind == "object":
        return completed({}, schema)
    return FORMATS.get(told, PLAIN[kind]) if kind == "string" else PLAIN[kind]


class Described:
    """Stands before the fake; `wrong` tells where something is not as GitHub describes it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.wrong: list[str] = []
        self.checked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(BASE):
            await self._app(scope, receive, send)
            return
        told: list[Message] = []
        asked: list[bytes] = []

        async def heard() -> Message:
            message = await receive()
            asked.append(message.get("body", b""))
            return message

        async def keep(message: Message) -> None:
            told.append(message)

        await self._app(scope, heard, keep)
        body, status = b"".join(each.get("body", b"") for each in told), told[0]["status"]
        path = scope["path"].removeprefix(BASE)
        found = self._operation(scope["method"], path)
        if found is not None:
            where = f"{scope['method']} {path}"
            self._check_request(found, where, scope["query_string"].decode(), b"".join(asked))
            body = self._checked(found, f"{where} {status}", status, body)
        headers = [each for each in told[0]["headers"] if each[0] != b"content-length"]
        await send({**told[0], "headers": [*headers, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    def _operation(self, method: str, path: str) -> Operation | None:
        for each in operations():
            if each.method == method and each.path.match(path):
                return each
        self.wrong.append(f"{method} {path} is used by the bot and not described")
        return None

    def _check_request(self, found: Operation, where: str, query: str, body: bytes) -> None:
        unknown = parse_qs(query).keys() - found.query
        self.wrong += [f"{where}: there is no parameter {each}" for each in sorted(unknown)]
        if not body:
            return
        if found.body is None:
            self.wrong.append(f"{where} takes no body")
            return
        given = json.loads(body)
        known = {k for each in parts(found.body.schema) for k in each.get("properties", {})}
        self.wrong += [
            f"{where}: there is no field {each}" for each in sorted(given.keys() - known)
        ]
        self._compare(where, found.body, given)

    def _checked(self, found: Operation, where: str, status: int, body: bytes) -> bytes:
        """The body of an answer, completed and compared with its description."""
        if status not in found.answers.keys() | ANYWHERE:
            self.wrong.append(f"{where} is not described")
        if not body:
            return body
        self.checked += 1
        answer = found.answers.get(status) or refusal()
        value = completed(json.loads(body), answer.schema) if status < 300 else json.loads(body)
        self._compare(where, answer, value)
        return json.dumps(value).encode()

    def _compare(self, where: str, described: Answer, value: Any) -> None:
        for error in described.validator.iter_errors(value):
            place = "/".join(str(part) for part in error.absolute_path)
            self.wrong.append(f"{where}: {place}: {error.message[:160]}")
