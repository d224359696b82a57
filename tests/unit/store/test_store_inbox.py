from datetime import timedelta

import pytest

from bot.store import Store
from bot.store.database import Database
from bot.store.inbox import (
    Inbox,
    InboxEntry,
    InboxFullError,
    IncomingDelivery,
    InvalidDeliveryError,
)
from tests.fakes.stores import NOON


def delivery(number: int, forge: str = "local", body: bytes = b"{}") -> IncomingDelivery:
    return IncomingDelivery(forge, f"delivery-{number}", "push", "shop/web", number, body)


def test_a_delivery_is_kept_byte_for_byte(store: Store) -> None:
    sent = delivery(1, body=bytes(range(256)))

    assert store.inbox.put(sent, NOON)

    assert store.inbox.get("local", "delivery-1") == sent
    assert store.inbox.get("local", "delivery-2") is None


def test_a_repeated_delivery_is_recognised_after_processing(store: Store) -> None:
    store.inbox.put(delivery(1), NOON)
    store.hand_on([entry.id for entry in store.inbox.pending(10)], {}, ())

    assert not store.inbox.put(delivery(1, body=b"other"), NOON)
    assert store.inbox.pending(10) == ()


def test_delivery_ids_are_unique_per_forge(store: Store) -> None:
    assert store.inbox.put(delivery(1, "local"), NOON)
    assert store.inbox.put(delivery(1, "github"), NOON)


def test_deliveries_are_pending_oldest_first_until_processed(store: Store) -> None:
    for number in (1, 2, 3):
        store.inbox.put(delivery(number), NOON)
    first, second = store.inbox.pending(2)
    assert (first.number, second.number) == (1, 2)

    store.hand_on([second.id], {}, ())

    assert [entry.number for entry in store.inbox.pending(10)] == [1, 3]
    assert first == InboxEntry(first.id, "local", "shop/web", 1, "")


def test_a_delivery_about_no_merge_request_has_no_number(store: Store) -> None:
    store.inbox.put(IncomingDelivery("local", "a", "push", "shop/web", None, b""), NOON)

    assert store.inbox.pending(1)[0].number is None


def test_pruning_deletes_only_old_processed_deliveries(store: Store) -> None:
    for number in (1, 2):
        store.inbox.put(delivery(number), NOON)
    store.inbox.put(delivery(3), NOON + timedelta(days=2))
    one, _, three = store.inbox.pending(10)
    store.hand_on([one.id, three.id], {}, ())

    assert store.inbox.prune(NOON + timedelta(days=1)) == 1

    assert store.inbox.get("local", "delivery-1") is None
    assert store.inbox.get("local", "delivery-2") is not None
    assert store.inbox.get("local", "delivery-3") is not None


def test_a_full_inbox_rejects_deliveries_until_it_is_drained(store: Store, store_url: str) -> None:
    database = Database(store_url)
    small = Inbox(database, max_pending=2)
    small.put(delivery(1), NOON)
    small.put(delivery(2), NOON)
    with pytest.raises(InboxFullError, match=r"2 pending deliveries.* Retry in a few minutes"):
        small.put(delivery(3), NOON)

    store.hand_on([entry.id for entry in store.inbox.pending(1)], {}, ())

    assert small.put(delivery(3), NOON)
    database.close()


def test_deliveries_that_come_together_are_stored_together(store: Store) -> None:
    store.inbox.put(delivery(1), NOON)

    assert store.inbox.put_all([delivery(n) for n in (1, 2, 3, 2)], NOON) == [
        False,
        True,
        True,
        False,
    ]
    assert [entry.number for entry in store.inbox.pending(10)] == [1, 2, 3]


def test_the_oldest_processed_bodies_go_first(store: Store, store_url: str) -> None:
    database = Database(store_url)
    small = Inbox(database, max_bytes=20)
    for number in (1, 2, 3, 4):
        small.put(delivery(number, body=bytes(10)), NOON)
        store.hand_on([entry.id for entry in small.pending(10)], {}, ())
    small.put(delivery(5, body=bytes(10)), NOON)

    bodies = [store.inbox.get("local", f"delivery-{number}") for number in (1, 2, 3, 4, 5)]

    assert [len(each.body) for each in bodies if each] == [0, 0, 10, 10, 10]
    assert not small.put(delivery(1), NOON)
    database.close()


def test_pending_bodies_fill_the_inbox_until_it_is_drained(store: Store, store_url: str) -> None:
    database = Database(store_url)
    small = Inbox(database, max_bytes=20)
    for number in (1, 2, 3):
        small.put(delivery(number, body=bytes(10)), NOON)
    for _ in range(2):
        with pytest.raises(InboxFullError, match=r"20 bytes of pending"):
            small.put(delivery(4), NOON)

    store.hand_on([entry.id for entry in small.pending(1)], {}, ())

    assert small.put(delivery(4), NOON)
    database.close()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"delivery_id": "x" * 201}, "delivery_id has more than 200 characters"),
        ({"repository": "x" * 501}, "repository has more than 500 characters"),
        ({"body": bytes(25 * 1024 * 1024 + 1)}, "body has more than 26214400 bytes"),
    ],
)
def test_oversized_deliveries_are_rejected(sent: dict[str, str | bytes], message: str) -> None:
    usual = {
        "forge": "local",
        "delivery_id": "1",
        "event": "push",
        "repository": "shop/web",
        "number": 1,
        "body": b"",
    }
    with pytest.raises(InvalidDeliveryError, match=message):
        IncomingDelivery(**{**usual, **sent})  # type: ignore[arg-type]
