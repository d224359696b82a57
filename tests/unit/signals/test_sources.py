"""What the sources of signals return, and how their samples are kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.gather import signals as series
from bot.outbound.client import OutboundClient
from bot.signals import World
from bot.signals.demand import DemandSource
from bot.signals.load import LoadSource
from bot.signals.metric import MetricSource
from bot.signals.schedule import ScheduleSource
from bot.store import Store
from planners.model.rules import Query
from planners.model.schedule import Schedule
from planners.model.signals import Sample, Series, SignalKey, SignalKind
from planners.model.snapshot import ReportedFacts
from tests.fakes.receiver import ADDRESS, HOST, SECRET, Receiver

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FACTS = {
    "edge-1": ReportedFacts(NOW - MINUTE, demand={"web": 5.0}, load={"web": 0.9}),
    "edge-2": ReportedFacts(NOW - 2 * MINUTE, demand={"web": 2.0}, load={"web": 0.5}),
    "edge-3": ReportedFacts(NOW - 20 * MINUTE, demand={"web": 100.0}, load={"web": 9.0}),
}
WORLD = World(NOW, FACTS)


async def test_demand_is_that_of_a_cluster_or_the_sum_of_fresh_ones() -> None:
    one, every = SignalKey(SignalKind.DEMAND, "web", "edge-2"), SignalKey(SignalKind.DEMAND, "web")
    unknown, old = SignalKey(SignalKind.DEMAND, "x"), SignalKey(SignalKind.DEMAND, "web", "edge-3")

    assert await DemandSource().read([one, every, unknown, old], WORLD) == {
        one: (Sample(2.0, NOW - 2 * MINUTE),),
        every: (Sample(7.0, NOW - MINUTE),),
    }


async def test_load_is_that_of_a_cluster_or_the_mean_of_fresh_ones() -> None:
    one, every = SignalKey(SignalKind.LOAD, "web", "edge-1"), SignalKey(SignalKind.LOAD, "web")

    assert await LoadSource().read([one, every], WORLD) == {
        one: (Sample(0.9, NOW - MINUTE),),
        every: (Sample(0.7, NOW - MINUTE),),
    }


QUERIES = {"busy": Query("busy", ADDRESS, "sum(x)"), "gone": Query("gone", "https://x.test", "y")}
KEYS = {HOST: SECRET.encode()}


@pytest.mark.parametrize(
    ("answer", "samples"),
    [("0.75", (Sample(0.75, NOW),)), ("NaN", (Sample(None, NOW),)), (None, (Sample(None, NOW),))],
)
async def test_a_query_has_the_value_that_prometheus_says(
    answer: str | None, samples: tuple[Sample, ...]
) -> None:
    receiver = Receiver(lambda: NOW, values=[answer])
    busy = SignalKey(SignalKind.METRIC, "busy")
    unknown = SignalKey(SignalKind.METRIC, "unknown")
    world = World(NOW, queries=QUERIES, outbound=receiver.outbound, keys=KEYS)

    assert await MetricSource().read([busy, unknown], world) == {busy: samples}


async def test_a_server_that_is_not_there_says_nothing_not_zero() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError("no such host")

    world = World(NOW, queries=QUERIES, outbound=OutboundClient(resolve=nowhere))

    with capture_logs() as logs:
        found = await MetricSource().read([SignalKey(SignalKind.METRIC, "gone")], world)

    assert found == {}
    assert [each["event"] for each in logs] == ["query not answered"]


async def test_a_schedule_has_a_sample_each_minute() -> None:
    key = SignalKey(SignalKind.SCHEDULE, str(Schedule("58 11 * * *", timedelta(hours=1))))
    now = NOW + timedelta(seconds=10)

    (samples,) = (await ScheduleSource().read([key], World(now))).values()

    assert samples[-2:] == (Sample(1.0, NOW), Sample(1.0, now))
    assert [each.value for each in samples[-5:]] == [0.0, 1.0, 1.0, 1.0, 1.0]


def test_series_are_kept_and_repeats_change_nothing(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'switchyard.db'}")
    key = SignalKey(SignalKind.ALERT, "TooSlow")
    samples = {key: [Sample(1.0, NOW), Sample(None, NOW + MINUTE)]}

    assert series.append(store.views, samples, NOW + MINUTE) == {key}
    assert series.append(store.views, samples, NOW + MINUTE) == frozenset()
    assert series.read(store.views, [key]) == {
        key: Series((Sample(1.0, NOW), Sample(None, NOW + MINUTE)))
    }
    store.close()
