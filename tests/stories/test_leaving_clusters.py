"""The last component leaves a cluster: its agent prunes what it applied, as real ones do.

Real agents prune nothing when the folder that they apply has gone from the deploy repo: they say
that it is not there, and everything keeps running (measured with Flux 2.9 and Argo CD 3.2).
"""

import pytest

from bot.keys import agent_key
from bot.sandbox.demo.agents import SimulatedCluster
from bot.sandbox.demo.argocd import SimulatedArgoCD
from bot.sandbox.demo.config_sync import SimulatedConfigSync
from bot.sandbox.demo.site import APP
from tests.fakes.world import REPORT_KEY, SWITCHYARD, World, small_app, small_fleet

NAMES = ("one", "two")
URL = b"{repoUrl: 'https://git.example.com/{repo}.git'}"
SPECS = {
    "flux": b"{agent: flux}",
    "argocd": b"{agent: argocd, argocd: " + URL + b"}",
    "anthos": b"{agent: anthos, anthos: " + URL + b"}",
}
SIMULATED = {"argocd": SimulatedArgoCD, "anthos": SimulatedConfigSync}
ONLY_ONE = SWITCHYARD.replace(b"{tier: edge}", b'{tier: edge, canary: "true"}')
REMOVALS = ["remove.2", "remove.3", "remove.4"]
KEPT = "clusters/two/sync/readme.md"


def start(world: World, agent: str) -> None:
    """The shop runs on both clusters; the second has that agent."""
    fleet = small_fleet(NAMES)
    text = fleet["clusters/two.yaml"] or b""
    fleet["clusters/two.yaml"] = text.replace(b"{agent: flux}", SPECS[agent])
    world.found(fleet)
    if agent in SIMULATED:
        world.clusters["two"] = SIMULATED[agent]("two", agent_key(REPORT_KEY, agent, "two"))
    world.ada.push(APP, "main", small_app(), "Open the shop")


def running(world: World) -> set[str]:
    """The components that the second cluster's agent applied and has not pruned."""
    match world.clusters["two"]:
        case SimulatedCluster() as flux:
            return {name.partition(".")[2] for name in flux.applied}
        case SimulatedConfigSync() as syncs:
            components = ("redis", "cart", "web")
            return {each for each in components if syncs.is_running(each, world.now)}
        case SimulatedArgoCD() as argo:
            return {each.component for each in argo.applications.values() if each.applied[1]}


def files_of_two(world: World) -> set[str]:
    head = world.pull()
    assert head is not None
    return set(world.agents.entries(head, ("clusters/two",)))


def changed_files(world: World, sha: str) -> set[str]:
    """The files that a commit of main changed, by its first parent."""
    parents = world.agents.commit_info(sha).parents
    return (
        {path for path, _, _ in world.agents.changed_files(parents[0], sha)} if parents else set()
    )


async def finish(world: World) -> None:
    await world.settle()
    for _ in range(30):
        await world.advance(70)
        view = world.view()
        if view.done and view.waves:
            return
    raise AssertionError([(w.name, w.gates, w.pending) for w in world.view().waves])


@pytest.mark.parametrize("agent", list(SPECS))
async def test_the_agent_prunes_when_the_last_component_leaves(world: World, agent: str) -> None:
    start(world, agent)
    await finish(world)
    assert running(world) == {"redis", "cart", "web"}
    assert KEPT not in files_of_two(world)

    world.ada.push(APP, "main", small_app() | {"switchyard.yaml": ONLY_ONE}, "One cluster")
    await finish(world)
    for _ in range(4):
        await world.advance(70)
    assert running(world) == set()
    assert files_of_two(world) == {KEPT}


async def test_only_the_first_removal_adds_the_file(world: World) -> None:
    """So that no other one changes, and loses its approvals, when that is merged.

    A component that comes back and leaves again finds it there.
    """
    start(world, "flux")
    await finish(world)
    for files in (small_app() | {"switchyard.yaml": ONLY_ONE}, small_app()):
        world.ada.push(APP, "main", files, "Change the placement")
        await finish(world)
    world.ada.push(APP, "main", small_app() | {"switchyard.yaml": ONLY_ONE}, "One cluster again")
    await finish(world)

    assert [name for name in world.merged() if name.startswith("remove.")] == REMOVALS * 2
    merges = [each for each in world.log() if each["subject"].startswith("Merge ")]
    adding = [each for each in merges if KEPT in changed_files(world, each["sha"])]
    assert [each["subject"].split()[2] for each in adding] == REMOVALS[:1]
    assert running(world) == set()
