"""An ASGI application behind the service's HTTP protocol, on a socket of the test's event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from bot.web.connections import ConnectionLimits


@dataclass(frozen=True, slots=True)
class Served:
    """Where the application is served, and its limits."""

    port: int
    limits: ConnectionLimits

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
async def served(app: ASGIApp, limits: ConnectionLimits) -> AsyncIterator[Served]:
    """Serve the application without its lifespan."""
    config = uvicorn.Config(app, http=limits.protocol, ws="none", log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),
        "127.0.0.1",
        0,
    )
    try:
        yield Served(server.sockets[0].getsockname()[1], limits)
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await server.wait_closed()
        await asyncio.gather(*state.tasks, return_exceptions=True)
