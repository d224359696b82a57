"""Commands in GitLab's kinds of notes."""

import pytest

from bot.sandbox.demo.site import APP
from tests.fakes.world import World, small_fleet
from tests.stories.test_forges import APPROVED, merged

pytestmark = pytest.mark.parametrize("world", ["gitlab"], indirect=True)
HOLD = '/switchyard hold canary.1 --reason "look first"'


async def asked(world: World, kind: str, text: str) -> int:
    """A comment of a kind on the app merge request, while its first wave waits for an approval."""
    world.found(small_fleet(("one",), policy=APPROVED))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    number = await merged(world, "shop")
    which = len(world.forge.request(APP, number).comments) + 1
    world.gitlab.kinds[APP, number, which] = kind
    world.rita.comment(APP, number, text)
    await world.settle()
    return number


@pytest.mark.parametrize("kind", ["DiffNote", "DiscussionNote"])
async def test_a_command_on_a_line_or_in_a_thread_is_obeyed(world: World, kind: str) -> None:
    number = await asked(world, kind, HOLD)

    assert any("look first" in each for each in world.reasons("canary.1"))
    log = world.forge.request(APP, number).comments[-1].body
    assert "| `rita` | `hold` | done |" in log
    assert [name for _, name in world.gitlab.awards] == ["eyes", "rocket"]


async def test_what_gitlab_writes_itself_is_no_command(world: World) -> None:
    """Such as the list of commits that were pushed, with their titles."""
    await asked(world, "system", f"added 1 commit\n\n{HOLD}")

    assert not any("look first" in each for each in world.reasons("canary.1"))
