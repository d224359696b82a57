"""Reports after one merge: every unit of a fleet says that it is READY at the new revision.

A store that knows all units takes a part of them in over HTTP, singly, as signed documents, and as
news that a pass awaits; the whole is projected from the rate, which two sizes show to be steady.
"""

import hashlib
import hmac
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from fastapi import FastAPI, Request

from bench.hooks import service_of
from bench.load import TURNS, best_in_turns, measure, request
from bench.table import Row
from bot.clock import system_clock
from bot.context import Context
from bot.keys import agent_key, status_key
from bot.report.model import PLACES, REPORTERS, PlacesView, ReportersView, ReporterView
from bot.store.tables import reports
from planners.model import Unit

CLUSTERS, COMPONENTS = 10_000, 12
UNITS = CLUSTERS * COMPONENTS
CHANGED, DOCUMENTS, FEW, MANY = 2_000, 500, 1_000, 4_000
MINUTE = 60.0
OLD, NEW = "1" * 40, "2" * 40
PARTS = tuple(f"part-{number}" for number in range(COMPONENTS))


def run() -> list[Row]:
    """Measure, print and return the rows."""
    print(f"\n{UNITS:,} units of {CLUSTERS:,} clusters report READY after one merge")
    with _service() as known, _service() as documented, _service(CHANGED * TURNS) as awaited:
        plain, few, many, documents, changed = best_in_turns(
            lambda turn: measure(_bare(), report, _turn(turn, CHANGED), guarded=False),
            lambda turn: measure(known, report, _turn(turn, FEW), guarded=True),
            lambda turn: measure(known, report, _turn(turn, MANY, FEW * TURNS), guarded=True),
            lambda turn: measure(documented, document, _turn(turn, DOCUMENTS), guarded=True),
            lambda turn: measure(awaited, report, _turn(turn, CHANGED), guarded=True),
        )
    for name, found in (
        ("a bare FastAPI route", plain),
        (f"{FEW:,} that are no news", few),
        (f"{MANY:,} that are no news", many),
        (f"{CHANGED:,} that a pass awaits", changed),
        (f"documents of {COMPONENTS} units", documents),
    ):
        print(f"{name:>30}: {found.rate:>6.0f} a second, 99% within {found.p99 * 1000:.0f} ms")
    return [
        Row("unchanged reports of 120,000 units, singly", UNITS / many.rate / MINUTE, 10, "min"),
        Row("the same, as signed documents", CLUSTERS / documents.rate / MINUTE, 1, "min"),
        Row("an unchanged report beside a bare route", plain.rate / many.rate, 1.3, "times"),
        Row("a changed report beside a bare route", plain.rate / changed.rate, 1.5, "times"),
    ]


def _turn(turn: int, count: int, first: int = 0) -> range:
    """The numbers of a turn: no turn repeats what another one has sent."""
    begin = first + turn * count
    return range(begin, begin + count)


def report(number: int) -> bytes:
    """What Flux posts about one unit."""
    cluster, part = f"edge-{number // COMPONENTS}", PARTS[number % COMPONENTS]
    event = {
        "involvedObject": {"kind": "Kustomization", "name": f"shop.{part}"},
        "severity": "info",
        "timestamp": system_clock().replace(microsecond=0).isoformat(),
        "message": "Reconciliation finished in 1.2s, next run in 10m0s",
        "reason": "ReconciliationSucceeded",
        "metadata": {"revision": f"main@sha1:{NEW}"},
    }
    body = json.dumps(event).encode()
    return _signed(f"/reports/flux/{cluster}", body, agent_key("report-key", "flux", cluster))


def document(number: int) -> bytes:
    """The status document of one cluster."""
    cluster = f"edge-{number}"
    said = {"application": "shop", "revision": NEW, "readiness": "READY"}
    value = {
        "apiVersion": "switchyard.dev/v1alpha1",
        "kind": "ClusterStatus",
        "cluster": cluster,
        "at": system_clock().isoformat(),
        "sequence": 1,
        "units": [{**said, "component": part} for part in PARTS],
    }
    body = json.dumps(value).encode()
    return _signed(f"/status/{cluster}", body, status_key("report-key", cluster))


def _signed(path: str, body: bytes, key: bytes) -> bytes:
    signature = hmac.new(key, body, hashlib.sha256).hexdigest()
    return request(path, {"x-signature": f"sha256={signature}"}, body)


def _bare() -> FastAPI:
    bare = FastAPI()

    @bare.post("/reports/flux/{cluster}", status_code=202)
    async def report(cluster: str, request: Request) -> dict[str, int]:
        return {cluster: len(await request.body())}

    return bare


@contextmanager
def _service(awaited: int = 0) -> Iterator[FastAPI]:
    """A service that knows every unit; nobody is woken unless a pass awaits the first ones."""
    with tempfile.TemporaryDirectory() as folder:
        app, context = service_of(Path(folder))
        _fill(f"sqlite:///{folder}/switchyard.db", context)
        numbers = (divmod(number, COMPONENTS) for number in range(awaited))
        units = {Unit(PARTS[part], f"edge-{cluster}") for cluster, part in numbers}
        context.store.reports.expect("shop", units)
        yield app
        woken = bool(context.store.queue.waiting(1))
        context.store.close()
    assert woken is bool(awaited)


def _fill(url: str, context: Context) -> None:
    """What was reported and planned before."""
    names = [f"edge-{number}" for number in range(CLUSTERS)]
    known = {name: ReporterView("flux", 1) for name in names}
    context.store.views.save(REPORTERS, "", ReportersView(known, frozenset({"shop"})))
    context.store.views.save(PLACES, "shop", PlacesView(dict.fromkeys(names, PARTS)))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(reports), list(_rows(names)))
    engine.dispose()


def _rows(names: Iterable[str]) -> Iterable[dict[str, object]]:
    at = (system_clock() - timedelta(minutes=1)).timestamp() // 1
    for name in names:
        for part in PARTS:
            yield {
                "application": "shop",
                "cluster": name,
                "component": part,
                "revision": OLD,
                "readiness": "READY",
                "message": "",
                "reported_at": at,
                "received_at": at,
                "since": at,
            }
