"""Waiting for a trigger. A wait that hears nothing lasts for its timeout, here far too long."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread

import pytest

from bot.store import Store
from bot.store.notifier import PostgresNotifier, _driver
from tests.fakes.stores import NOON, fresh_url

TOO_LONG = 3600


def waiting(store: Store) -> Thread:
    thread = Thread(target=store.queue.wait, args=[TOO_LONG], daemon=True)
    thread.start()
    return thread


def woken(thread: Thread) -> bool:
    """True; the time-out of tests ends a wait that nobody wakes."""
    thread.join()
    return True


def test_a_trigger_wakes_waiting_workers(store: Store) -> None:
    store.queue.wait(0)
    thread = waiting(store)

    store.queue.trigger(["shop"], NOON)

    assert woken(thread)


def test_a_trigger_since_the_last_wait_is_not_missed(store: Store) -> None:
    store.queue.wait(0)
    store.queue.trigger(["shop"], NOON)
    store.queue.trigger(["shop"], NOON)

    assert woken(waiting(store))


def test_a_wait_ends_with_its_timeout(store: Store) -> None:
    store.queue.wait(0.01)


def test_a_release_wakes_waiting_workers(store: Store) -> None:
    store.queue.wait(0)
    store.queue.release("shop")

    assert woken(waiting(store))


def test_a_claim_that_is_given_back_wakes_waiting_workers(store: Store) -> None:
    store.queue.trigger(["shop"], NOON)
    claim = store.queue.claim("ann", timedelta(minutes=1), NOON)
    assert claim is not None
    store.queue.wait(0)
    store.queue.wait(0)
    thread = waiting(store)

    assert store.queue.postpone(claim, NOON)

    assert woken(thread)


def test_close_wakes_waiting_workers(store_url: str) -> None:
    store = Store.open(store_url)
    store.queue.wait(0)
    thread = waiting(store)

    store.close()

    assert woken(thread)


@pytest.fixture
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Two stores on one PostgreSQL database."""
    with fresh_url("postgresql", tmp_path_factory.getbasetemp()) as url:
        here, there = Store.open(url), Store.open(url)
        yield here, there
        here.close()
        there.close()


def test_postgresql_wakes_other_replicas(replicas: tuple[Store, Store]) -> None:
    here, there = replicas
    here.queue.wait(0)
    thread = waiting(here)

    there.queue.trigger(["shop"], NOON)

    assert woken(thread)


def test_a_broken_connection_ends_the_wait_and_the_next_wait_reconnects(
    replicas: tuple[Store, Store],
) -> None:
    here, there = replicas
    here.queue.wait(0)
    notifier = here.queue._notifier
    assert isinstance(notifier, PostgresNotifier)
    assert notifier._connection is not None
    backend = _driver(notifier._connection).info.backend_pid
    thread = waiting(here)

    with there._database.write() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({backend})")

    assert woken(thread)
    here.queue.wait(0)
    there.queue.trigger(["shop"], NOON)
    assert woken(waiting(here))
