"""Middleware around every route: requests per forwarded client, and errors of our own."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from bot.web.guards import MAX_PER_CLIENT, ErrorMiddleware, ForwardedClientMiddleware

PROXIES = (ip_network("10.0.0.0/24"),)
FROM = {"X-Forwarded-For": "192.0.2.1"}


class Slow:
    """An application that answers when it is released."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.all_in = asyncio.Event()
        self.waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.waiting += 1
        if self.waiting == MAX_PER_CLIENT:
            self.all_in.set()
        await self.release.wait()
        await PlainTextResponse("done")(scope, receive, send)


@pytest.fixture
async def proxy() -> AsyncIterator[tuple[Slow, httpx.AsyncClient]]:
    slow = Slow()
    app = ForwardedClientMiddleware(slow, PROXIES)
    transport = httpx.ASGITransport(app, client=("10.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield slow, client


async def test_one_client_of_a_proxy_leaves_room_for_others(
    proxy: tuple[Slow, httpx.AsyncClient],
) -> None:
    slow, client = proxy
    busy = [asyncio.create_task(client.get("/", headers=FROM)) for _ in range(MAX_PER_CLIENT)]
    await slow.all_in.wait()
    refused = await client.get("/", headers=FROM)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    others = [
        asyncio.create_task(client.get("/", headers=headers))
        for headers in ({"X-Forwarded-For": "192.0.2.2"}, {})
    ]
    slow.release.set()
    answers = await asyncio.gather(*busy, *others)
    assert {each.status_code for each in answers} == {200}
    assert (await client.get("/", headers=FROM)).status_code == 200


async def test_an_error_is_one_line_without_values_or_traceback() -> None:
    async def broken(*_: object) -> None:
        raise ValueError("canary")

    transport = httpx.ASGITransport(ErrorMiddleware(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        with capture_logs() as logs:
            answer = await client.get("/a?secret=canary")
        page = await client.get("/a", headers={"Accept": "text/html"})
    assert answer.status_code == page.status_code == 500
    assert "<h1>Internal error</h1>" in page.text
    assert "canary" not in answer.text
    ((line),) = logs
    assert line.pop("place").startswith("test_guards.py:")
    assert line == {
        "event": "request failed", "error": "ValueError", "path": "/a", "log_level": "error"
    }  # fmt: skip
