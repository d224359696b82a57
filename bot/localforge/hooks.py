"""Webhooks: each event goes to each hook once, signed, in order; nothing is sent twice unasked."""

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from contextlib import suppress

import httpx

from bot.localforge.records import Delivery, Hook, Storage

TIMEOUT = 10.0


class Hooks:
    """The sender: a queue and one task that empties it."""

    def __init__(self, storage: Storage, client: httpx.AsyncClient, now: Callable[[], str]) -> None:
        self._storage = storage
        self._client = client
        self._now = now
        self._hooks = {key: Hook(**value) for key, value in storage.load(Hook).items()}
        self.deliveries = {key: Delivery(**value) for key, value in storage.load(Delivery).items()}
        self._queue: asyncio.Queue[tuple[Hook, Delivery]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, repository: str, url: str, secret: str) -> None:
        """Send the events of a repository there from now on."""
        hook = Hook(repository, url, secret)
        key = f"{repository} {url}"
        self._hooks[key] = hook
        self._storage.put(key, hook)

    def emit(
        self, repository: str, event: str, *, action: str, number: int | None, sender: str
    ) -> None:
        """Queue an event for every hook of its repository; may be called from any thread."""
        body = json.dumps(
            {"repository": repository, "number": number, "action": action, "sender": sender}
        )
        for hook in self._hooks.values():
            if hook.repository == repository:
                made = Delivery(str(uuid.uuid4()), repository, hook.url, event, body, self._now())
                self._enqueue(hook, made)

    def redeliver(self, delivery_id: str) -> bool:
        """Send a delivery again under the same id; False when it is not known."""
        made = self.deliveries.get(delivery_id)
        if made is None:
            return False
        self._enqueue(self._hooks[f"{made.repository} {made.url}"], made)
        return True

    def _enqueue(self, hook: Hook, delivery: Delivery) -> None:
        self.deliveries[delivery.id] = delivery
        if self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (hook, delivery))

    async def run(self) -> None:
        """Send what is queued, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            hook, delivery = await self._queue.get()
            try:
                await self._send(hook, delivery)
            finally:
                self._queue.task_done()

    def wait_sent(self) -> None:
        """Block until everything queued was sent; from any thread but the forge's own."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._queue.join(), self._loop).result()

    async def _send(self, hook: Hook, delivery: Delivery) -> None:
        body = delivery.body.encode()
        signature = hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Switchyard-Event": delivery.event,
            "X-Switchyard-Delivery": delivery.id,
            "X-Switchyard-Signature-256": f"sha256={signature}",
        }
        delivery.outcome = "no answer"
        with suppress(httpx.HTTPError):
            answer = await self._client.post(
                hook.url, content=body, headers=headers, timeout=TIMEOUT
            )
            delivery.outcome = str(answer.status_code)
        self._storage.put(delivery.id, delivery)
