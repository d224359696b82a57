"""Status documents in a bucket: what counts, what is skipped, and faults of the bucket."""

from collections.abc import AsyncIterator
from html import unescape

import pytest
from structlog.testing import capture_logs

from bot.app import Service, build
from bot.buckets import Bucket
from bot.documents.cluster_status import read_cluster_status
from bot.report.model import STATUSES
from bot.sandbox.demo.site import BOT
from bot.web.cluster_status import _advance
from bot.worker import status_bucket
from bot.worker.status_bucket import StatusBucket
from tests.fakes.s3_server import FakeS3, bucket_settings, error
from tests.fakes.world import REPORT_KEY, World, small_fleet
from tests.stories.test_status_documents import (
    STATUS,
    document,
    leave,
    push,
    read,
    signature,
)

THREE = "status/three.json"


class Place:
    """A bucket, and the bot's reader of it."""

    def __init__(self, world: World, server: FakeS3, bucket: Bucket) -> None:
        self.world, self.server, self.bucket = world, server, bucket
        self.restart()

    def restart(self) -> None:
        """The bot starts anew, and remembers nothing of what it read."""
        self.reader = StatusBucket(self.world.context, self.bucket, (REPORT_KEY,))

    def put(self, cluster: str, body: bytes, signed_by: str = "") -> None:
        key, signed = f"status/{cluster}.json", signature(body, signed_by or cluster)
        self.server.put(key, body, signature=signed)

    async def read(self) -> tuple[list[str], list[str]]:
        """Let the bot read: what it asks for, and what it refuses."""
        self.server.requests.clear()
        with capture_logs() as logs:
            await self.reader.read()
        await self.world.settle()
        asked = [each.removeprefix("GET ") for each in self.server.requests]
        return asked, [f"{each['cluster']}: {each['reason']}" for each in logs if "reason" in each]

    def counted(self, cluster: str = "three") -> int:
        """The number of the cluster's last document that counted; 0 without one."""
        last = self.world.context.store.views.load(STATUSES, cluster)
        return last.sequence if last else 0

    async def warnings(self) -> str:
        """What the first page shows."""
        return unescape((await self.world.client.get("/")).text)


@pytest.fixture
async def place(world: World) -> AsyncIterator[Place]:
    """A fleet of three clusters, and a bucket."""
    world.found(small_fleet())
    await world.sweep()
    server = FakeS3()
    async with server.listen() as url:
        bucket = Bucket(bucket_settings(url), lambda: world.now)
        yield Place(world, server, bucket)
        await bucket.close()


async def test_a_document_counts_and_is_read_once(place: Place) -> None:
    assert place.counted() == 0
    place.put("three", document(place.world, "three", 7))

    assert await place.read() == (["", f"/{THREE}"], [])
    assert place.counted() == 7
    assert await place.read() == ([""], [])
    place.restart()
    assert await place.read() == (["", f"/{THREE}"], [])


async def test_what_does_not_count_is_refused_or_skipped(place: Place) -> None:
    whole = document(place.world, "three", 7)
    for key in ("status/", "status/three", "status/a/three.json", "status/nine.json", "three.json"):
        place.server.put(key, whole, signature=signature(whole, "three"))
    place.put("one", whole)
    place.put("two", document(place.world, "two", 7), signed_by="one")
    place.server.put(THREE, whole)

    asked, refused = await place.read()
    assert asked == ["", "/status/one.json", f"/{THREE}", "/status/two.json"]
    assert refused == [
        "one: it is of cluster three, not of one",
        "three: invalid signature",
        "two: invalid signature",
    ]
    place.server.put(THREE, b" " * (256 * 1024 + 1), signature="")
    assert await place.read() == ([""], [f"three: {THREE} has more than 262144 bytes"])
    assert place.counted() == 0
    assert "cannot be read" not in await place.warnings()

    place.server.put(THREE, whole, signature=signature(whole, "three"))
    assert await place.read() == (["", f"/{THREE}"], [])
    assert place.counted() == 7


async def test_a_bucket_that_cannot_be_read_is_shown_and_tried_again(place: Place) -> None:
    place.put("three", document(place.world, "three", 7))
    place.server.faults += [error(403, "AccessDenied"), error(503, "SlowDown", Retry_After="600")]

    assert await place.read() == ([""], [])
    shown = await place.warnings()
    assert "Status documents in the bucket fleet-status cannot be read: listing fleet" in shown
    assert "403 AccessDenied; let the key list the bucket and read its objects" in shown
    assert await place.read() == ([], []), "too early"
    await place.world.advance(61)
    assert await place.read() == ([""], [])
    await place.world.advance(599)
    assert await place.read() == ([], []), "the server asked for ten minutes"
    await place.world.advance(2)
    assert await place.read() == (["", f"/{THREE}"], [])
    assert "cannot be read" not in await place.warnings()
    assert place.counted() == 7


async def test_pauses_grow_up_to_ten_minutes(place: Place) -> None:
    paused = []
    for _ in range(6):
        place.server.faults.append(error(500, "InternalError"))
        await place.read()
        assert place.reader._next is not None
        paused.append((place.reader._next - place.world.now).total_seconds() / 60)
        place.world.now = place.reader._next

    assert paused == [1, 2, 4, 8, 10, 10]


async def test_an_object_that_cannot_be_read_holds_up_no_other(place: Place) -> None:
    """Whoever writes an object may choose how it is stored, such as in an archive."""
    for name in ("one", "three"):
        place.put(name, document(place.world, name, 7))
    place.server.broken["status/one.json"] = (403, "InvalidObjectState")

    assert await place.read() == (["", "/status/one.json", f"/{THREE}"], [])
    assert place.counted() == 7
    assert "reading status/one.json: 403 InvalidObjectState" in await place.warnings()
    assert await place.read() == (["", "/status/one.json"], [])
    del place.server.items["status/one.json"]
    await place.read()
    assert "cannot be read" not in await place.warnings()


async def test_a_reading_that_breaks_off_goes_on_behind_the_object(place: Place) -> None:
    for name in ("one", "three"):
        place.put(name, document(place.world, name, 7))
    place.server.broken["status/one.json"] = (500, "InternalError")

    await place.read()
    assert "500 InternalError" in await place.warnings()
    await place.world.advance(61)
    assert await place.read() == (["", f"/{THREE}"], [])
    assert place.counted() == 7


async def test_a_flood_of_objects_is_read_in_parts(place: Place) -> None:
    place.server.page = 2
    for number in range(24):
        place.server.put(f"status/junk-{number:02}.json", b"")
    place.put("three", document(place.world, "three", 7))

    assert await place.read() == ([""] * 10, [])
    assert await place.read() == (["", "", "", f"/{THREE}"], [])
    assert place.counted() == 7


async def test_documents_beyond_the_most_of_a_reading_wait(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_bucket, "MOST_DOCUMENTS", 2)
    for name in ("one", "three", "two"):
        place.put(name, document(place.world, name, 7))

    assert await place.read() == (["", "/status/one.json", f"/{THREE}"], [])
    assert await place.read() == (["", "/status/two.json"], [])
    assert await place.read() == ([""], [])


async def test_one_sequence_whichever_way_a_document_takes(place: Place) -> None:
    world = place.world
    world.forge.create_repository(STATUS, {"otto": "write", BOT: "read"})
    world.otto.push(STATUS, "main", {"README.md": b"Status documents.\n"}, "Begin")
    old, whole = document(world, "three", 6), document(world, "three", 7)

    assert (await push(world, "three", whole))[0] == 202
    assert place.counted() == 7
    place.put("three", whole)
    assert await place.read() == (["", f"/{THREE}"], []), "the one that counted, another way"
    leave(world, "three", old, signature(old, "three"))
    assert await read(world) == ["three: number 6 is not newer than 7"]
    place.put("three", document(world, "three", 8))
    assert await place.read() == (["", f"/{THREE}"], [])
    status, text = await push(world, "three", document(world, "three", 8))
    assert (status, "number 8 is not newer than 8" in text) == (422, True)
    leave(
        world, "three", document(world, "three", 9), signature(document(world, "three", 9), "one")
    )
    assert await read(world) == ["three: invalid signature"]


async def test_the_number_never_falls_when_two_ways_bring_documents_at_once(place: Place) -> None:
    """Both are found to be in order before either is recorded."""
    world, views = place.world, place.world.context.store.views
    older, newer = (read_cluster_status(document(world, "three", each)) for each in (7, 8))

    _advance(views, [newer])
    _advance(views, [older])
    assert (await push(world, "three", document(world, "three", 7)))[0] == 422
    assert (await push(world, "three", document(world, "three", 9)))[0] == 202


async def test_settings_make_the_bucket_of_the_service(world: World) -> None:
    bucket = bucket_settings("https://s3.example.com").model_dump()
    settings = world.settings.model_copy(update=bucket)

    app, service = build(settings, world.context.propose, lambda: world.now)
    assert service.bucket is not None
    assert len(service._jobs()) == 3
    async with app.router.lifespan_context(app):
        pass
    assert service.bucket._client.is_closed


async def test_the_service_reads_both_and_shows_what_it_cannot_read(place: Place) -> None:
    """A status repository that does not exist; a bucket that is away, then back."""
    settings = place.world.settings.model_copy(update={"status_repo": f"local:{STATUS}"})
    service = Service(place.world.context, settings, place.bucket)
    woken = service.woken.event()
    jobs = [job for job, _ in service._jobs()][2:]
    place.put("three", document(place.world, "three", 7))
    place.server.faults.append(error(403, "AccessDenied"))

    for job in jobs:
        await job()
    shown = await place.warnings()
    assert f"Status documents in local:{STATUS} cannot be read: " in shown
    assert "Status documents in the bucket fleet-status cannot be read: " in shown
    assert woken.is_set()
    await Service(place.world.context, place.world.settings).check()
    assert "Status documents" not in await place.warnings(), "neither is in the settings any more"

    place.world.forge.create_repository(STATUS, {"otto": "write", BOT: "read"})
    place.world.otto.push(STATUS, "main", {"README.md": b"Status documents.\n"}, "Begin")
    await place.world.advance(61)
    for job in jobs:
        await job()
    assert "cannot be read" not in await place.warnings()
    assert place.counted() == 7
