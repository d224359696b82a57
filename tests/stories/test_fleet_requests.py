"""A merge request on the fleet repo says what `check` would say, and which plans it changes."""

from dataclasses import replace

import pytest

from bot.engine.propose import Proposal
from bot.report.fleet_comment import FLEET as CONTEXT
from bot.sandbox.demo.site import APP, BOT, FLEET
from bot.worker import fleet_plans
from bot.worker.fleet_requests import review_fleet_request
from planners.model.snapshot import Snapshot
from tests.fakes.forks import move_fork, propose_from_fork
from tests.fakes.world import World, small_app, small_fleet

MISTAKE = "policies/default.yaml:4:27: unknown tenant 'shopp' (did you mean 'shop'?)"
POLICY, THREE = "policies/default.yaml", "clusters/three.yaml"
HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "


def told(world: World, number: int) -> tuple[str, str]:
    """State and text of the status."""
    status = world.otto.statuses(FLEET, world.otto.request(FLEET, number)["head"])[CONTEXT]
    return status["state"], status["description"]


def comment(world: World, number: int) -> str:
    """The bot's one comment, without its marker."""
    every = world.otto.comments(FLEET, number)
    (body,) = [each["body"] for each in every if each["author"]["login"] == BOT]
    return str(body.partition("\n\n")[2])


def propose(world: World, branch: str, files: dict[str, bytes | None]) -> int:
    world.otto.push(FLEET, branch, files, "Change the fleet")
    return world.otto.open(FLEET, branch, "Change the fleet")


def policy(spec: str) -> dict[str, bytes | None]:
    return {POLICY: small_fleet(policy=spec)[POLICY]}


def three(old: bytes, new: bytes) -> dict[str, bytes | None]:
    return {THREE: (small_fleet()[THREE] or b"").replace(old, new)}


DRAINED = three(b"{agent: flux}", b"{agent: flux, maintenance: drained}")


def open_shop(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")


@pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
async def test_a_change_of_the_fleet_is_checked_and_compared_before_it_is_merged(
    world: World,
) -> None:
    open_shop(world)
    number = propose(world, "drain", DRAINED | policy("{plaintextSecrets: [shopp]}"))
    await world.settle()
    assert told(world, number) == ("failure", MISTAKE)
    assert "**Fleet**: no plans are compared: 1 mistake in the documents." in comment(world, number)

    world.otto.push(FLEET, "drain", policy("{plaintextSecrets: [shop]}"), "Correct it")
    await world.settle()
    state = ("success", "no mistakes; moves 1 of 1 application; nothing else changes")
    assert told(world, number) == state
    assert "| `storefront` | `cart, redis, web`: leaves `three` |" in comment(world, number)

    world.otto.push(FLEET, "drain", three(b"", b"") | policy("{}"), "Leave three alone")
    await world.settle()
    assert told(world, number) == ("success", "no mistakes; changes no plan of 1 application")
    assert comment(world, number).startswith("\u26aa **Fleet**: changes no plan of 1 application.")


async def test_what_has_no_effect_is_a_warning_and_many_mistakes_are_counted(world: World) -> None:
    world.found(small_fleet())
    rule = "{approvals: [{count: 2, clusters: {matchLabels: {teir: a}}}]}"
    idle = propose(world, "idle", policy(rule))
    wrong = propose(world, "wrong", policy("{plaintextSecrets: [shopp, bank]}"))
    await world.settle()

    warning = "4:31: teir=a matches no cluster of the fleet (did you mean 'tier'?)"
    plans = "changes no plan of 1 application"
    assert told(world, idle) == (
        "success",
        f"no mistakes; {plans}; policies/default.yaml:{warning}",
    )
    state, text = told(world, wrong)
    assert state == "failure"
    assert text.startswith("2 mistakes, switchyard check lists them: policies/default.yaml:4:34:")


async def test_each_kind_of_change_has_its_words(world: World) -> None:
    """A plan that breaks fails no status, and no repository is read that only a branch names."""
    open_shop(world)
    gone = {f"clusters/{name}.yaml": None for name in ("one", "two", "three")}
    registered = f"""{HEAD}Registration
metadata: {{name: new}}
spec: {{application: new, tenant: shop, app: 'local:other/secret', deploy: 'local:other/deploy'}}
"""
    numbers = {
        "breaks": propose(world, "gone", gone),
        "order": propose(world, "care", policy("{approvals: [{count: 2}]}")),
        "registers": propose(world, "new", {"applications/new.yaml": registered.encode()}),
        "gives up": propose(world, "end", {"applications/storefront.yaml": None}),
        "conflict": propose(world, "late", {"README.md": b"mine"}),
        "others": propose(world, "frozen", policy("{notify: []}")),
    }
    world.otto.push(FLEET, "main", {"README.md": b"ours"}, "Say something else")
    await world.settle()

    heads = {each: comment(world, number).splitlines()[0] for each, number in numbers.items()}
    told_of = {each: head.partition("**Fleet**: ")[2] for each, head in heads.items()}
    assert told_of == {
        "breaks": "breaks the plan of 1 of 1 application; nothing else changes.",
        "order": "changes order or conditions of 1 of 1 application; nothing else changes.",
        "registers": "registers new repositories for 1 of 2 applications; nothing else changes.",
        "gives up": "gives up 1 of 1 application; nothing else changes.",
        "conflict": (
            "no plans are compared: 1 file changed on the default branch too. Next: someone brings "
            "this branch up to date."
        ),
        "others": "changes no plan of 1 application.",
    }
    assert told(world, numbers["breaks"])[0] == "success"
    asked = [repo for repo in world.context.repositories if repo.path.startswith("other/")]
    assert asked == []


async def test_work_is_bounded_and_done_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    open_shop(world)
    number = propose(world, "drain", DRAINED)
    await world.settle()
    request = await world.context.forge(world.context.fleet).merge_request(FLEET, number)
    before = comment(world, number)

    async def planned(_: Snapshot) -> Proposal:
        raise AssertionError("nothing has changed")

    await review_fleet_request(replace(world.context, propose=planned), request)
    assert comment(world, number) == before

    monkeypatch.setattr(fleet_plans, "MOST_PLANNED", 0)
    world.otto.push(FLEET, "drain", policy("{approvals: [{count: 2}]}"), "Be careful, too")
    await world.settle()
    assert "no change found; 1 not planned of 1 application" in comment(world, number)
    assert "**Not planned**: `storefront`." in comment(world, number)


async def test_nothing_is_planned_for_a_fork_until_somebody_asks(world: World) -> None:
    open_shop(world)
    number = propose_from_fork(world, DRAINED, FLEET)
    await world.settle()
    assert "no plans are compared yet" in comment(world, number)

    head = world.otto.request(FLEET, number)["head"]
    world.otto.comment(FLEET, number, f"/switchyard plan {head}")
    await world.settle()
    assert "moves 1 of 1 application" in comment(world, number)

    move_fork(world, number, three(b"tier", b"ti"), FLEET)
    await world.settle()
    assert "its head is not the commit that `otto` named" in comment(world, number)
