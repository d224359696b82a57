"""Faults before a fake forge, by a script: refused, done and then broken, out of date, overtaken.

Each fault is for a method and a pattern of the path, and happens a number of times.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

INSTEAD, AFTER, STALE, BEFORE = "instead", "after", "stale", "before"


@dataclass(slots=True)
class Fault:
    """What happens to a request.

    INSTEAD: the forge does nothing and this is the answer. AFTER: the forge does it, and this is
    the answer. STALE: the answer to the same read before this one. BEFORE: somebody does `act`
    just before the forge sees it; nothing else is wrong.
    """

    method: str
    path: str
    kind: str = INSTEAD
    times: int = 1
    status: int = 502
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "broken"}'
    act: Callable[[], object] | None = None
    happened: int = 0

    def fits(self, method: str, path: str) -> bool:
        """Whether it happens to this request."""
        fitting = method == self.method and re.search(self.path, path) is not None
        return fitting and self.happened < self.times


class Faults:
    """Stands before a forge, as its `wrap`."""

    def __init__(self) -> None:
        self.script: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        self._told: dict[str, list[Message]] = {}

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Stand before this application."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await self._serve(app, scope, receive, send)

        return serve

    def add(self, method: str, path: str, **how: Any) -> Fault:
        """Add a fault to the script."""
        fault = Fault(method, path, **how)
        self.script.append(fault)
        return fault

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ".git/" in scope["path"]:
            await app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        self.asked.append((method, path))
        key = f"{method} {path}?{scope['query_string'].decode()}"
        fault = next((each for each in self.script if each.fits(method, path)), None)
        told: list[Message] = []

        async def keep(message: Message) -> None:
            told.append(message)

        if fault is not None:
            fault.happened += 1
        if fault is not None and fault.act is not None:
            await asyncio.to_thread(fault.act)
        if fault is None or fault.kind != INSTEAD:
            await app(scope, receive, keep)
        if fault is not None and fault.kind != BEFORE:
            stale = self._told.get(key, told)
            for message in stale if fault.kind == STALE else _answer(fault):
                await send(message)
            return
        if method == "GET":
            self._told[key] = told
        for message in told:
            await send(message)


def _answer(fault: Fault) -> list[Message]:
    headers = {"content-type": "application/json", **fault.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    start = {"type": "http.response.start", "status": fault.status, "headers": raw}
    return [start, {"type": "http.response.body", "body": fault.body}]
