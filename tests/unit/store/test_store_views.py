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
