"""The service of the demonstration: the real one, in a process of its own."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from bot.terminal import progress

POLL_SECONDS = 0.1
START_SECONDS = 120.0
END_SECONDS = 10.0
LAST_LINES = 5


class ServiceError(Exception):
    """The service has ended, or does not answer; the message says why and where its log is."""


@asynccontextmanager
async def running(url: str, settings: Mapping[str, str], log: Path) -> AsyncIterator[Process]:
    """Run the service beside a block, which begins when it answers at its URL.

    Raises:
        ServiceError: it does not start.
    """
    environment = {f"SWITCHYARD_{name}": value for name, value in settings.items()}
    environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "bot",
            "serve",
            env=environment,
            stderr=output,
            stdout=output,
        )
    try:
        with progress("Starting the service"):
            await _answers(url, process, log)
        yield process
    finally:
        await _end(process)


def ended(process: Process, log: Path) -> ServiceError:
    """What people are told of a service that has ended by itself: the last lines of its log."""
    last = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
    lines = [f"the service has ended with exit code {process.returncode}; {log} ends:", *last]
    return ServiceError("\n  ".join(lines))


async def _answers(url: str, process: Process, log: Path) -> None:
    """Wait until the service answers."""
    loop = asyncio.get_running_loop()
    until = loop.time() + START_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while loop.time() < until:
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/healthz")).is_success:
                    return
            if process.returncode is not None:
                raise ended(process, log)
            await asyncio.sleep(POLL_SECONDS)
    raise ServiceError(f"the service does not answer at {url} after {START_SECONDS:g} s; see {log}")


async def _end(process: Process) -> None:
    """Let the service end; kill it if that takes too long."""
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
