"""An ASGI application behind the service's HTTP protocol, on a socket of the test's event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from bot.web.connections import ConnectionLimits


@dataclass(slots=True)
class Timers:
    """The event loop as a protocol sees it, whose time passes when a test says so."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    now: float = 0.0
    _set: list[asyncio.TimerHandle] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle:
        """See the library."""
        made = asyncio.TimerHandle(self.now + delay, callback, args, self.loop)
        self._set.append(made)
        return made

    def is_set(self, delay: float) -> bool:
        """Whether a timer ends after that time."""
        return any(not each.cancelled() and each.when() == self.now + delay for each in self._set)

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        due = [each for each in self._set if each.when() <= self.now]
        self._set = [each for each in self._set if each.when() > self.now]
        for each in due:
            if not each.cancelled():
                each._run()


@dataclass(frozen=True, slots=True)
class Served:
    """Where the application is served, its limits, and the requests in progress."""

    port: int
    limits: ConnectionLimits
    state: ServerState

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that has not sent anything."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, raw: bytes) -> bytes:
        """Send these bytes; everything that comes back until the server closes the connection."""
        answer = bytearray()
        async with self._sent(raw) as reader:
            while chunk := await reader.read(65536):
                answer += chunk
        return bytes(answer)

    async def status(self, raw: bytes) -> int:
        """Send these bytes; the status of the first response, 0 without one."""
        head = b""
        async with self._sent(raw) as reader:
            head = await reader.readline()
        return int(head[9:12] or b"0")

    @asynccontextmanager
    async def _sent(self, raw: bytes) -> AsyncIterator[asyncio.StreamReader]:
        reader, writer = await self.connect()
        try:
            writer.write(raw)
            yield reader
        except ConnectionError:
            return
        finally:
            writer.close()

    async def until(self, reached: Callable[[ConnectionLimits], bool]) -> None:
        """Let the server work until its connections are in that state."""
        while not reached(self.limits):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.001)


@asynccontextmanager
async def served(
    app: ASGIApp, limits: ConnectionLimits, timers: Timers | None = None
) -> AsyncIterator[Served]:
    """Serve the application without its lifespan; by the timers of a test if it has some."""
    config = uvicorn.Config(app, http=limits.protocol, ws="none", log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(
            config=config, server_state=state, app_state={}, _loop=timers
        ),
        "127.0.0.1",
        0,
    )
    try:
        yield Served(server.sockets[0].getsockname()[1], limits, state)
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await server.wait_closed()
        await asyncio.gather(*state.tasks, return_exceptions=True)
