"""Commands in the texts of reviews and in inline review comments, as GitHub has them."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.github import reviews
from tests.fakes.world import World, small_fleet
from tests.stories.laws import notices
from tests.stories.test_forges import merged, wave_request

pytestmark = pytest.mark.parametrize("world", ["github"], indirect=True)
HELD = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"
KINDS = pytest.mark.parametrize("inline", ["", "clusters/one/x.yaml"])


async def waiting(world: World) -> tuple[str, int]:
    """The first wave's merge request, which waits for an approval."""
    world.found(small_fleet(("one",), policy=HELD))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    await merged(world, "shop")
    return DEPLOY, int(wave_request(world, "canary.1")["number"])


@KINDS
async def test_a_command_is_obeyed_and_answered_in_the_conversation(
    world: World, inline: str
) -> None:
    place = await waiting(world)
    made = reviews.submit(
        world.github, "rita", place, "Fine.\n\n/switchyard approve\n/switchyard why", inline=inline
    )

    await world.settle()

    assert world.merged()[:1] == ["canary.1"]
    which = made.id if inline else -made.id
    assert (which, "rocket") in world.github.reactions
    assert any("To `rita`" in each["body"] for each in world.rita.comments(*place))


@KINDS
async def test_without_webhooks_the_next_pass_reads_it(world: World, inline: str) -> None:
    place = await waiting(world)
    world.deaf = True
    reviews.submit(world.github, "rita", place, "/switchyard approve", inline=inline)
    await world.settle()
    assert world.merged() == []

    world.deaf = False
    await world.sweep()
    assert world.merged()[:1] == ["canary.1"]


@KINDS
async def test_a_text_that_somebody_edited_is_refused(world: World, inline: str) -> None:
    place = await waiting(world)
    made = reviews.submit(world.github, "rita", place, "Let me see.", inline=inline)
    await world.settle()

    reviews.edit(world.github, "ada", place, made, "/switchyard approve")
    await world.settle()

    assert world.merged() == []
    assert any("Refused" in each["body"] for each in world.rita.comments(*place))


@KINDS
async def test_suggestions_quotes_and_code_are_no_commands(world: World, inline: str) -> None:
    place = await waiting(world)
    text = (
        "```suggestion\n/switchyard approve\n```\n\n> /switchyard approve\n\n"
        "`/switchyard approve`\n\nOn Fri, Nov 20, 2026 Ada <ada@example.com> wrote:\n\n"
        "/switchyard approve\n"
    )
    reviews.submit(world.github, "rita", place, text, inline=inline)

    await world.settle()

    assert world.merged() == []
    assert len(notices(world, place[1], DEPLOY)) == 1


@pytest.mark.parametrize(
    ("states", "merges"),
    [
        (["APPROVED"], True),
        (["APPROVED", "COMMENTED"], True),
        (["APPROVED", "CHANGES_REQUESTED"], False),
        (["CHANGES_REQUESTED", "APPROVED"], True),
        (["DISMISSED"], False),
        (["COMMENTED"], False),
        (["PENDING"], False),
    ],
)
async def test_the_last_review_that_decides_counts(
    world: World, states: list[str], merges: bool
) -> None:
    place = await waiting(world)
    world.deaf = True
    for state in states:
        reviews.submit(world.github, "rita", place, "", state=state)
    world.deaf = False

    await world.sweep()

    assert (world.merged()[:1] == ["canary.1"]) is merges
