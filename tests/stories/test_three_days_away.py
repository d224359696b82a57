"""Edges come back after three days, in any order, by push, on branches and in a bucket."""

from collections.abc import AsyncIterator

import pytest

from bot.buckets import Bucket
from bot.sandbox.demo.site import APP, BOT, DEPLOY
from tests.fakes.examples import TIMES
from tests.fakes.s3_server import FakeS3, bucket_settings
from tests.fakes.world import World, small_app
from tests.stories.test_offline import LONELY
from tests.stories.test_status_bucket import Place
from tests.stories.test_status_documents import STATUS, document, installed, leave, push, signature
from tests.stories.test_status_documents import read as read_branches

UPDATED = {**small_app(redis="2.0.0"), "switchyard.yaml": LONELY}


class Carriers:
    """Three ways to the bot; each edge has one, and a document may take others too."""

    def __init__(self, place: Place) -> None:
        self.place, self.world = place, place.world
        self.answers: list[str] = []

    async def send(self, way: int, cluster: str, body: bytes, signed_by: str = "") -> None:
        """Let a document go one of the ways; what is pushed is answered at once."""
        match way % 3:
            case 0:
                status, text = await push(self.world, cluster, body, signed_by)
                if status != 202:
                    self.answers.append(f"{cluster}: {text}")
            case 1:
                leave(self.world, cluster, body, signature(body, signed_by or cluster))
            case _:
                self.place.put(cluster, body, signed_by)

    async def refused(self) -> list[str]:
        """Let the bot read the other ways; all that it refused since the last time."""
        answers, self.answers = self.answers, []
        return [*answers, *await read_branches(self.world), *(await self.place.read())[1]]


@pytest.fixture
async def carriers(world: World) -> AsyncIterator[Carriers]:
    server = FakeS3()
    async with server.listen() as url:
        bucket = Bucket(bucket_settings(url), lambda: world.now)
        yield Carriers(Place(world, server, bucket))
        await bucket.close()


async def test_one_edge_in_five_is_away_for_three_days(carriers: Carriers) -> None:
    """With stale, doubled and forged documents among those that count.

    Eight of forty edges, or forty of two hundred with EXAMPLES=5.
    """
    world, send = carriers.world, carriers.send
    clusters = tuple(f"edge-{number:03}" for number in range(40 * min(TIMES, 5)))
    gone = clusters[len(clusters) * 3 // 4 :][: len(clusters) // 5]
    await installed(world, clusters, LONELY)
    world.forge.create_repository(STATUS, {"otto": "write", BOT: "read"})
    world.otto.push(STATUS, "main", {"README.md": b"Status documents.\n"}, "Begin")
    for name in gone:
        world.behave(name, silent=True)
    stale = {name: document(world, name, 1, components=["redis"]) for name in gone}
    await world.advance(3 * 24 * 3600)
    world.ada.push(APP, "main", UPDATED, "Update redis")
    for _ in range(4):
        await world.advance(10)
    assert world.merged()[-1] == "rest.1"
    assert [len(each.pending) for each in world.view().waves if each.pending] == [len(gone)]

    for way, name in enumerate(gone):
        await send(way, name, stale[name])
    assert await carriers.refused() == []
    assert not world.view().done, "what they said before they left is stale"
    for way, name in enumerate(gone[:3]):
        await send(way, name, document(world, name, 5), signed_by=gone[3])
        await send(way + 1, name, document(world, gone[3], 5))
    world.otto.push(STATUS, "status/stranger", {"status.json": b"{}"}, "Status")
    assert sorted(await carriers.refused()) == sorted(
        [
            *(f"{name}: invalid signature" for name in gone[1:3]),
            f'{gone[0]}: {{"detail":"Invalid signature."}}',
            *(f"{name}: it is of cluster {gone[3]}, not of {name}" for name in gone[:2]),
            f'{gone[2]}: {{"detail":"it is of cluster {gone[3]}, not of {gone[2]}"}}',
            "stranger: the branch has no status.json.sig",
        ]
    )
    assert not world.view().done

    newest = {name: document(world, name, 9, components=["redis"]) for name in gone}
    backwards = gone[::-1]
    for way, name in enumerate((*backwards[::2], *backwards[1::2], *backwards[:5])):
        await send(way, name, newest[name])
        if name.endswith("3"):
            assert all("not newer than 9" in each for each in await carriers.refused())
    assert all("number 9 is not newer than 9" in each for each in await carriers.refused())
    for way, name in enumerate(gone):
        await send(way + 1, name, stale[name])
    assert len(await carriers.refused()) == len(gone)
    await world.advance(60)

    assert world.view().done
    assert len(world.rita.requests(DEPLOY, "open")) == 0
