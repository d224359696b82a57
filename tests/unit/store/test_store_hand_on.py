"""Deliveries become hints and due keys with one commit."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.store import Store
from bot.store.inbox import IncomingDelivery
from bot.store.queue import Trigger
from tests.fakes.stores import NOON

LATER = NOON + timedelta(minutes=1)
HINT = {"hints/local:shop/web": {"id": "1"}}


@pytest.fixture
def delivery(store: Store) -> int:
    store.inbox.put(IncomingDelivery("local", "1", "push", "shop/web", None, b"{}"), NOON)
    (pending,) = store.inbox.pending(10)
    return pending.id


def due(store: Store) -> dict[str, object]:
    return {each.key: each.due for each in store.queue.waiting(10)}


def test_hints_and_keys_are_there_once_deliveries_are_processed(
    store: Store, delivery: int
) -> None:
    store.hand_on([delivery], HINT, [Trigger({"a", "b"}, LATER), Trigger({"b", "c"}, NOON)])

    assert due(store) == {"a": LATER, "b": NOON, "c": NOON}
    assert store.views.get("hints/local:shop/web") == {"id": "1"}
    assert store.inbox.pending(10) == ()


def test_a_failure_keeps_nothing_and_leaves_deliveries_pending(store: Store, delivery: int) -> None:
    def broken() -> Iterator[Trigger]:
        yield Trigger({"a"}, NOON)
        raise ValueError("no second trigger")

    with pytest.raises(ValueError, match="no second trigger"):
        store.hand_on([delivery], HINT, broken())

    assert due(store) == {}
    assert store.views.get("hints/local:shop/web") is None
    assert [each.id for each in store.inbox.pending(10)] == [delivery]


def test_only_keys_that_are_to_be_released_leave_quarantine(store: Store, delivery: int) -> None:
    lease, now = timedelta(seconds=10), NOON
    store.queue.trigger(["echo", "other"], NOON)
    while store.queue.claim("worker", lease, now) is not None:
        now += lease
    assert all(each.quarantined for each in store.queue.waiting(10))

    store.hand_on([delivery], {}, [Trigger({"echo"}, LATER, release=True), Trigger({"other"}, now)])

    states = {each.key: bool(each.quarantined) for each in store.queue.waiting(10)}
    assert states == {"echo": False, "other": True}
