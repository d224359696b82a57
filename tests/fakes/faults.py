"""Faults before a fake forge, by a script: refused, done and then broken, out of date, overtaken.

Each fault is for a method and a pattern of the path, and happens a number of times.
"""

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.forges import ForgeError, NotMerged, TransientForgeError

INSTEAD, AFTER, STALE, BEFORE = "instead", "after", "stale", "before"
OK, BUSY = 200, 429
LOOK_AGAIN = frozenset({405, 409, 422})


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

    def refuse(self, call: str) -> Any:
        """What a client of the forge makes of this answer to a call of the Protocol."""
        words = json.loads(self.body)
        if self.status == OK:
            return tuple(words)
        if call == "merge" and self.status in LOOK_AGAIN:
            return NotMerged(words["message"])
        kind = TransientForgeError if self.status >= BUSY else ForgeError
        raise kind(f"the forge answered {self.status}: {words['message']}")

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

    def next(self, method: str, path: str) -> Fault | None:
        """Note a request; the fault that happens to it."""
        self.asked.append((method, path))
        fault = next((each for each in self.script if each.fits(method, path)), None)
        if fault is not None:
            fault.happened += 1
        return fault

    async def _serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ".git/" in scope["path"]:
            await app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        key = f"{method} {path}?{scope['query_string'].decode()}"
        fault = self.next(method, path)
        told: list[Message] = []

        async def keep(message: Message) -> None:
            told.append(message)

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


class FaultyCalls:
    """A forge of this process behind faults: each call of the Protocol is a request to them.

    Its method is the call's name, its path the arguments without names, with slashes between. What
    a fault answers is read as the clients of the forges read HTTP: 429 and 5xx pass, other refusals
    last, and a merge that is refused with one of `LOOK_AGAIN` is not merged.
    """

    def __init__(self, forge: Any, faults: Faults) -> None:
        self._forge, self._faults = forge, faults
        self._told: dict[tuple[str, str], Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._forge, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            path = "/".join(str(each) for each in arguments)
            fault = self._faults.next(name, path)
            if fault is not None and fault.act is not None:
                fault.act()
            if fault is not None and fault.kind == INSTEAD:
                return fault.refuse(name)
            before = self._told.get((name, path))
            told = self._told[name, path] = await found(*arguments, **named)
            if fault is None or fault.kind == BEFORE:
                return told
            return before or told if fault.kind == STALE else fault.refuse(name)

        return call
