"""Clusters report what is free and what it costs; what they say moves the next plan."""

import hashlib
import hmac
import json

from bot.keys import facts_key
from bot.sandbox.demo.site import APP
from tests.fakes.world import REPORT_KEY, World, manifest, small_fleet

SPEC = b"""apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: storefront}
spec:
  tenant: shop
  components: [{name: web, source: {manifests: web}}]
  placement:
    - {components: [web], anyOf: {select: {}, count: 1}, prefer: {cost: 1}, moveThreshold: 5}
"""


async def send(world: World, cluster: str, value: object, key_of: str = "") -> int:
    body = json.dumps(value).encode()
    key = facts_key(REPORT_KEY, key_of or cluster)
    signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    answer = await world.client.post(
        f"/facts/{cluster}", content=body, headers={"x-signature": signature}
    )
    return answer.status_code


def cost(world: World, price: float) -> dict[str, object]:
    return {"at": world.now.isoformat(), "price": {"cpuHour": price}}


async def test_a_reported_price_moves_what_runs_made_before_broken(world: World) -> None:
    world.found(small_fleet(("one", "two")))
    await world.settle()
    assert await send(world, "one", cost(world, 0.01)) == 202
    assert await send(world, "two", cost(world, 0.05)) == 202
    world.ada.push(APP, "main", {"switchyard.yaml": SPEC, "web/x.yaml": manifest("web")}, "Begin")
    await world.settle()
    await world.finish()
    assert [unit.cluster for unit in world.view().units] == ["one"]

    await world.advance(60)
    assert await send(world, "one", cost(world, 0.2)) == 202
    await world.sweep()
    await world.finish()

    assert [unit.cluster for unit in world.view().units] == ["two"]
    assert world.merged() == ["all.1", "all.1", "remove.2"]


async def test_facts_of_strangers_and_nonsense_are_refused(world: World) -> None:
    world.found(small_fleet(("one", "two")))
    await world.settle()

    assert await send(world, "one", cost(world, 0.01), key_of="two") == 401
    assert await send(world, "one", {"at": "yesterday"}) == 422
    assert await send(world, "one", {"at": world.now.isoformat(), "prize": 1}) == 422
    assert await send(world, "one", {"at": world.now.isoformat(), "free": {"cpu": "lots"}}) == 422
    assert world.context.store.views.list("facts/") == []
