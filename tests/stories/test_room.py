"""The last CPU is sold once, also to two applications whose passes run at the same time.

One cluster with 3 CPU; two applications that request 2 each, in two deploy repos.
"""

from dataclasses import replace

import pytest

from bot.effects.apply import apply
from bot.engine.propose import Proposal
from bot.forges import ORDER
from bot.gather.snapshot import Gathered, gather_rollout
from bot.sandbox.demo.site import APP, BOT, DEPLOY
from bot.store.keys import application_key
from bot.worker.admission import LEASE, ROOM, admission
from bot.worker.reconcile import reconcile_application
from planners.gating.effects import Merge
from tests.fakes.world import World, manifest, small_fleet

BANK, SAFE = "shop/bank", "fleet/safe"
HEAD = "apiVersion: switchyard.dev/v1alpha1\n"
REFUSED = "pending: the newest plan has a problem: "
DEPLOY_REPOS = {"storefront": DEPLOY, "bank": SAFE}


def app(name: str) -> dict[str, bytes | None]:
    """One component that requests 2 CPU on every cluster."""
    document = f"""{HEAD}kind: Application
metadata: {{name: {name}}}
spec:
  tenant: shop
  components: [{{name: {name}, source: {{manifests: deploy}}}}]
  placement: [{{components: [{name}], allOf: [{{}}]}}]
"""
    requests = b"          resources: {requests: {cpu: 1}}\n"
    return {"switchyard.yaml": document.encode(), "deploy/x.yaml": manifest(name) + requests}


def begin(world: World) -> None:
    """The storefront, and a bank with a higher priority; nothing has happened yet."""
    roles = {"ada": "write", "rita": "write", "otto": "admin", BOT: "write"}
    world.forge.create_repository(BANK, roles)
    world.forge.create_repository(SAFE, roles, protected=True, required_statuses=(ORDER,))
    for path in (BANK, SAFE):
        world.places[path] = world.places[APP]
    fleet = small_fleet(("one",))
    cluster = fleet["clusters/one.yaml"] or b""
    fleet["clusters/one.yaml"] = cluster.replace(b"flux}", b"flux, capacity: {cpu: 3}}")
    fleet["applications/bank.yaml"] = (
        f"{HEAD}kind: Registration\nmetadata: {{name: bank}}\nspec: {{application: bank, "
        f"tenant: shop, app: 'local:{BANK}', deploy: 'local:{SAFE}', priority: 5}}\n"
    ).encode()
    world.found(fleet)
    world.otto.push(SAFE, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
    world.ada.push(APP, "main", app("storefront"), "Open the shop")
    world.ada.push(BANK, "main", app("bank"), "Open the bank")


async def ready_to_merge(world: World, application: str) -> tuple[Gathered, Proposal]:
    """A pass that has read everything, and would merge."""
    await reconcile_application(world.context, application)
    gathered = await gather_rollout(world.context, application)
    proposal = await world.context.propose(gathered.snapshot)
    assert [each for each in proposal.evaluation.effects if isinstance(each, Merge)]
    return gathered, proposal


async def finish(world: World, gathered: Gathered, proposal: Proposal) -> None:
    """The rest of that pass."""
    async with admission(world.context, gathered, proposal) as admitted:
        await apply(world.context, gathered, admitted)


def order(world: World, application: str) -> str:
    """The required status of an application's only merge request, or that it is merged."""
    repository = DEPLOY_REPOS[application]
    (request,) = world.otto.requests(repository, "all")
    if request["state"] != "open":
        return str(request["state"])
    status = world.otto.statuses(repository, request["head"])[ORDER]
    return f"{status['state']}: {status['description']}"


@pytest.mark.parametrize(
    ("sequence", "claimant"),
    [(("bank", "storefront"), "bank"), (("storefront", "bank"), "bank !1")],
)
async def test_of_two_passes_at_the_same_time_one_gives_way(
    world: World, sequence: tuple[str, str], claimant: str
) -> None:
    begin(world)
    passes = {each: await ready_to_merge(world, each) for each in ("storefront", "bank")}

    for application in sequence:
        await finish(world, *passes[application])

    assert order(world, "bank") == "merged"
    gives_way = f"pending: waits for room that {claimant} claimed meanwhile"
    assert order(world, "storefront") == gives_way
    await world.settle()
    await world.advance(60)
    assert order(world, "storefront").startswith(REFUSED)


async def test_a_green_status_is_a_claim_until_it_is_withdrawn(world: World) -> None:
    begin(world)
    gathered, proposal = await ready_to_merge(world, "storefront")
    statuses = [e for e in proposal.evaluation.effects if not isinstance(e, Merge)]
    evaluation = replace(proposal.evaluation, effects=tuple(statuses))
    await finish(world, gathered, replace(proposal, evaluation=evaluation))
    assert order(world, "storefront").startswith("success: ")

    await finish(world, *await ready_to_merge(world, "bank"))
    assert order(world, "bank") == "pending: waits for room that storefront !1 claimed meanwhile"

    await world.advance(60)
    assert order(world, "bank") == "merged"
    assert order(world, "storefront").startswith(REFUSED)


async def test_merges_that_need_room_are_decided_one_at_a_time(world: World) -> None:
    begin(world)
    passed = await ready_to_merge(world, "storefront")
    assert world.context.store.leases.acquire(ROOM, "another", LEASE, world.now) is not None

    await finish(world, *passed)
    assert order(world, "storefront") == "pending: waits for another merge that requests resources"

    await world.advance(LEASE.total_seconds())
    assert order(world, "bank") == "merged"
    assert order(world, "storefront").startswith(REFUSED)


async def test_room_held_by_a_pass_that_died_is_given_back_by_the_next_one(world: World) -> None:
    begin(world)
    await world.settle()
    leases, bank = world.context.store.leases, application_key("bank")
    assert leases.acquire(ROOM, bank, LEASE, world.now) is not None

    await reconcile_application(world.context, "bank")

    assert leases.acquire(ROOM, "another", LEASE, world.now) is not None
