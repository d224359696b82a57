"""Runs a coroutine or a server that an interrupt ends without a traceback, whenever it comes."""

import asyncio
import signal
import socket
from collections.abc import Coroutine
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Server(Protocol):
    """What a `uvicorn.Server` is."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until it is told to stop; signals tell it, from the first step on."""


def run(main: Coroutine[None, None, Result]) -> Result:
    """As `asyncio.run`; an interrupt waits until the event loop exists, and cancels `main` then.

    An interrupt inside of the loop's constructor leaves half of a loop, which complains with a
    traceback when it is collected.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    async def begun() -> Result:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return await main

    try:
        return asyncio.run(begun())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def serve(server: Server, sockets: list[socket.socket] | None = None) -> None:
    """Serve until the server is told to stop.

    An interrupt that came before ends it here, and a later one waits until the server listens to
    signals: in between it would cancel the start of the application, and uvicorn would log that
    as an error of the application.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(signal.pthread_sigmask, signal.SIG_SETMASK, before)
        await server.serve(sockets)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
