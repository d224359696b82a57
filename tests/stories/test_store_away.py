"""The database fails while the service runs: nothing is acknowledged that is not stored."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bot import app
from bot.app import build
from bot.forges import _patience
from bot.settings import Settings
from bot.store import StoreError, database
from bot.worker import supervision
from tests.fakes.store_faults import HEALS, SQLITE, StoreFault
from tests.fakes.world import HOOK_SECRET, REPORT_KEY

PUSH = b'{"repository": "fleet/fleet", "number": null, "padding": "%s"}' % (b"x" * 50_000)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 10)
    monkeypatch.setattr(supervision, "PAUSES", (0.02,))
    monkeypatch.setattr(_patience, "PAUSES", (0.01,))
    for name in ("IDLE_SECONDS", "GUARD_SECONDS", "PROBE_SECONDS", "LISTEN_SECONDS"):
        monkeypatch.setattr(app, name, 0.02)


class Running:
    """A service whose forge is away, and a client of it."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(
            data_dir=folder, fleet="local:fleet/fleet", marker_key="m" * 16, report_key=REPORT_KEY,
            local_url="http://127.0.0.1:1", local_token="t", local_webhook_secret=HOOK_SECRET,
        )  # type: ignore[call-arg]  # fmt: skip
        self.hooks, self.refused = 10, set[int]()
        self.app, self.service = build(settings, _never)
        transport = httpx.ASGITransport(self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    async def hook(self, number: int) -> httpx.Response:
        signature = hmac.new(HOOK_SECRET.encode(), PUSH, hashlib.sha256).hexdigest()
        headers = {
            "x-switchyard-delivery": f"{number}",
            "x-switchyard-event": "push",
            "x-switchyard-signature-256": signature,
        }
        return await self.client.post("/hooks/local", content=PUSH, headers=headers)

    async def ready(self) -> bool:
        return (await self.client.get("/readyz")).status_code == 200

    async def accepts(self) -> bool:
        """Whether it stores a webhook."""
        self.hooks += 1
        status = (await self.hook(self.hooks)).status_code
        self.refused |= {status} - {202}
        return status == 202

    async def works(self) -> bool:
        """Whether a worker takes a key that is due."""
        context = self.service.context
        with suppress(StoreError):
            queue = context.store.queue
            await asyncio.to_thread(queue.trigger, ["application/a"], context.clock())
            found = await asyncio.to_thread(queue.waiting, 9)
            return any(each.last_error for each in found)
        return False


async def _never(snapshot: object) -> Any:
    raise AssertionError(f"nothing is planned, but {snapshot}")


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    made = Running(tmp_path / "data")
    async with made.app.router.lifespan_context(made.app), made.client:
        yield made


async def until(holds: Callable[[], Any]) -> None:
    while not await holds():  # noqa: ASYNC110 - what is awaited tells nobody
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", SQLITE.values(), ids=SQLITE)
async def test_a_failing_database_is_outlived(running: Running, fault: StoreFault) -> None:
    """A webhook is answered with 503 until it can be stored; then the workers go on by themselves.

    Faults that the service mends itself may be over before a webhook meets them; a file that is
    truncated while all its pages are in the log has lost nothing.
    """
    store = running.service.context.store
    await until(running.ready)
    assert (await running.hook(1)).status_code == 202
    with capture_logs() as logs:
        with fault(store):
            if fault.__name__ not in HEALS:
                refused = await running.hook(2)
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
                assert refused.json()["detail"].startswith("The database is not available")
            assert (await running.client.get("/healthz")).status_code == 200
        await until(running.accepts)
        await until(running.ready)
        await until(running.works)

    assert running.refused <= {503}
    shown = [each["event"] for each in logs if each["event"].startswith("database")]
    if shown or fault.__name__ not in HEALS:
        assert shown[0] == "database not available"
        assert shown[-1] == "database available again"
    assert [each for each in logs if each.get("exc_info")] == []
    assert running.service.failure is None


async def test_a_service_is_not_ready_while_its_database_is_away(running: Running) -> None:
    await until(running.ready)
    store = running.service.context.store
    with SQLITE["read_only"](store):
        await running.hook(1)
        answer = await running.client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "problems": ["database: not available"]}
    await until(running.ready)


async def test_a_service_is_not_ready_while_its_queue_stands_still(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(running.ready)
    queue, clock = running.service.context.store.queue, running.service.context.clock
    monkeypatch.setattr(queue, "claim", lambda *_, **__: None)
    monkeypatch.setattr(supervision.Supervisor, "since_step", lambda *_: 301.0)

    async def stuck() -> bool:
        """Again each time: a claim that had begun before may take the key."""
        await asyncio.to_thread(queue.trigger, ["application/a"], clock() - timedelta(minutes=6))
        problems: list[str] = (await running.client.get("/readyz")).json()["problems"]
        return problems == ["queue: no worker takes the oldest key"]

    await until(stuck)


async def test_a_defect_that_stays_ends_the_service_with_its_reason(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()
    running.service.on_failure = ended.set
    await until(running.ready)

    def broken(limit: int) -> None:
        raise ZeroDivisionError(limit)

    monkeypatch.setattr(running.service.context.store.inbox, "pending", broken)
    with capture_logs() as logs:
        await ended.wait()

    (last,) = [each for each in logs if each["event"] == "service ended"]
    assert last["reason"].startswith(
        "inbox failed 20 times in a row, the last time with ZeroDivisionError at test_store_away.py"
    )
    answer = await running.client.get("/readyz")
    assert answer.json()["problems"] == ["the service ends"]
