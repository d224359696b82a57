"""Clusters with Config Sync: what is written for them, and what their statuses let through."""

from dataclasses import replace
from datetime import timedelta

from bot.keys import agent_key
from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from bot.sandbox.demo.site import APP
from tests.fakes.world import REPORT_KEY, World, small_app, small_fleet

NAMES = ("one", "two")
SETTINGS = b"{agent: anthos, anthos: {repoUrl: 'https://git.example.com/{repo}.git'}}"
WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
SLOW = ConfigSyncBehaviour(apply_time=timedelta(seconds=40))


def config_sync_fleet() -> dict[str, bytes | None]:
    return {
        path: text and text.replace(b"{agent: flux}", SETTINGS)
        for path, text in small_fleet(NAMES).items()
    }


def start(world: World, behaviour: ConfigSyncBehaviour = SLOW) -> None:
    world.found(config_sync_fleet())
    for name in NAMES:
        key = agent_key(REPORT_KEY, "anthos", name)
        world.clusters[name] = SimulatedConfigSync(name, key, behaviour)


def config_sync(world: World, name: str) -> SimulatedConfigSync:
    found = world.clusters[name]
    assert isinstance(found, SimulatedConfigSync)
    return found


async def pass_time(world: World, until: int) -> None:
    """Until so many waves are merged; each wave only once what it waits for runs."""
    for _ in range(120):
        before = len(world.merged())
        if before >= until:
            return
        head = world.pull()
        await world.advance(30)
        for wave in world.merged()[before:]:
            stage, number = wave.split(".")
            needed = {"2": "redis", "3": "cart"}.get(number)
            where = NAMES[:1] if stage == "canary" else NAMES
            assert head
            if needed:
                assert all(
                    config_sync(world, each).is_running(needed, world.now, head) for each in where
                )
    raise AssertionError([(w.name, w.gates, w.pending) for w in world.view().waves])


async def test_a_wave_waits_until_objects_are_current_at_the_synced_commit(world: World) -> None:
    """Config Sync says Synced long before, and shows Current of the commit before."""
    start(world)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await pass_time(world, 6)
    for _ in range(6):
        await world.advance(60)
    assert world.view().done

    broken = frozenset({"redis"})
    world.clusters["two"].behaviour = replace(SLOW, failing=broken)  # type: ignore[assignment]
    images = dict.fromkeys(("redis", "cart", "web"), "2.0.0")
    world.ada.push(APP, "main", small_app(**images), "Renew everything")
    await world.settle()
    await pass_time(world, 10)
    for _ in range(4):
        await world.advance(60)

    assert world.merged() == [*WAVES, *WAVES[:4]]
    assert world.reasons("rest.2") == [
        "cart waits for redis to be Ready on two (redis failed: Deployment redis: Failed)"
    ]
