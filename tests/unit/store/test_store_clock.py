"""One clock for all replicas, and no lease that outlives a clock that was wrong."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.store import Store
from tests.fakes.stores import NOON

AHEAD = timedelta(seconds=600)
LEASE = timedelta(seconds=8)


def wrong() -> datetime:
    return datetime.now(UTC) + AHEAD


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_replicas_on_postgresql_follow_the_clock_of_its_server(store: Store) -> None:
    with capture_logs() as logs:
        clock = store.shared_clock(wrong)
        store.probe()
    with store._database.read() as connection:
        before = clock()
        there = connection.scalar(sa.text("SELECT clock_timestamp()"))
        after = clock()

    assert there is not None
    inaccuracy = timedelta(seconds=60)
    assert before - inaccuracy <= there <= after + inaccuracy
    (said,) = [each for each in logs if each["event"].startswith("clocks differ")]
    assert abs(said["database_ahead_seconds"] + AHEAD.total_seconds()) <= inaccuracy.total_seconds()


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_processes_on_sqlite_share_the_clock_of_their_machine(store: Store) -> None:
    assert store.shared_clock(wrong) is wrong


def test_a_lease_by_a_wrong_clock_ends_as_early_as_any(store: Store) -> None:
    """A replica of an earlier version, or a machine whose clock was set back."""
    store.queue.trigger(["shop"], NOON)
    assert store.queue.claim("dead", LEASE, NOON + AHEAD) is not None

    assert store.queue.bound(LEASE, NOON) == 1

    assert store.queue.claim("heir", LEASE, NOON + LEASE - timedelta(seconds=1)) is None
    assert store.queue.claim("heir", LEASE, NOON + LEASE) is not None
    assert store.queue.bound(LEASE, NOON + LEASE) == 0


def test_a_named_lease_by_a_wrong_clock_counts_as_over(store: Store) -> None:
    assert store.leases.acquire("room", "dead", LEASE, NOON + AHEAD) is not None
    assert store.leases.acquire("room", "heir", LEASE, NOON) is not None
    assert store.leases.acquire("room", "third", LEASE, NOON) is None
