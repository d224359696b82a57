"""Reports after one merge: every unit of a fleet says that it is READY at the new revision.

The service is measured with a part of them, beside a bare route; the store with all of them.
"""

import asyncio
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import sqlalchemy as sa
from fastapi import FastAPI, Request

from bench.hooks import service_of
from bot.clock import system_clock
from bot.keys import agent_key
from bot.report.model import PLACES, REPORTERS, PlacesView, ReportersView, ReporterView
from bot.sandbox.forge.server import ThreadedServer
from bot.store import Store
from bot.store.reports import Recorded
from bot.store.tables import reports
from planners.model import Readiness, Unit
from plugins import Word

CLUSTERS, COMPONENTS = 10_000, 12
CHANGED, SENT, AT_ONCE = 10_000, 3_000, 32
OLD, NEW = "1" * 40, "2" * 40
PARTS = tuple(f"part-{number}" for number in range(COMPONENTS))


def run() -> None:
    """Print the rates, and their ratios."""
    _measure_store()
    _measure_service()


def _words(revision: str, seconds: int) -> list[Word]:
    at = system_clock() + timedelta(seconds=seconds)
    return [
        Word(f"edge-{number}", "shop", part, revision, Readiness.READY, "", at)
        for number in range(CLUSTERS)
        for part in PARTS
    ]


def _fill(url: str, words: list[Word], now: datetime) -> None:
    """What was reported before, in one transaction."""
    rows = [
        {
            "application": each.application,
            "cluster": each.cluster,
            "component": each.component,
            "revision": each.revision,
            "readiness": each.readiness.value,
            "message": each.message,
            "reported_at": each.at.timestamp() // 1,
            "received_at": now.timestamp(),
            "since": now.timestamp(),
        }
        for each in words
    ]
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(reports), rows)
    engine.dispose()


def _record(store: Store, words: list[Word], now: datetime) -> Iterator[Recorded]:
    """As the service does when so many clusters send at once."""
    for start in range(0, len(words), AT_ONCE):
        yield from store.reports.record_messages(
            [[word] for word in words[start : start + AT_ONCE]], now
        )


def _measure_store() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, now = f"sqlite:///{folder}/switchyard.db", system_clock()
        store = Store.open(url)
        first, again = _words(OLD, 0), _words(NEW, 60)
        _fill(url, first, now)
        changed = {Unit(word.component, word.cluster) for word in again[:CHANGED]}
        store.reports.expect("shop", changed)
        expected = time.perf_counter()
        news = sum(each.count for each in _record(store, again[:CHANGED], now) if each.news)
        awaited = time.perf_counter()
        quiet = sum(each.count for each in _record(store, again[CHANGED:], now) if not each.news)
        done = time.perf_counter()
        store.close()
    assert (news, quiet) == (CHANGED, len(again) - CHANGED)
    print(f"\n{len(again):,} units of {CLUSTERS:,} clusters report READY after one merge (store)")
    for name, count, seconds in (
        ("news that a pass awaits", news, awaited - expected),
        ("no news", quiet, done - awaited),
    ):
        print(f"{name:>24}: {count:>7,} in {seconds:5.1f} s, {count / seconds:>6.0f} a second")
    ratio = (awaited - expected) / news / ((done - awaited) / quiet)
    print(f"news takes {ratio:.1f} times as long as no news, which wakes nobody")


def _measure_service() -> None:
    bare = FastAPI()

    @bare.post("/reports/flux/{cluster}", status_code=202)
    async def report(cluster: str, request: Request) -> dict[str, int]:
        return {cluster: len(await request.body())}

    plain = _measure(bare)
    with tempfile.TemporaryDirectory() as folder:
        app, context = service_of(Path(folder))
        names = [f"edge-{number}" for number in range(CLUSTERS)]
        reporters = ReportersView(
            {name: ReporterView("flux", 1) for name in names}, frozenset({"shop"})
        )
        context.store.views.save(REPORTERS, "", reporters)
        context.store.views.save(PLACES, "shop", PlacesView(dict.fromkeys(names, PARTS)))
        _fill(f"sqlite:///{folder}/switchyard.db", _words(OLD, -60)[:SENT], system_clock())
        ours = _measure(app)
        context.store.close()
    print(f"{SENT:,} of them over loopback, {AT_ONCE} at once")
    for name, rate in (("a bare FastAPI route", plain), ("verified and stored", ours)):
        print(f"{name:>24}: {rate:>6.0f} a second")
    print(f"the service takes {plain / ours:.1f} times as long as answering alone")


def _measure(app: FastAPI) -> float:
    server = ThreadedServer(app).start()
    try:
        return asyncio.run(_send(server.url))
    finally:
        server.stop()


async def _send(url: str) -> float:
    stamp = system_clock().replace(microsecond=0).isoformat()
    numbers = iter(range(SENT))

    async def one(client: httpx.AsyncClient) -> None:
        for number in numbers:
            cluster, part = f"edge-{number // COMPONENTS}", PARTS[number % COMPONENTS]
            event = {
                "involvedObject": {"kind": "Kustomization", "name": f"shop.{part}"},
                "severity": "info",
                "timestamp": stamp,
                "message": "Reconciliation finished in 1.2s, next run in 10m0s",
                "reason": "ReconciliationSucceeded",
                "metadata": {"revision": f"main@sha1:{NEW}"},
            }
            body = json.dumps(event).encode()
            key = agent_key("report-key", "flux", cluster)
            signature = hmac.new(key, body, hashlib.sha256).hexdigest()
            headers = {"x-signature": f"sha256={signature}"}
            answer = await client.post(
                f"{url}/reports/flux/{cluster}", content=body, headers=headers
            )
            assert answer.status_code == 202, answer.text

    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
        start = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(AT_ONCE)))
        return SENT / (time.perf_counter() - start)
