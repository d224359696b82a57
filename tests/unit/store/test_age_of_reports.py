"""How old a report is: by what its cluster says, whatever carried it and however long."""

from datetime import datetime, timedelta

import pytest

from bot.gather.facts import keep_reported, read_reported
from bot.store import Store
from planners.model import Readiness
from plugins import Word
from tests.fakes.stores import NOON

SHA = "1" * 40


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def record(store: Store, observed: datetime, arrived: datetime) -> None:
    word = Word("paris", "shop", "web", SHA, Readiness.READY, "", observed)
    store.reports.record(word, arrived)


@pytest.mark.parametrize(
    ("carried", "counted", "told"),
    [
        pytest.param(0, 0, 0, id="at once"),
        pytest.param(1, 0, 0, id="a clock that is a little behind is tolerated"),
        pytest.param(2, 0, 0, id="at the limit of what is tolerated"),
        pytest.param(3, -1, 3, id="behind it only the excess counts, so that nothing jumps"),
        pytest.param(40, -38, 40, id="held back for minutes"),
        pytest.param(600, -598, 600, id="held back for hours"),
        pytest.param(-9, 0, 0, id="a clock that is ahead makes it no younger than its arrival"),
    ],
)
def test_a_report_is_as_old_as_its_cluster_says(
    store: Store, carried: float, counted: float, told: float
) -> None:
    record(store, NOON - minutes(carried), NOON)

    (row,) = store.reports.of_application("shop")
    assert (row.counted_at, row.delay) == (NOON + minutes(counted), minutes(told))
    assert row.since == row.received_at == NOON  # a soak begins when a report arrives


def test_the_next_report_that_comes_in_time_is_fresh(store: Store) -> None:
    record(store, NOON - minutes(40), NOON)
    record(store, NOON + minutes(1), NOON + minutes(1))

    (row,) = store.reports.of_application("shop")
    assert (row.counted_at, row.delay) == (NOON + minutes(1), minutes(0))
    assert row.since == NOON


@pytest.mark.parametrize(("carried", "counted"), [(0, 0), (40, -40), (-9, 0)])
def test_facts_are_as_old_as_their_cluster_says(
    store: Store, carried: float, counted: float
) -> None:
    said = NOON - minutes(carried)
    keep_reported(store.views, "paris", {"at": said.isoformat()}, NOON)

    assert read_reported(store.views)["paris"].at == NOON + minutes(counted)
