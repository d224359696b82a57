"""Slash commands on a rollout: allowed, denied, repeated, forgotten, typed wrongly."""

from datetime import timedelta

import pytest

from bot.chatops.handler import MOST_REPLIES
from bot.sandbox.demo.site import APP, BOT, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import merged, wave_request

on_each = pytest.mark.parametrize("world", ["local", "github", "gitlab"], indirect=True)
APPROVED = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"


async def under_way(world: World, policy: str = APPROVED) -> int:
    """A rollout whose first wave waits for an approval; the app merge request's number."""
    world.found(small_fleet(policy=policy))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    return await merged(world, "shop")


def replies(world: World, number: int, repository: str = APP) -> list[str]:
    """What the bot said to people."""
    ours = [
        each["body"]
        for each in world.rita.comments(repository, number)
        if each["author"]["login"] == BOT
    ]
    return [body.split("\n\n", 1)[1] for body in ours if "To `" in body]


def record(world: World, number: int) -> list[str]:
    """The rows of the record."""
    found = [
        each["body"]
        for each in world.rita.comments(APP, number)
        if "**Command log**" in each["body"]
    ]
    assert len(found) <= 1
    return [line for body in found for line in body.splitlines() if line.startswith("| 1")]


@on_each
async def test_an_approval_by_command_counts_as_one(world: World) -> None:
    number = await under_way(world)
    world.rita.comment(APP, number, "Fine.\n\n/switchyard approve canary.1\n")
    await world.settle()

    assert world.merged() == ["canary.1"]
    (row,) = record(world, number)
    assert "`rita` | `approve` | done" in row
    assert replies(world, number) == []


async def test_an_approval_on_the_wave_itself_needs_no_name(world: World) -> None:
    number = await under_way(world)
    wave = wave_request(world, "canary.1")["number"]
    world.rita.comment(DEPLOY, wave, "/switchyard approve")
    await world.settle()

    assert world.merged() == ["canary.1"]
    assert len(record(world, number)) == 1


async def test_who_may_not_is_told_who_can(world: World) -> None:
    number = await under_way(world)
    world.ada.comment(APP, number, "/switchyard approve canary.1")
    await world.settle()

    assert world.merged() == []
    (reply,) = replies(world, number)
    assert "`approve` requires role `write` on `local:fleet/deploy`; you have role `read`" in reply


async def test_who_wrote_it_cannot_approve_it_by_command_either(world: World) -> None:
    """Rita's hand in it is known by her address alone, as in a commit that names her co-author."""
    world.found(small_fleet(policy=APPROVED))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    world.rita.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    world.otto.merge(APP, number)
    await world.settle()
    world.rita.comment(APP, number, "/switchyard approve canary.1")
    await world.settle()

    assert world.merged() == []
    assert "rita wrote or merged the revision" in world.reasons("canary.1")[0]


async def test_what_was_written_before_another_revision_approves_nothing_of_it(
    world: World,
) -> None:
    await under_way(world)
    wave = wave_request(world, "canary.1")["number"]
    world.post.holding = True
    world.rita.comment(DEPLOY, wave, "/switchyard approve")
    world.now += timedelta(seconds=5)
    await merged(world, "newer", redis="6.6.6")
    world.post.holding = False
    await world.sweep()
    for _ in range(3):
        await world.advance(10)

    assert world.merged() == []
    (refused,) = replies(world, wave, DEPLOY)
    assert "another revision was merged after you commented" in refused


async def test_who_may_only_comment_cannot_use_up_what_others_need(world: World) -> None:
    number = await under_way(world, "{}")
    world.site.made.forge.repositories[APP].roles["ada"] = "read"
    world.rita.comment(APP, number, "/switchyard hold --reason emergency")
    await world.settle()
    for each in range(5):
        lines = (f"/switchyard hold --reason {each}.{line}" for line in range(10))
        world.ada.comment(APP, number, "\n".join(lines))
        await world.settle()

    assert len(record(world, number)) == 1
    assert len(replies(world, number)) == MOST_REPLIES


async def test_a_changed_byte_drops_an_approval_by_command(world: World) -> None:
    """The comment stands on the wave's merge request, which the newer revision keeps."""
    number = await under_way(world)
    world.rita.comment(APP, number, "/switchyard hold --reason later")
    world.rita.comment(DEPLOY, wave_request(world, "canary.1")["number"], "/switchyard approve")
    await world.settle()
    assert world.merged() == []
    assert len(record(world, number)) == 2

    again = await merged(world, "newer", redis="2.0.0")
    assert world.merged() == []
    assert "waits for 1 approval" in world.reasons("canary.1")[0]
    world.rita.comment(APP, again, "/switchyard approve canary.1")
    await world.settle()
    assert world.merged() == ["canary.1"]


async def test_hold_and_resume(world: World) -> None:
    number = await under_way(world, "{}")
    await world.settle()
    world.rita.comment(APP, number, "/switchyard hold canary.2 --reason “looking at it”")
    await world.settle()
    for _ in range(4):
        await world.advance(5)
    assert world.merged() == ["canary.1"]
    assert world.reasons("canary.2") == ["held by rita (target canary.2): looking at it"]

    world.rita.comment(APP, number, "/switchyard resume canary.2")
    await world.settle()
    assert world.merged() == ["canary.1", "canary.2"]


async def test_a_database_that_is_lost_forgets_no_command_and_repeats_none(world: World) -> None:
    number = await under_way(world, "{}")
    world.rita.comment(APP, number, "/switchyard hold canary.2 --reason wait")
    world.rita.comment(APP, number, "/switchyard why canary.2")
    await world.settle()
    await world.lose_database()
    await world.sweep()
    await world.advance(30)

    assert world.merged() == ["canary.1"]
    assert len(record(world, number)) == 1
    assert len(replies(world, number)) == 1


async def test_a_cluster_that_is_skipped_is_not_waited_for(world: World) -> None:
    number = await under_way(world, "{}")
    world.behave("one", silent=True)
    for _ in range(4):
        await world.advance(5)
    assert world.merged() == ["canary.1"]
    world.site.made.forge.repositories[DEPLOY].roles["rita"] = "maintain"
    world.rita.comment(APP, number, '/switchyard skip one --reason "no power"')
    await world.settle()
    await world.advance(5)

    assert set(world.merged()) >= {"canary.1", "canary.2", "canary.3"}


async def test_an_administrator_overrides_a_gate_for_the_record(world: World) -> None:
    number = await under_way(world)
    world.rita.comment(APP, number, "/switchyard override approval canary.1 --reason outage")
    await world.settle()
    assert world.merged() == []
    world.otto.comment(APP, number, "/switchyard override approval canary.1 --reason outage")
    await world.settle()

    assert world.merged() == ["canary.1"]
    (row,) = record(world, number)
    assert "gate: approval" in row


async def test_questions_are_answered_once(world: World) -> None:
    number = await under_way(world)
    world.rita.comment(APP, number, "/switchyard hold canary.2 --reason later")
    await world.settle()
    asked = "/switchyard why canary.1\n/switchyard status\n/switchyard explain cart one"
    world.ada.comment(APP, number, asked)
    await world.settle()
    await world.sweep()

    why, status, explained = replies(world, number)
    assert "waits for 1 approval" in why
    assert "; clears when " in why
    assert "canary.1" in status
    assert "; also held by `rita` (target `canary.2`): `later`" in status
    assert "one: chosen" in explained


async def test_a_reason_that_holds_several_waves_is_said_once(world: World) -> None:
    number = await under_way(world)
    world.ada.comment(APP, number, "/switchyard why")
    await world.settle()

    (why,) = replies(world, number)
    assert why.count("waits for `canary` to be ready") == 1
    assert "\n- `rest.1, rest.2, rest.3`: waits for `canary` to be ready" in why


async def test_what_is_no_command_is_said_with_the_nearest(world: World) -> None:
    number = await under_way(world)
    world.rita.comment(APP, number, "/switchyard aprove canary.1")
    world.rita.comment(APP, number, "/switchyard help hold")
    world.rita.comment(
        APP, number, "> /switchyard approve canary.1\n\n```\n/switchyard approve\n```"
    )
    await world.settle()

    mistaken, helped = replies(world, number)
    assert "approve" in mistaken
    assert "hold" in helped
    assert world.merged() == []


async def test_the_bot_obeys_no_bots_and_not_itself(world: World) -> None:
    number = await under_way(world)
    world.person(BOT).comment(APP, number, "/switchyard approve canary.1")
    await world.settle()

    assert world.merged() == []
    assert replies(world, number) == []


async def test_a_revision_is_taken_back_by_command(world: World) -> None:
    number = await under_way(world, "{}")
    await world.finish()
    again = await merged(world, "newer", cart="2.0.0")
    await world.finish()
    assert ":2.0.0" in world.deployed("three", "cart")
    world.site.made.forge.repositories[DEPLOY].roles["rita"] = "maintain"
    world.rita.comment(APP, again, '/switchyard rollback --reason "errors"')
    await world.settle()
    for _ in range(12):
        await world.advance(5)

    assert ":1.0.0" in world.deployed("three", "cart")
    assert "rolled back" in world.home(again)
    assert number < again


async def test_a_failed_canary_names_the_rollback_only_where_something_ran_before(
    world: World,
) -> None:
    number = await under_way(world, "{}")
    world.behave("one", failing=frozenset({"redis"}))
    world.site.made.forge.repositories[DEPLOY].roles["rita"] = "maintain"
    command = "/switchyard rollback --reason errors"
    world.rita.comment(APP, number, command)
    await world.advance(60)

    assert "**Repair** `one` (`redis` failed: " in world.home(number)
    assert "/switchyard rollback" not in world.home(number)
    (refused,) = replies(world, number)
    assert "nothing ran before revision `" in refused
    assert "use `cancel` to stop merging it" in refused

    world.behave("one", failing=frozenset())
    await world.finish()
    again = await merged(world, "newer", redis="2.0.0")
    world.behave("one", failing=frozenset({"redis"}))
    await world.advance(60)
    what_needs_you = world.home(again).partition("| stage |")[0]
    assert '/switchyard rollback --reason "..."' in what_needs_you
    world.rita.comment(APP, again, command)
    world.behave("one", failing=frozenset())
    for _ in range(12):
        await world.advance(5)

    assert ":1.0.0" in world.deployed("one", "redis")
    assert "rolled back revision `" in world.home(again)


async def test_two_revisions_are_taken_back_at_once(world: World) -> None:
    await under_way(world, "{}")
    await world.finish()
    earlier = []
    for version in ("2.0.0", "3.0.0"):
        earlier.insert(0, world.view().revision[:12])
        number = await merged(world, f"to-{version[0]}", cart=version)
        await world.finish()
    world.site.made.forge.repositories[DEPLOY].roles["rita"] = "maintain"
    for wanted in ("abc", "0000000", earlier[-1]):
        world.rita.comment(APP, number, f"/switchyard rollback {wanted} --reason leaks")
        await world.settle()
    for _ in range(12):
        await world.advance(5)

    assert ":1.0.0" in world.deployed("three", "cart")
    assert "rolled back" in world.home(number)
    short, never = (each for each in replies(world, number) if "cannot roll back" in each)
    assert "give at least 7 characters of the revision" in short
    assert f"no such revision ran here; earlier revisions: `{', '.join(earlier)}`" in never


@pytest.mark.parametrize("world", ["gitlab"], indirect=True)
async def test_two_commands_of_one_comment_both_count_and_edits_repeat_none(world: World) -> None:
    """To GitLab the bot's own reaction is an edit of the comment."""
    number = await under_way(world, "{}")
    await world.settle()
    twice = "/switchyard hold canary.2 --reason a\n/switchyard hold canary.3 --reason b"
    world.rita.comment(APP, number, twice)
    await world.settle()
    assert len(record(world, number)) == 2
    (typed,) = [
        each for each in world.rita.comments(APP, number) if each["author"]["login"] == "rita"
    ]
    more = f"Sorry.\n\n{twice}\n/switchyard resume\n/switchyard status"
    world.rita.edit_comment(APP, number, typed["id"], more)
    await world.settle()

    rows = record(world, number)
    assert [row.split("|")[3].strip() for row in rows] == ["`hold`"] * 2
    assert "edited comments cannot issue commands" in replies(world, number)[0]
