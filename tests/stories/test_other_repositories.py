"""A pass fetches its own deploy repo; those of other applications are read as they are known."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.effects.wake import hint, wake
from bot.gather.repository import read_hints
from bot.gather.snapshot import gather_rollout
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET
from bot.store.keys import application_key, echo_key, review_key
from bot.worker import dispatch
from bot.worker.sweep import sweep
from bot.worker.worker import work_one
from planners.model import Repo
from tests.fakes.world import World, manifest, small_app, small_fleet

SAFE, BANK = "fleet/safe", "shop/bank"
LEASE = timedelta(minutes=5)
HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "


class Counted:
    """A forge that counts which repositories it is asked about."""

    def __init__(self, forge: Any) -> None:
        self._forge = forge
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._forge, name)
        if name not in {"repository", "merge_requests"}:
            return found

        def call(path: str, *arguments: Any, **named: Any) -> Any:
            self.asked[path] += 1
            return found(path, *arguments, **named)

        return call


def begin(world: World, *, empty: bool = False) -> Counted:
    """The storefront, and a bank with a deploy repo of its own."""
    roles = {"ada": "write", "otto": "admin", BOT: "write"}
    for path in (BANK, SAFE):
        world.forge.create_repository(path, roles)
    fleet = small_fleet(("one",))
    fleet["applications/bank.yaml"] = (
        f"{HEAD}Registration\nmetadata: {{name: bank}}\nspec: {{application: bank, "
        f"tenant: shop, app: 'local:{BANK}', deploy: 'local:{SAFE}'}}\n"
    ).encode()
    world.found(fleet)
    if not empty:
        world.otto.push(SAFE, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
    world.ada.push(APP, "main", small_app(), "Open the shop")
    counted = Counted(world.forges["local"])
    world.context = replace(world.context, forges={"local": counted})
    return counted


def open_bank(world: World) -> None:
    """The bank gets an application, and nobody is told."""
    document = (
        f"{HEAD}Application\nmetadata: {{name: bank}}\nspec:\n  tenant: shop\n"
        "  components: [{name: vault, source: {manifests: deploy}}]\n"
        "  placement: [{components: [vault], allOf: [{}]}]\n"
    )
    files = {"switchyard.yaml": document.encode(), "deploy/vault.yaml": manifest("vault")}
    world.ada.push(BANK, "main", files, "Open the bank")
    world.context.store.queue.trigger([application_key("bank")], world.now)


async def claims(world: World) -> set[str]:
    """The applications whose claims a pass of the storefront counts."""
    gathered = await gather_rollout(world.context, "storefront")
    return {each.application for each in gathered.snapshot.claims}


async def test_repositories_of_others_are_fetched_when_they_change(world: World) -> None:
    counted = begin(world)
    await world.settle()
    await claims(world)
    counted.asked.clear()

    assert await claims(world) == {"storefront"}
    assert await claims(world) == {"storefront"}
    assert counted.asked[DEPLOY] == 4, "the repository and its merge requests, in each pass"
    assert counted.asked[SAFE] == 0

    open_bank(world)
    assert await work_one(world.context, "a worker", LEASE)
    counted.asked.clear()
    assert await claims(world) == {"storefront", "bank"}, "our own pushes are hints"
    assert await claims(world) == {"storefront", "bank"}
    assert counted.asked[SAFE] == 2


async def test_passes_at_the_same_time_fetch_a_changed_repository_once(world: World) -> None:
    counted = begin(world)
    await world.settle()
    await hint(world.context, [Repo("local", SAFE)])
    counted.asked.clear()

    await asyncio.gather(*(claims(world) for _ in range(3)))

    assert counted.asked[SAFE] == 2


async def test_a_pass_that_reads_its_own_repository_fetches_it_for_others(world: World) -> None:
    counted = begin(world)
    open_bank(world)
    await world.settle()
    await hint(world.context, [Repo("local", SAFE)])
    hints = await read_hints(world.context)
    counted.asked.clear()

    own = gather_rollout(world.context, "bank", hints)
    _, known = await asyncio.gather(own, claims(world))

    assert known == {"storefront", "bank"}
    assert counted.asked[SAFE] == 2, "its pass comes to it first, and is not over yet"


async def test_what_a_pass_reads_in_its_own_repository_is_known_to_others(world: World) -> None:
    counted = begin(world)
    await world.settle()
    await claims(world)

    open_bank(world)
    await world.settle()
    counted.asked.clear()

    assert await claims(world) == {"storefront", "bank"}, "the last pass of the bank has read it"
    assert counted.asked[SAFE] == 0


async def test_a_hint_and_a_sweep_read_it_again(world: World) -> None:
    counted = begin(world)
    await world.settle()
    await claims(world)

    told = (hint(world.context, [Repo("local", SAFE)]), sweep(world.context))
    for each in told:
        await each
        counted.asked.clear()
        await claims(world)
        assert counted.asked[SAFE] == 2


async def test_a_merge_request_is_planned_with_each_repository_read_once(world: World) -> None:
    counted = begin(world)
    await world.settle()
    world.ada.push(APP, "newer", {"README.md": b"Soon.\n"}, "Announce")
    number = world.ada.open(APP, "newer", "Announce")
    await world.settle()
    world.context.store.queue.trigger([review_key(Repo("local", APP), number)], world.now)
    counted.asked.clear()

    assert await work_one(world.context, "a worker", LEASE)

    assert counted.asked == {FLEET: 1, APP: 1, DEPLOY: 2}


async def test_an_empty_repository_is_read_when_something_happens_there(world: World) -> None:
    counted = begin(world, empty=True)
    await world.settle()
    await claims(world)
    counted.asked.clear()

    await claims(world)
    assert counted.asked[SAFE] == 0

    world.deaf = True
    world.otto.push(SAFE, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
    await sweep(world.context)
    counted.asked.clear()
    await claims(world)
    assert counted.asked[SAFE] == 2


async def test_a_mirror_that_lost_the_known_commit_is_fetched(world: World) -> None:
    counted = begin(world)
    await world.settle()
    await claims(world)
    repo = Repo("local", SAFE)
    known = world.context.repositories[repo]
    world.context.repositories[repo] = replace(known, head="0" * 40)
    counted.asked.clear()

    await claims(world)

    assert counted.asked[SAFE] == 2
    assert world.context.repositories[repo].head == known.head


def share(world: World) -> None:
    """The bank deploys to the storefront's deploy repo, with an app repo of its own."""
    world.forge.create_repository(BANK, {"ada": "write", "otto": "admin", BOT: "write"})
    fleet = small_fleet(("one",))
    fleet["applications/bank.yaml"] = (
        f"{HEAD}Registration\nmetadata: {{name: bank}}\nspec: {{application: bank, "
        f"tenant: shop, app: 'local:{BANK}', deploy: 'local:{DEPLOY}'}}\n"
    ).encode()
    world.found(fleet)
    open_bank(world)


def keys_due(world: World) -> set[str]:
    """The keys that are due now; they are claimed."""
    keys = set()
    while (found := world.context.store.queue.claim("tests", LEASE, world.now)) is not None:
        keys.add(found.key)
    return keys


async def test_an_event_of_one_application_does_not_wake_those_that_share_its_repo(
    world: World,
) -> None:
    share(world)
    await world.settle()
    await world.advance(60)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await world.advance(60)

    number = world.rita.requests(DEPLOY, "all")[-1]["number"]
    world.rita.comment(DEPLOY, number, "Looks good")
    await world.flush_hooks()
    await dispatch.drain(world.context)

    keys = keys_due(world)
    assert application_key("storefront") in keys
    assert application_key("bank") not in keys
    world.now += dispatch.LATER
    assert application_key("bank") in keys_due(world), "a little later"


async def test_hints_about_a_wave_cost_one_read(world: World) -> None:
    """Its application's key has the pass; no repository is asked about, nor fetched."""
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    counted = Counted(world.forges["local"])
    context = replace(world.context, forges={"local": counted})
    repo = Repo("local", DEPLOY)
    assert {each.state for each in world.forge.requests_of(DEPLOY)} == {"open", "merged"}
    await wake(context, [review_key(repo, each.number) for each in world.forge.requests_of(DEPLOY)])
    while await work_one(context, "a worker", LEASE):
        pass
    assert not counted.asked


async def test_what_the_bot_did_itself_is_due_a_little_later(world: World) -> None:
    """The pass that pushed, opened and merged knows it already."""
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.flush_hooks()
    await dispatch.drain(world.context)
    while await work_one(world.context, "a worker", LEASE):
        pass
    keys_due(world)
    await world.flush_hooks()

    hints = await read_hints(world.context)
    assert await dispatch.drain(world.context) > 0
    assert not keys_due(world)
    assert await read_hints(world.context) == hints, "nor are others told to read it"
    world.now += dispatch.LATER
    deploy = Repo("local", DEPLOY)
    assert echo_key(deploy) in keys_due(world)
    await dispatch.hear_echo(world.context, str(deploy))
    assert application_key("storefront") in keys_due(world)
    after = await read_hints(world.context)
    assert {each for each in after if after[each] != hints.get(each)} == {str(deploy)}


async def test_webhooks_do_not_fetch_the_fleet(world: World) -> None:
    """Which applications they concern follows from the fleet as it is known, until a hint."""
    counted = begin(world)
    await world.settle()
    await dispatch.publish_fleet(world.context)
    world.ada.push(APP, "main", {"README.md": b"News\n"}, "Say what is new")
    await world.flush_hooks()
    counted.asked.clear()

    assert await dispatch.drain(world.context) > 0
    assert counted.asked[FLEET] == 0

    world.otto.push(FLEET, "main", {"README.md": b"News\n"}, "Say what is new")
    await world.flush_hooks()
    assert await dispatch.drain(world.context) > 0
    assert counted.asked[FLEET] == 2
