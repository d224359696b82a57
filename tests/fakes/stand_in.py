"""Routes made once for all fakes of a kind: making them costs as much as a short story.

They are made for a stand-in, which is that fake whose application serves the request.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send


class Serving:
    """Which of the fakes of a kind serves the request at hand."""

    def __init__(self, kind: str) -> None:
        self._fake: ContextVar[Any] = ContextVar(kind)
        self.stand_in: Any = StandIn(self._fake.get)

    def wrap(self, app: ASGIApp, fake: Any) -> ASGIApp:
        """The application of one of them."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            before = self._fake.set(fake)
            try:
                await app(scope, receive, send)
            finally:
                self._fake.reset(before)

        return serve


class StandIn:
    """What `found` finds during a request; before one, its attributes are stand-ins too."""

    def __init__(self, found: Callable[[], Any]) -> None:
        object.__setattr__(self, "_found", found)

    def __getattr__(self, name: str) -> Any:
        try:
            found = self._found()
        except LookupError:
            return StandIn(lambda: getattr(self._found(), name))
        return getattr(found, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._found(), name, value)
