"""Holds every answer of the fake GitHub to GitHub's own OpenAPI description.

Required fields that the fake's state says nothing of are filled with plain values of their type, so
that a client sees answers as wide as GitHub's; everything the fake does say is checked.
"""

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from openapi_schema_validator import OAS30Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DATA = Path(__file__).parents[2] / "data" / "github"
BASE = "/api/v3"
PLAIN = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": []}
FORMATS = {
    "uri": "https://github.invalid/",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "x@github.invalid",
}


class Operation(NamedTuple):
    """What is described of one operation's answer."""

    method: str
    path: re.Pattern[str]
    schema: dict[str, Any]
    validator: OAS30Validator


def load(name: str) -> Any:
    """One of the derived files."""
    return json.loads(gzip.decompress((DATA / name).read_bytes()))


@cache
def components() -> dict[str, Any]:
    """The schemas that answers refer to, by name."""
    found: dict[str, Any] = load("openapi.json.gz")["components"]["schemas"]
    return found


@cache
def operations() -> list[Operation]:
    """Every operation that the bot uses; exact paths first."""
    described = load("openapi.json.gz")
    found = []
    for name, schema in described["answers"].items():
        method, _, path = name.partition(" ")
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$")
        whole = {**schema, "components": described["components"]}
        found.append(Operation(method, pattern, schema, OAS30Validator(whole)))
    return sorted(found, key=lambda each: each.path.pattern.count("[^/]+"))


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
    """Stands before the fake; `wrong` tells where an answer is not as GitHub describes it."""

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
        if 200 <= told[0]["status"] < 300 and body:
            path = scope["path"].removeprefix(BASE)
            body = json.dumps(self.told(scope["method"], path, json.loads(body))).encode()
        headers = [each for each in told[0]["headers"] if each[0] != b"content-length"]
        await send({**told[0], "headers": [*headers, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    def told(self, method: str, path: str, value: Any) -> Any:
        """One answer, completed and compared with its description."""
        for each in operations():
            if each.method == method and each.path.match(path):
                self.checked += 1
                whole = completed(value, each.schema)
                for error in each.validator.iter_errors(whole):
                    where = "/".join(str(part) for part in error.absolute_path)
                    self.wrong.append(f"{method} {path}: {where}: {error.message[:160]}")
                return whole
        if path != "/user":
            self.wrong.append(f"{method} {path} is used by the bot and not described")
        return value
