"""Webhooks: each event is sent to each hook once, signed and in order, without retries."""

import asyncio
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable, Mapping

import httpx

from bot.sandbox.forge.records import WAITING, Delivery, Hook, Storage

TIMEOUT_SECONDS = 10.0
MAX_DELIVERIES = 1000


class Hooks:
    """Hooks, deliveries, and the sender: one task per hook, so that hooks do not block each other.

    Deliveries that were pending when the forge stopped are sent at the next start. A failed
    delivery is not retried automatically; `redeliver` sends it again with the same id.
    """

    def __init__(self, storage: Storage, client: httpx.AsyncClient, now: Callable[[], str]) -> None:
        self._storage, self._client, self._now = storage, client, now
        self._lock = threading.RLock()
        self._hooks = {key: Hook(**value) for key, value in storage.load(Hook).items()}
        self._deliveries = {key: Delivery(**value) for key, value in storage.load(Delivery).items()}
        self._queues: dict[str, asyncio.Queue[Delivery]] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, repository: str, url: str, secret: str) -> None:
        """Add a webhook for the events of a repository.

        Raises:
            ValueError: the secret is empty.
        """
        if not secret:
            raise ValueError(
                "a webhook requires a secret; without one its receiver cannot verify it"
            )
        hook = Hook(repository, url, secret)
        with self._lock:
            self._hooks[_key(hook)] = hook
            self._storage.put(_key(hook), hook)

    def remove(self, repository: str, url: str) -> bool:
        """Remove a webhook; returns whether it existed."""
        with self._lock:
            found = self._hooks.pop(f"{repository} {url}", None)
            if found is not None:
                self._storage.forget(Hook, _key(found))
        return found is not None

    def of(self, repository: str) -> list[Hook]:
        """The hooks of a repository."""
        with self._lock:
            return [hook for hook in self._hooks.values() if hook.repository == repository]

    def deliveries(self, repository: str) -> list[Delivery]:
        """The newest deliveries of a repository, newest first."""
        with self._lock:
            found = [each for each in self._deliveries.values() if each.repository == repository]
        return found[::-1]

    def emit(self, repository: str, event: str, body: Mapping[str, object]) -> None:
        """Queue an event for every hook of its repository; callable from any thread."""
        text = json.dumps({"repository": repository, **body})
        with self._lock:
            for hook in self.of(repository):
                made = Delivery(str(uuid.uuid4()), repository, hook.url, event, text, self._now())
                self._deliveries[made.id] = made
                self._enqueue(made)
            while len(self._deliveries) > MAX_DELIVERIES:
                oldest = next(iter(self._deliveries))
                del self._deliveries[oldest]
                self._storage.forget(Delivery, oldest)

    def redeliver(self, repository: str, delivery: str) -> bool:
        """Send a delivery again with the same id; False if it or its hook does not exist."""
        with self._lock:
            found = self._deliveries.get(delivery)
            if found is None or found.repository != repository or _key(found) not in self._hooks:
                return False
            found.outcome = WAITING
            self._enqueue(found)
        return True

    def _enqueue(self, delivery: Delivery) -> None:
        self._storage.put(delivery.id, delivery)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._accept, delivery)

    async def run(self) -> None:
        """Send queued deliveries until cancelled."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            waiting = [each for each in self._deliveries.values() if each.outcome == WAITING]
        for delivery in waiting:
            self._accept(delivery)
        try:
            await asyncio.Event().wait()
        finally:
            self._loop = None
            for sender in self._senders:
                sender.cancel()
            await asyncio.gather(*self._senders, return_exceptions=True)

    def _accept(self, delivery: Delivery) -> None:
        """On the loop: put it into its hook's queue."""
        key = _key(delivery)
        if key not in self._queues:
            self._queues[key] = asyncio.Queue()
            self._senders.add(asyncio.create_task(self._send_all(self._queues[key])))
        self._queues[key].put_nowait(delivery)

    async def _send_all(self, queue: asyncio.Queue[Delivery]) -> None:
        while True:
            delivery = await queue.get()
            try:
                delivery.outcome = await self._send(delivery)
                self._storage.put(delivery.id, delivery)
            finally:
                queue.task_done()

    async def _send(self, delivery: Delivery) -> str:
        with self._lock:
            hook = self._hooks.get(_key(delivery))
        if hook is None:
            return "the hook was removed"
        body = delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "X-Switchyard-Event": delivery.event,
            "X-Switchyard-Delivery": delivery.id,
            "X-Switchyard-Signature-256": f"sha256={sign(hook.secret, body)}",
        }
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await self._client.post(hook.url, content=body, headers=headers)
        except Exception as error:  # noqa: BLE001 - a failing receiver must not stop the sender
            return f"no response: {type(error).__name__}"
        return str(answer.status_code)

    async def flush(self) -> None:
        """Wait until all deliveries are sent; from any loop but the forge's own."""
        await asyncio.to_thread(self.wait_sent)

    def wait_sent(self) -> None:
        """Block until all deliveries are sent; from any thread but the forge's own."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._all_sent(), self._loop).result()

    async def _all_sent(self) -> None:
        for queue in list(self._queues.values()):
            await queue.join()


def sign(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the exact body, in hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _key(hook: Hook | Delivery) -> str:
    return f"{hook.repository} {hook.url}"
