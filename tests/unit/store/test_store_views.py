from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from bot.store import Store
from bot.store.views import Entry, ViewKind
from tests.fakes.stores import NOON


@dataclass(frozen=True)
class Pod:
    """A value of the tests."""

    name: str
    at: datetime
    ports: tuple[int, ...] = ()


PODS = ViewKind("pod/", Pod)


def test_a_view_is_loaded_as_it_was_saved(store: Store) -> None:
    web, cart = Pod("web", NOON, (80, 443)), Pod('cart "\N{SNOWMAN}\0', NOON)
    store.views.save(PODS, "web", Pod("older", NOON))
    store.views.save(PODS, "web", web)
    store.views.save(PODS, "cart", cart)

    assert store.views.load(PODS, "web") == web
    assert store.views.load(PODS, "other") is None
    assert store.views.load_all(PODS) == {"cart": cart, "web": web}
    assert store.views.get("pod/web") == {
        "name": "web", "at": "2026-11-20T12:00:00Z", "ports": [80, 443]
    }  # fmt: skip


def test_a_view_of_another_shape_counts_as_absent(store: Store) -> None:
    store.views.put("pod/older", {"name": "older", "since": 3})
    store.views.put("pod/other", {"name": "other", "at": NOON.isoformat(), "ports": ["http"]})
    store.views.save(PODS, "web", Pod("web", NOON))

    assert store.views.load(PODS, "older") is None
    assert store.views.load_all(PODS) == {"web": Pod("web", NOON)}


def test_a_view_with_a_lone_surrogate_can_be_saved(store: Store) -> None:
    store.views.save(PODS, "web", Pod("we\ud800b", NOON))

    assert store.views.load(PODS, "web") == Pod("we?b", NOON)


def test_views_that_are_saved_together_are_there_together_or_not_at_all(store: Store) -> None:
    shared = ViewKind("shared/", Pod, shared=True)
    store.views.save_together(
        [PODS.entry("web", Pod("one", NOON)), shared.entry("", Pod("a", NOON))]
    )
    assert store.views.load(PODS, "web") == Pod("one", NOON)
    assert store.views.load_shared(shared, "") == Pod("a", NOON)

    def broken() -> Iterator[Entry]:
        yield PODS.entry("web", Pod("two", NOON))
        raise ValueError("no second view")

    with pytest.raises(ValueError, match="no second view"):
        store.views.save_together(broken())
    assert store.views.load(PODS, "web") == Pod("one", NOON)


def test_views_of_one_name_are_loaded_together(store: Store) -> None:
    others = ViewKind("other/", Pod)
    store.views.save_together(
        [PODS.entry("web", Pod("one", NOON)), others.entry("db", Pod("a", NOON))]
    )
    store.views.put("other/web", {"name": "other"})

    loaded = store.views.load_together((PODS, others), "web")

    assert loaded.of(PODS) == Pod("one", NOON)
    assert loaded.of(others) is None
    assert store.views.load_together((others,), "db").of(others) == Pod("a", NOON)


def test_a_view_is_replaced_as_a_whole(store: Store) -> None:
    store.views.put("rollout/shop", {"done": False, "waves": [{"name": "canary.1"}]})
    store.views.put("rollout/shop", {"done": True})

    assert store.views.get("rollout/shop") == {"done": True}
    assert store.views.get("rollout/other") is None


def test_views_are_listed_by_prefix_in_order_of_their_keys(store: Store) -> None:
    for key in ("rollout/web", "rollout/cart", "rollout_x", "fleet"):
        store.views.put(key, {"key": key})

    assert store.views.list("rollout/") == [
        ("rollout/cart", {"key": "rollout/cart"}),
        ("rollout/web", {"key": "rollout/web"}),
    ]
    assert store.views.list("rollout%") == []


def test_a_view_is_swapped_only_if_unchanged(store: Store) -> None:
    assert store.views.swap("record/shop", None, {"count": 1, "payload": {"a": "b"}})
    assert not store.views.swap("record/shop", None, {"count": 1})
    assert not store.views.swap("record/shop", {"count": 0}, {"count": 2})
    assert not store.views.swap("record/other", {"count": 0}, {"count": 2})
    assert store.views.swap("record/shop", {"payload": {"a": "b"}, "count": 1}, {"count": 2})

    assert store.views.get("record/shop") == {"count": 2}
    assert store.views.get("record/other") is None


def test_dropped_views_are_deleted(store: Store) -> None:
    for key in ("a", "b", "c"):
        store.views.put(key, {})
    store.views.drop(["a", "c", "d"])
    store.views.drop([])

    assert [key for key, _ in store.views.list("")] == ["b"]
