"""One rollout over clusters with Flux, with Argo CD, and with Argo CD on a hub."""

from datetime import timedelta

from bot.keys import agent_key
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.site import APP
from tests.fakes.world import REPORT_KEY, World, small_app, small_fleet

ARGO = "{agent: argocd, argocd: {repoUrl: 'https://git.example.com/{repo}.git'%s}}"
HUB = b"""\
apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: hub}
spec: {agent: flux}
"""
SLOW = ArgoCDBehaviour(timedelta(seconds=40), cache_lag=timedelta(seconds=30))
WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]


def mixed_fleet() -> dict[str, bytes | None]:
    """The canary has Flux, `two` its own Argo CD, `three` that of `hub`."""
    fleet = small_fleet()
    for name, hub in (("two", ""), ("three", ", hub: hub")):
        path = f"clusters/{name}.yaml"
        text = fleet[path]
        assert text is not None
        fleet[path] = text.replace(b"{agent: flux}", (ARGO % hub).encode())
    return {**fleet, "clusters/hub.yaml": HUB}


def start(world: World) -> None:
    world.found(mixed_fleet())
    for name, speaker in (("two", "two"), ("three", "hub")):
        key = agent_key(REPORT_KEY, "argocd", speaker)
        world.clusters[name] = SimulatedArgoCD(name, key, SLOW, speaker)


def argo_cd(world: World, name: str) -> SimulatedArgoCD:
    found = world.clusters[name]
    assert isinstance(found, SimulatedArgoCD)
    return found


def runs(world: World, name: str, component: str) -> bool:
    """Whether the component that is merged for a cluster is applied there, and rolled out."""
    (each,) = (
        one for one in argo_cd(world, name).applications.values() if one.component == component
    )
    in_progress = (each.sync_ends, each.seen_at, each.rolled_out_at)
    healthy = each.status["health"].get("status") == "Healthy"
    return healthy and each.applied == each.wanted and not any(in_progress)


async def pass_time(world: World, until: int) -> None:
    """Until so many waves are merged; each wave only once what it waits for runs."""
    for _ in range(200):
        before = len(world.merged())
        if before >= until:
            return
        await world.advance(15)
        after = world.merged()[before:]
        for component in {"rest.2": ["redis"], "rest.3": ["redis", "cart"]}.get("".join(after), []):
            assert all(runs(world, name, component) for name in ("two", "three")), component
    raise AssertionError([(w.name, w.gates) for w in world.view().waves])


async def test_the_health_of_before_never_lets_a_wave_go(world: World) -> None:
    """After a sync Argo CD shows the old Healthy; `pass_time` looks at what really runs.

    The rollout before goes through all agents in order.
    """
    start(world)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await pass_time(world, 6)
    for _ in range(4):
        await world.advance(70)
    assert world.view().done
    images = dict.fromkeys(("redis", "cart", "web"), "2.0.0")

    world.ada.push(APP, "main", small_app(**images), "Renew everything")
    await world.settle()
    await pass_time(world, 12)

    assert world.merged() == WAVES * 2


async def heard(world: World, cluster: str) -> bool:
    """Whether what the hub says about a cluster counts."""
    status = {
        "sync": {"status": "OutOfSync", "revision": "a" * 40},
        "conditions": [{"type": "SyncError", "message": "said by the hub"}],
        "reconciledAt": world.now.isoformat(),
    }
    item = {"metadata": {"name": f"{cluster}.storefront.redis"}, "status": status}
    headers = {"Authorization": f"Bearer {argo_cd(world, 'three').key.decode()}"}
    answer = await world.client.post("/reports/argocd/hub", json=item, headers=headers)
    assert answer.status_code == 202
    return "reason" not in answer.json()


async def test_a_component_that_fails_on_a_hubs_cluster_holds_what_needs_it(world: World) -> None:
    start(world)
    argo_cd(world, "three").behaviour = ArgoCDBehaviour(failing=frozenset({"redis"}))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await pass_time(world, 4)
    for _ in range(5):
        await world.advance(60)

    assert world.merged() == WAVES[:4]
    assert any("redis" in reason and "three" in reason for reason in world.reasons("rest.2"))
    assert [await heard(world, name) for name in ("one", "two", "three")] == [False, False, True]


async def test_a_git_server_that_is_back_is_told_at_once(world: World) -> None:
    """The state after the error is that of before it, which Argo CD has sent once already."""
    start(world)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await pass_time(world, 6)
    for _ in range(20):
        await world.advance(60)
        if world.now.minute % 10 == 2 and state_on(world, "two") == {"READY"}:
            break

    world.behave("two", fetch_error="authentication required")
    await world.advance(4 * 60)
    assert state_on(world, "two") == {"STALLED"}
    world.behave("two", fetch_error="")
    await world.advance(3 * 60)
    assert world.now.minute % 10 == 9, "no sign of life is due"
    assert state_on(world, "two") == {"READY"}


def state_on(world: World, cluster: str) -> set[str]:
    return {each.readiness for each in world.view().units if each.cluster == cluster}
