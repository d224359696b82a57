"""Every command through the life of one merge request: open, rolling out, cancelled, replaced."""

from typing import Any

from bot.chatops.executor import commands
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_commands import record, replies
from tests.stories.test_forges import merged, wave_request

RITA_APPROVES = (
    "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1, users: [rita]}]}"
)
QUESTIONS = ("help", "plan", "status", "why", "diff one", "explain cart one")
STEERING = {
    "approve": "approve canary.1",
    "cancel": "cancel --reason x",
    "hold": "hold --reason x",
    "merge": "merge canary.1",
    "override": "override freeze --reason x",
    "pause": "pause tenant/shop --reason x",
    "resume": "resume",
    "retry": "retry",
    "rollback": "rollback --reason x",
    "skip": "skip one --reason x",
}


def say(*told: str) -> str:
    return "\n".join(f"/switchyard {each}" for each in told)


def outcomes(rows: list[str]) -> list[tuple[str, str]]:
    """Verb and outcome of each row of the record."""
    cells = [[cell.strip(" `") for cell in row.split("|")] for row in rows]
    return [(cell[3], cell[4]) for cell in cells]


async def previewed(world: World) -> int:
    world.found(small_fleet(policy=RITA_APPROVES))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    world.ada.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    return number


async def test_every_command_from_the_first_plan_to_the_next_revision(world: World) -> None:
    is_action = {name for name, each in commands().items() if each.is_action}
    assert set(STEERING) <= is_action

    # On an open merge request questions are answered, and nothing is steered.
    number = await previewed(world)
    world.ada.comment(APP, number, say(*QUESTIONS, "hold --reason x", "approve canary.1"))
    await world.settle()
    said = replies(world, number)
    assert len(said) == len(QUESTIONS) + 2
    assert any("waits for `redis` to be Ready" in each for each in said)
    assert sum("This revision is not merged yet. After the merge:" in each for each in said) == 2
    assert not any("is not open yet" in each for each in said)
    assert any("one: chosen" in each for each in said)
    assert any("changes 3 of 3 clusters in 6 waves" in each for each in said)
    assert sum("is available after this merge request is merged" in each for each in said) == 2

    # What was refused then is not obeyed once it is merged; who may not steer is told who can.
    world.ada.merge(APP, number)
    await world.settle()
    assert record(world, number) == []
    assert world.reasons("canary.1") == ["waits for 1 approval: clusters with canary=true"]
    world.ada.comment(APP, number, say(*STEERING.values()))
    world.ada.comment(APP, number, say("unapprove"))
    await world.settle()
    assert record(world, number) == [], "who may not steer cannot fill the record"
    denied = [each for each in replies(world, number) if "requires role" in each]
    assert len(denied) == len(STEERING) + 1
    assert any("requires role `write`" in each and "rita" in each for each in denied)

    # Rita may write: what makes no sense now is refused with what would.
    before = len(record(world, number))
    asks = ("merge", "resume", "approve rest.9", "unapprove", "cancel --reason x")
    world.rita.comment(APP, number, say(*asks))
    await world.settle()
    assert {outcome for _, outcome in outcomes(record(world, number))[before:]} == {"refused"}
    said = replies(world, number)[-len(asks) :]
    assert "`canary.1`: waits for 1 approval" in said[0]
    assert "is not held" in said[1]
    assert "unknown wave or cluster `rest.9`" in said[2]
    assert "you approved none of these waves" in said[3]
    assert "requires role `maintain`" in said[4]

    # Otto gives it up: its merge requests are closed with a word, and nothing brings it back.
    head = wave_request(world, "canary.1")["head"]
    world.otto.comment(APP, number, say("cancel --reason newer", "cancel --reason twice", "resume"))
    world.rita.comment(APP, number, say("approve canary.1", "merge"))
    await world.settle()
    rows = outcomes(record(world, number))[-5:]
    assert rows == [
        ("cancel", "done"),
        *((verb, "refused") for verb in ("cancel", "resume", "approve", "merge")),
    ]
    assert world.merged() == []
    assert world.rita.requests(DEPLOY) == []
    status = world.rita.statuses(DEPLOY, head)["switchyard/order"]
    assert (status["state"], status["description"]) == ("pending", "cancelled by otto: newer")
    assert "cancelled by `otto`: `newer`" in world.home(number)
    assert world.view().waves[0].state == "cancelled"

    # A new revision starts afresh, and on the old merge request nobody is obeyed any more.
    await replaced(world, number)


async def replaced(world: World, number: int) -> None:
    newer = await merged(world, "newer", redis="2.0.0")
    world.rita.comment(APP, newer, say("approve canary.1"))
    await world.settle()
    assert world.merged() == ["canary.1"]
    wave: dict[str, Any] = next(
        each
        for each in world.rita.requests(DEPLOY, "merged")
        if "canary.1" in each["source_branch"]
    )
    said, rows = len(replies(world, number)), len(record(world, number))
    for repository, which in ((APP, number), (DEPLOY, wave["number"])):
        world.rita.comment(repository, which, say("hold --reason x", "why"))
    await world.settle()
    await world.sweep()
    world.rita.comment(APP, number, "I see.")
    await world.settle()

    (refused,) = replies(world, number)[said:]
    assert "a newer revision replaced this rollout" in refused
    assert f"!{newer}]" in refused
    (refused,) = replies(world, wave["number"], DEPLOY)
    assert "this wave is already merged" in refused
    assert len(record(world, number)) == rows


async def test_a_pause_holds_every_rollout_of_a_tenant_until_it_is_resumed(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    number = await merged(world, "shop")
    await world.settle()
    assert world.merged() == ["canary.1"]
    world.rita.comment(APP, number, say("pause tenant/shop --reason audit"))
    world.otto.comment(
        APP,
        number,
        say(
            "pause tenant/nobody --reason audit",
            "pause tenant/shop --reason audit",
            "pause cluster/two --reason disks",
            "pause tenant/shop --reason again",
        ),
    )
    await world.settle()
    await world.advance(10)
    assert [outcome for _, outcome in outcomes(record(world, number))] == [
        *("refused", "done", "done", "refused")
    ]
    assert "already paused by `otto`: `audit`" in replies(world, number)[-1]
    assert world.reasons("canary.2")[-1] == "paused by otto (target tenant/shop): audit"

    # It outlives the database and the revision; a branch that is gone or older changes nothing.
    await world.lose_database()
    newer = await merged(world, "newer", redis="2.0.0")
    git = world.site.made.forge.git
    head = git.head(DEPLOY, "switchyard/_paused")
    assert head is not None
    assert git.delete(DEPLOY, "switchyard/_paused", head)
    await world.advance(10)
    await world.sweep()
    assert git.head(DEPLOY, "switchyard/_paused") is not None
    assert world.merged() == ["canary.1"]
    world.otto.comment(APP, newer, say("resume tenant/shop", "resume tenant/shop"))
    await world.settle()
    await world.advance(10)
    assert [outcome for _, outcome in outcomes(record(world, newer))] == ["done", "refused"]
    assert world.reasons("rest.1")[-1] == "paused by otto (target cluster/two): disks"
    world.otto.comment(APP, newer, say("resume cluster/two"))
    await world.finish()
