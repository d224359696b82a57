"""How webhooks reach the bot of a world: at once, more than once, late, or in another order."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import httpx

from bot.forges._certificates import ssl_context

if TYPE_CHECKING:
    from tests.fakes.world import World

Requests = list[httpx.Request]


class Post(httpx.AsyncBaseTransport):
    """Carries webhooks to the bot that is running now; each `copies` times, unless held back.

    `answers` are the bot's, by delivery in the order in which they arrived. With `service` it goes
    to that address instead, where a whole service runs.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self.service = ""
        self.copies = 1
        self.holding = False
        self.held: Requests = []
        self.sent: Requests = []
        self.answers: list[httpx.Response] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._world.deaf:
            raise httpx.ConnectError("nobody listens")
        if self.holding:
            self.held.append(request)
            return httpx.Response(202)
        for _ in range(self.copies):
            answer = await self.deliver(request)
        return answer

    async def deliver(self, request: httpx.Request) -> httpx.Response:
        """Let a request arrive."""
        self.sent.append(request)
        if self.service:
            url = f"{self.service}{request.url.path}"
            async with httpx.AsyncClient(verify=ssl_context(), trust_env=False) as client:
                return await client.post(url, headers=request.headers, content=request.content)
        answer = await httpx.ASGITransport(self._world.app).handle_async_request(request)
        await answer.aread()
        self.answers.append(answer)
        return answer

    async def release(self, order: Callable[[Requests], Iterable[httpx.Request]] = iter) -> int:
        """Let what is held arrive, in this order; how many there were."""
        await self._world.flush_hooks()
        held, self.held = self.held, []
        for request in order(held):
            await self.deliver(request)
        return len(held)
