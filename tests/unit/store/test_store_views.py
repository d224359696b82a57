from bot.store import Store


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


def test_a_view_is_swapped_only_where_it_is_what_was_read(store: Store) -> None:
    assert store.views.swap("record/shop", None, {"count": 1, "payload": {"a": "b"}})
    assert not store.views.swap("record/shop", None, {"count": 1})
    assert not store.views.swap("record/shop", {"count": 0}, {"count": 2})
    assert not store.views.swap("record/other", {"count": 0}, {"count": 2})
    assert store.views.swap("record/shop", {"payload": {"a": "b"}, "count": 1}, {"count": 2})

    assert store.views.get("record/shop") == {"count": 2}
    assert store.views.get("record/other") is None


def test_views_that_are_dropped_are_gone(store: Store) -> None:
    for key in ("a", "b", "c"):
        store.views.put(key, {})
    store.views.drop(["a", "c", "d"])
    store.views.drop([])

    assert [key for key, _ in store.views.list("")] == ["b"]
