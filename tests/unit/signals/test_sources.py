"""What the sources of signals return, and how their samples are kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.gather import signals as series
from bot.signals import World
from bot.signals.demand import DemandSource
from bot.signals.load import LoadSource
from bot.signals.schedule import ScheduleSource
from bot.store import Store
from planners.model.schedule import Schedule
from planners.model.signals import Sample, Series, SignalKey, SignalKind
from planners.model.snapshot import ReportedFacts

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
