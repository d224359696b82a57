"""Webhooks that come twice, late, in another order or from strangers: hints, and no more."""

import random

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from bot.web.server import MAX_HOOK_BYTES
from tests.fakes.faults import Faults
from tests.fakes.post import Requests
from tests.fakes.world import World, small_app
from tests.stories.laws import WAVES, begin, check, converge

on_each = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
on_github = pytest.mark.parametrize("world", ["github"], indirect=True)
IDENTITY = ("x-github-delivery", "idempotency-key", "webhook-id")
SIGNATURE = {"github": "x-hub-signature-256", "gitlab": "webhook-signature"}


def shuffled(held: Requests) -> Requests:
    return random.Random(7).sample(held, len(held))


@on_each
async def test_every_delivery_comes_twice(world: World) -> None:
    world.post.copies = 2

    await begin(world)
    await converge(world)

    told = [answer.json()["stored"] for answer in world.post.answers]
    assert told[::2].count(True) > 10
    assert not any(told[1::2]), "the second of each is known already"
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


@pytest.mark.parametrize(
    ("world", "order"), [("github", reversed), ("gitlab", shuffled)], indirect=["world"]
)
async def test_all_events_arrive_in_another_order(world: World, order: object) -> None:
    world.post.holding = True
    await begin(world)
    number = await proposed(world)
    assert world.merged() == []
    for _ in range(60):
        while await world.post.release(order):  # type: ignore[arg-type] # one of the two above
            await world.settle()
        check(world)
        if len(world.merged()) == len(WAVES) and world.view().done:
            break
        await world.advance(3)

    assert world.merged() == list(WAVES)
    await world.advance(60)  # texts wait first where a forge's limits are near
    assert "rolled out: 3 clusters ready" in world.home(number)
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def proposed(world: World) -> int:
    """Ada opens a merge request, changes it, and merges it; its number."""
    world.ada.push(APP, "update", small_app(cart="2.0.0"), "Update the cart")
    number = world.ada.open(APP, "update", "Update the cart")
    world.ada.push(APP, "update", small_app(cart="2.1.0"), "Another one")
    world.ada.merge(APP, number)
    await world.settle()
    return number


async def test_an_older_event_after_a_newer_one_takes_nothing_back(world: World) -> None:
    await begin(world)
    await converge(world)
    world.post.holding = True
    world.ada.push(APP, "main", small_app(cart="2.0.0"), "Update the cart")
    await world.flush_hooks()
    world.post.holding = False
    world.ada.push(APP, "main", small_app(cart="3.0.0"), "And again")
    await world.settle()
    waves = (*WAVES, "canary.2", "rest.2")
    await converge(world, waves)

    assert await world.post.release() == 1
    await world.settle()
    check(world, waves)
    assert world.merged() == list(waves)
    assert ":3.0.0" in world.deployed("three", "cart")


async def test_an_event_comes_half_a_minute_late(world: World) -> None:
    world.post.holding = True
    await begin(world)
    await world.advance(30)
    assert world.merged() == []

    world.post.holding = False
    await world.post.release()
    await world.settle()
    assert world.merged() == ["canary.1"]
    await converge(world)


def forged(world: World, identity: str) -> tuple[str, dict[str, str]]:
    """Where a delivery that the bot took went, and its headers with another identity."""
    real = world.post.sent[-1]
    headers = {name: value for name, value in real.headers.items() if name != "content-length"}
    return str(real.url), {**headers, **dict.fromkeys(IDENTITY, identity)}


@on_each
async def test_a_stranger_is_refused_and_leaves_no_trace(world: World, faults: Faults) -> None:
    await begin(world)
    forge = "github" if hasattr(world, "github") else "gitlab"
    real, before = world.post.sent[-1].content, len(faults.asked)
    signature = SIGNATURE[forge]
    foreign_branches = [
        (real, {signature: world.post.sent[-1].headers[signature][:-8] + "AAAAAAA="}),
        (real, {signature: ""}),
        (real.replace(b"fleet", b"fleat"), {}),
        (real + b" ", {}),
        (real, {"x-gitlab-token": "guessed", "x-hub-signature": "sha1=guessed", signature: "v1"}),
    ]
    for number, (content, changed) in enumerate(foreign_branches):
        url, headers = forged(world, f"stranger-{number}")
        answer = await world.client.post(url, content=content, headers={**headers, **changed})
        assert answer.status_code == 401, number
        assert world.context.store.inbox.get(forge, f"stranger-{number}") is None

    assert world.context.store.inbox.pending(10) == ()
    await world.settle()
    assert len(faults.asked) == before, "nobody asks the forge anything"


@on_github
async def test_a_body_that_is_too_large_is_refused_and_not_kept(world: World) -> None:
    await begin(world)
    url, headers = forged(world, "too-large")

    answer = await world.client.post(url, content=b" " * (MAX_HOOK_BYTES + 1), headers=headers)

    assert answer.status_code == 413
    assert [world.context.store.inbox.get(each, "too-large") for each in SIGNATURE] == [None, None]
    assert world.context.store.inbox.pending(10) == ()
