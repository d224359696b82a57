"""What every story about faults checks again and again, and how such a story begins and ends."""

from collections.abc import Collection, Sequence
from html import unescape

from bot.sandbox.demo.site import APP, BOT, DEPLOY
from tests.fakes.world import World, small_app, small_fleet

WAVES = ("canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3")
REVIEWED = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1}]}"


def check(
    world: World,
    waves: Sequence[str] = WAVES,
    *,
    reviewed: Collection[str] = (),
    aside: Collection[str] = (),
) -> None:
    """Merged are the first of these waves, in order, each once, and nothing but what is ours.

    The bot merged the `reviewed` ones only as somebody had approved them. People merged those
    that are `aside`, in an order of their own. No wave has two open merge requests.
    """
    merged = [wave for wave in world.merged() if wave not in aside]
    assert merged == [wave for wave in waves if wave not in aside][: len(merged)]
    forge = world.site.made.forge
    requests = forge.requests_of(DEPLOY)
    proposed = [each.source for each in requests if each.state == "open" and each.author == BOT]
    assert len(proposed) == len(set(proposed)), proposed
    for each in requests:
        wave = each.source.rpartition("/")[2]
        if each.state != "merged" or each.merged_by != BOT:
            continue
        assert forge.git.commit(DEPLOY, each.head)["author"] == "Switchyard"
        heads = [head for login, (head, _) in each.reviews.items() if login != BOT]
        assert wave not in reviewed or each.head in heads, f"{wave} was merged unapproved"


async def begin(world: World, policy: str = "{}") -> None:
    """A fleet, and the first revision of the shop."""
    world.found(small_fleet(policy=policy))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()


async def converge(
    world: World,
    waves: Sequence[str] = WAVES,
    *,
    reviewed: Collection[str] = (),
    aside: Collection[str] = (),
    step: float = 3,
    times: int = 60,
) -> None:
    """Let time pass until all is merged and ready, and see every time that the laws hold."""
    for _ in range(times):
        check(world, waves, reviewed=reviewed, aside=aside)
        if len(world.merged()) == len(waves) and world.view().done:
            return
        await world.advance(step)
    raise AssertionError([(w.name, w.gates, w.pending) for w in world.view().waves])


async def hold(world: World, merged: Sequence[str], seconds: float = 120) -> None:
    """Let time pass and see that no more than this is merged."""
    for _ in range(4):
        await world.advance(seconds / 4)
        assert world.merged() == list(merged)
        check(world)


def number_of(world: World, wave: str) -> int:
    """The open merge request of a wave by the bot."""
    opened = [each for each in world.otto.requests(DEPLOY) if each["author"]["login"] == BOT]
    found = next(each for each in opened if each["source_branch"].endswith(f"/{wave}"))
    return int(found["number"])


def notices(world: World, number: int, repository: str = APP) -> list[str]:
    """What the bot said in comments of their own, since it needs a person."""
    bodies = [each["body"] for each in world.rita.comments(repository, number)]
    return [body.split("\n\n")[1] for body in bodies if "<!-- switchyard:notice" in body]


async def page(world: World) -> str:
    """What people read on the rollout's page."""
    return unescape((await world.client.get("/rollouts/storefront")).text)
