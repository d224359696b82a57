from datetime import timedelta

from bot.store import Store
from tests.fakes.stores import NOON

LENGTH = timedelta(minutes=2)


def test_a_lease_has_one_holder_until_it_is_released(store: Store) -> None:
    first = store.leases.acquire("room", "a", LENGTH, NOON)
    assert first is not None
    assert store.leases.acquire("room", "b", LENGTH, NOON + timedelta(seconds=119)) is None
    assert store.leases.acquire("other", "b", LENGTH, NOON) is not None

    store.leases.release("room", first)
    assert store.leases.acquire("room", "b", LENGTH, NOON) is not None


def test_a_lease_whose_holder_died_ends_and_the_late_holder_releases_nothing(store: Store) -> None:
    dead = store.leases.acquire("room", "a", LENGTH, NOON)
    assert dead is not None
    later = NOON + LENGTH
    assert store.leases.acquire("room", "b", LENGTH, later) is not None

    store.leases.release("room", dead)
    assert store.leases.acquire("room", "a", LENGTH, later) is None


def test_a_holder_that_comes_back_takes_its_own_lease_over(store: Store) -> None:
    dead = store.leases.acquire("room", "a", LENGTH, NOON)
    assert dead is not None
    again = store.leases.acquire("room", "a", LENGTH, NOON)
    assert again is not None

    store.leases.release("room", dead)
    assert store.leases.acquire("room", "b", LENGTH, NOON) is None
    store.leases.release("room", again)
    assert store.leases.acquire("room", "b", LENGTH, NOON) is not None


def test_only_the_holder_gives_up_what_a_dead_process_left(store: Store) -> None:
    store.leases.give_up("room", "a")
    assert store.leases.acquire("room", "a", LENGTH, NOON) is not None

    store.leases.give_up("room", "b")
    assert store.leases.acquire("room", "b", LENGTH, NOON) is None
    store.leases.give_up("room", "a")
    assert store.leases.acquire("room", "b", LENGTH, NOON) is not None
