"""Sends requests to a server from a process of its own, so that sending costs the server nothing.

The client writes prepared bytes on connections that stay open, and reads no more of an answer than
its status and its end. What is compared is sent in turns, and the best turn of each counts: other
work on the machine slows some turns, and hardly ever all of them.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from starlette.types import ASGIApp

from bot.sandbox.forge.server import ThreadedServer
from bot.web.connections import ConnectionLimits

AT_ONCE = 32
TURNS = 5
HOST = "127.0.0.1"

Make = Callable[[int], bytes]
"""The request of a number; a function of a module, since it runs in the other process."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How fast requests were answered, in seconds; each had the status that was expected."""

    count: int
    seconds: float
    median: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.count / self.seconds


def request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A POST in HTTP/1.1."""
    sent = {"host": "bench", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def best_in_turns(*measured: Callable[[int], Answers]) -> list[Answers]:
    """The best of the turns of each; it is called with the number of the turn."""
    turns = [[each(turn) for each in measured] for turn in range(TURNS)]
    return [max(found, key=lambda each: each.rate) for found in zip(*turns, strict=True)]


def measure(app: ASGIApp, make: Make, numbers: range, *, guarded: bool) -> Answers:
    """Serve an application as the service is served (guarded) or plainly; send it requests."""
    protocol = ConnectionLimits().protocol if guarded else None
    server = ThreadedServer(app, protocol=protocol).start()
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            port = int(server.url.rpartition(":")[2])
            return pool.submit(send_all, port, make, numbers).result()
    finally:
        server.stop()


def send_all(port: int, make: Make, numbers: range) -> Answers:
    """Send requests to a port of this machine; called in the process that sends."""
    return asyncio.run(_send(port, [make(number) for number in numbers]))


async def _send(port: int, requests: list[bytes]) -> Answers:
    times: list[float] = []
    waiting = iter(requests)

    async def one() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        for sent in waiting:
            begin = time.perf_counter()
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            times.append(time.perf_counter() - begin)
            assert head.startswith(b"HTTP/1.1 202"), head + body
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - start
    times.sort()
    return Answers(len(times), seconds, times[len(times) // 2], times[int(len(times) * 0.99)])


def _length(head: bytes) -> int:
    lengths = (
        line.partition(b":")[2]
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return int(next(lengths, b"0"))
