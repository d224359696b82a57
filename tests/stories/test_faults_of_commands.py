"""What goes wrong around a command: each is done once, shown once, and holds up no other."""

import asyncio
from collections.abc import Iterator

import pytest

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.executor import commands
from bot.chatops.parser import Verb
from bot.sandbox.demo.site import APP, BOT, DEPLOY
from bot.worker.reconcile import reconcile_application
from planners.model import Role
from tests.fakes.faults import AFTER, Faults
from tests.fakes.world import World, close
from tests.stories.test_commands import record, replies, under_way
from tests.stories.test_every_command import outcomes, say
from tests.stories.test_forges import merged

ANY = ""


class Explode:
    """A command of somebody's own, with a mistake in it."""

    name = "explode"
    verb = Verb("explode")
    role = Role.READ
    is_action = False

    async def run(self, call: Call) -> Answer:
        return Answer(call.parsed.options["there is none"][0])  # type: ignore[arg-type]


@pytest.fixture
def explode() -> Iterator[None]:
    exploding: Command = Explode()
    commands()["explode"] = exploding
    yield
    del commands()["explode"]


async def restart(world: World) -> None:
    await world.stop_bot()
    world.start_bot()


def comment_of(world: World, number: int, text: str) -> int:
    return next(
        each["id"] for each in world.rita.comments(APP, number) if each["body"].startswith(text)
    )


@pytest.mark.usefixtures("explode")
async def test_crashes_redeliveries_and_mistakes(world: World, faults: Faults) -> None:
    world.post.copies = 2
    number = await under_way(world, "{}")
    await world.settle()
    done: list[tuple[str, str]] = []

    async def told(*rows: tuple[str, str]) -> None:
        """After a crash, another look and a sweep the record has these rows more, each once."""
        await world.settle()
        await restart(world)
        await world.advance(10)
        await world.sweep()
        done.extend(rows)
        assert outcomes(record(world, number)) == done

    # The record is not written; it is, and nobody hears of it.
    faults.add("add_comment", ANY)
    world.rita.comment(APP, number, say("hold canary.2 --reason a"))
    await told(("hold", "done"))
    faults.add("edit_comment", ANY, kind=AFTER)
    world.rita.comment(APP, number, say("hold canary.3 --reason b"))
    await told(("hold", "done"))
    assert world.reasons("canary.2")[-1] == "held by rita (target canary.2): a"

    # The bot dies before it can show what came of it.
    faults.add("react", ANY, times=2)
    world.rita.comment(APP, number, say("hold rest.2 --reason b"))
    await told(("hold", "done"))
    asked = comment_of(world, number, say("hold rest.2 --reason b"))
    found = [name for which, name in world.memory.reactions if which == asked]
    assert found[-1:] == ["rocket"]

    # A busy forge delays a command; a mistake in one ends that one alone.
    faults.add("role", ANY)
    world.ada.comment(APP, number, say("explode", "status"))
    await told()
    failed, _ = replies(world, number)
    assert failed.startswith("Failed, and not retried.")

    # Two people at once: the second meets what the first one changed.
    world.rita.comment(APP, number, say("hold rest.1 --reason c"))
    world.otto.comment(APP, number, say("resume rest.1", "resume rest.1"))
    await told(("hold", "done"), ("resume", "done"), ("resume", "refused"))

    # The forge would not merge: told to merge, the bot asks again before its wait is over.
    faults.add("merge", ANY, status=405, body=b'{"message": "Base branch was modified"}')
    world.rita.comment(APP, number, say("resume canary.2"))
    await world.settle()
    refused = "the forge refused the merge: Base branch was modified"
    assert world.reasons("canary.2")[0].startswith(refused)
    assert "`/switchyard merge canary.2`" in world.home(number)
    world.rita.comment(APP, number, say("merge canary.2"))
    await world.settle()
    assert world.merged() == ["canary.1", "canary.2"]


async def test_an_older_copy_of_a_record_is_put_back(world: World) -> None:
    number = await under_way(world, "{}")
    world.rita.comment(APP, number, say("hold canary.3 --reason wait"))
    await world.settle()
    where = comment_of(world, number, "<!-- switchyard:record")
    older = next(each for each in world.rita.comments(APP, number) if each["id"] == where)["body"]
    world.rita.comment(APP, number, say("hold canary.2 --reason wait"))
    await world.settle()

    for body in (older, "Nothing was ever told."):
        world.person(BOT).edit_comment(APP, number, where, body)
        await world.settle()
        await world.advance(10)
        assert world.reasons("canary.2")[-1] == "held by rita (target canary.2): wait"
    rows = record(world, number)
    assert outcomes(rows)[1:] == [("hold", "done"), ("record", "done"), ("record", "done")]
    assert "restored the command log" in rows[2]
    await world.lose_database()
    await world.sweep()
    assert record(world, number) == rows


async def test_two_replicas_at_once_record_one_outcome(world: World) -> None:
    """The lease of the first ran out while it worked: nothing keeps them apart but the record."""
    number = await under_way(world, "{}")
    await world.settle()
    first = world.context
    world.start_bot()
    world.rita.comment(APP, number, say("hold canary.2 --reason a", "hold canary.3 --reason b"))
    for _ in range(3):
        passes = (reconcile_application(each, "storefront") for each in (first, world.context))
        await asyncio.gather(*passes)
    await close(first)
    await world.settle()

    assert outcomes(record(world, number)) == [("hold", "done"), ("hold", "done")]


async def test_a_sweep_finds_commands_on_merged_merge_requests(world: World) -> None:
    replaced = await under_way(world, "{}")
    wave = world.rita.requests(DEPLOY, "merged")[0]["number"]
    await merged(world, "next", cart="2.0.0")
    before = len(replies(world, replaced)), len(replies(world, wave, DEPLOY))

    world.deaf = True
    world.rita.comment(APP, replaced, say("hold --reason x"))
    world.rita.comment(DEPLOY, wave, say("hold --reason x"))
    await world.settle()
    world.deaf = False
    for _ in range(2):
        await world.advance(10)
        await world.sweep()

    after = len(replies(world, replaced)), len(replies(world, wave, DEPLOY))
    assert after == (before[0] + 1, before[1] + 1), "each is answered once"


async def test_a_sweep_finds_commands_on_closed_merge_requests(world: World) -> None:
    """One that was closed unmerged is told so once, also when all webhooks about it were lost."""
    await under_way(world)
    world.ada.push(APP, "idea", {"README.md": b"Another shop.\n"}, "Try an idea")
    number = world.ada.open(APP, "idea", "Try an idea")
    await world.settle()
    world.post.holding = True
    world.ada.set_state(APP, number, "closed")
    await world.advance(1800)
    world.rita.comment(APP, number, "/switchyard approve canary.1")
    await world.settle()
    assert replies(world, number) == []

    for _ in range(2):
        await world.sweep()
        await world.settle()

    (reply,) = replies(world, number)
    assert "Refused: this merge request is closed" in reply
