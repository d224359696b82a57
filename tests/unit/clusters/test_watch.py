"""Following objects across the ends of watches, lost versions and a server that is away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bot.clusters import ClusterApi, ForbiddenError
from bot.clusters.watch import LONGEST_PAUSE, Changed, Event, Follower, Listed, Lost, Removed
from tests.fakes.cluster_api import BOT, FakeCluster
from tests.fakes.cluster_objects import Access

UNIT = "switchyard.dev/unit"


class Watching:
    """A follower of ConfigMaps with a unit's label, and the cluster that it follows."""

    def __init__(self, cluster: FakeCluster, follower: Follower) -> None:
        self.cluster, self.follower = cluster, follower
        self.pauses: list[float] = []
        self._events = follower.events()
        follower.pause = self.pause

    async def pause(self, seconds: float) -> None:
        """Wait no time at all."""
        self.pauses.append(seconds)

    async def next(self) -> Event:
        """The next event."""
        return await anext(self._events)

    async def add(self, name: str, *, unit: str = "shop.cart") -> None:
        """Somebody creates a ConfigMap."""
        metadata = {"name": name, "namespace": "shop", "labels": {UNIT: unit} if unit else {}}
        self.cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        await self.cluster.changed()

    async def close(self) -> None:
        """Stop following."""
        await self._events.aclose()  # type: ignore[attr-defined]


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    cluster = FakeCluster()
    cluster.tenant("shop", "shop")
    async with cluster.serve() as connection:
        api = ClusterApi(connection)
        resource = await api.resource("v1", "ConfigMap")
        made = Watching(cluster, Follower(api, resource, UNIT, asyncio.sleep))
        yield made
        await made.close()


def names(event: Event) -> list[str]:
    """The objects that an event is about."""
    match event:
        case Listed(items):
            return sorted(each["metadata"]["name"] for each in items)
        case Changed(item) | Removed(item):
            return [item["metadata"]["name"]]
        case Lost():
            return []


async def test_a_list_and_then_every_change(watching: Watching) -> None:
    await watching.add("a")
    assert names(await watching.next()) == ["a"]

    await watching.add("other", unit="")
    await watching.add("b")
    event = await watching.next()
    assert isinstance(event, Changed)
    assert names(event) == ["b"]
    assert event.item["kind"] == "ConfigMap"

    watching.cluster.objects._drop(("", "ConfigMap", "shop", "a"))
    await watching.cluster.changed()
    assert isinstance(await watching.next(), Removed)


async def test_after_the_end_of_a_watch_it_goes_on_where_it_was(watching: Watching) -> None:
    await watching.next()
    await watching.add("a")
    await watching.next()
    await watching.cluster.end_watches()
    await watching.add("b")

    assert names(await watching.next()) == ["b"]
    lists = [path for _, path, _ in watching.cluster.requests if path.endswith("/configmaps")]
    assert len(lists) - watching.cluster.watches["configmaps"] == 1


async def test_bookmarks_keep_the_version_young(watching: Watching) -> None:
    """Others' objects move the version on: without bookmarks, the next watch would get 410."""
    await watching.next()
    await watching.add("a")
    await watching.next()
    waiting = asyncio.create_task(watching.next())
    for number in range(5):
        await watching.add(f"other{number}", unit="")
    await until(lambda: int(watching.follower._version) >= watching.cluster.objects.version)
    watching.cluster.objects.compact()
    await watching.cluster.end_watches()
    await watching.add("b")

    assert names(await waiting) == ["b"]


async def until(condition: Any) -> None:
    """Let other tasks run until a condition holds; the test's time-out ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - the follower tells nobody
        await asyncio.sleep(0)


async def test_a_version_that_is_too_old_lists_again(watching: Watching) -> None:
    await watching.add("a")
    await watching.next()
    await watching.add("b")
    watching.cluster.objects.compact()
    event = await watching.next()

    assert isinstance(event, Listed)
    assert names(event) == ["a", "b"]


async def test_a_list_whose_next_page_is_gone_begins_anew(watching: Watching) -> None:
    watching.cluster.page = 1
    await watching.add("a")
    await watching.add("b")
    expired = web.json_response(
        {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}, status=410
    )
    watching.cluster.faults += [expired]

    assert names(await watching.next()) == ["a", "b"]


async def test_a_server_that_is_away_is_tried_less_and_less_often(watching: Watching) -> None:
    watching.cluster.faults += [web.Response(status=503) for _ in range(8)]
    events = [await watching.next() for _ in range(9)]

    assert [type(each) for each in events] == [Lost] * 8 + [Listed]
    assert watching.pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]


async def test_the_server_says_how_long_to_wait(watching: Watching) -> None:
    busy = web.json_response({}, status=429, headers={"Retry-After": "30"})
    watching.cluster.faults.append(busy)
    await watching.next()
    await watching.next()

    assert watching.pauses == [30]


async def test_a_watch_that_breaks_off_goes_on(watching: Watching) -> None:
    await watching.next()
    waiting = asyncio.create_task(watching.next())
    await until(lambda: watching.cluster.watches["configmaps"] == 1)
    await watching.cluster.break_watches()

    assert isinstance(await waiting, Lost)
    await watching.add("a")
    assert names(await watching.next()) == ["a"]


async def test_without_permission_it_ends(watching: Watching) -> None:
    watching.cluster.objects.access[BOT] = Access()

    with pytest.raises(ForbiddenError, match="cannot list"):
        await watching.next()
