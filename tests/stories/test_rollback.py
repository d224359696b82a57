"""A revision that fails is taken back: the earlier tree, byte for byte, in reverse order."""

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import SWITCHYARD, World, small_app, small_fleet

BACK = SWITCHYARD.replace(b"  rollout:\n", b"  rollout:\n    onFailure: rollback\n")


def app(**images: str) -> dict[str, bytes | None]:
    return {**small_app(**images), "switchyard.yaml": BACK}


def tree(world: World) -> dict[str, str]:
    """The application's files on main, by their blob ids."""
    head = world.pull()
    assert head is not None
    return world.agents.entries(head, ("clusters",))


async def opened(world: World) -> dict[str, str]:
    """The first revision is everywhere and ready; its tree."""
    world.found(small_fleet())
    world.ada.push(APP, "main", app(), "Open the shop")
    await world.settle()
    await world.finish()
    return tree(world)


async def update(world: World, branch: str, **images: str) -> int:
    """Ada's merge request with new images, merged; its number."""
    world.ada.push(APP, branch, app(**images), f"Update {branch}")
    number = world.ada.open(APP, branch, f"Update {branch}")
    await world.settle()
    world.ada.merge(APP, number)
    await world.settle()
    return number


async def test_b7_a_failed_update_is_rolled_back_byte_for_byte(world: World) -> None:
    before = await opened(world)
    first = len(world.merged())
    number = await update(world, "bad", redis="2.0.0", cart="2.0.0")
    world.behave("one", failing=frozenset({"cart"}))
    await world.advance(5)
    await world.advance(5)
    await world.advance(5)

    world.behave("one", failing=frozenset())
    await world.finish()

    assert world.merged()[first:] == ["canary.1", "canary.2", "rollback.3", "rollback.4"]
    assert tree(world) == before
    headline = world.view().headline
    assert headline.startswith("rolled back revision ")
    assert headline.endswith(": 3 clusters ready")
    assert "rolled back revision `" in world.home(number)
    requests = world.rita.requests(DEPLOY, "merged")
    back = next(each for each in requests if each["source_branch"].endswith("rollback.3"))
    assert back["title"] == "storefront rollback.3: roll back cart on one"
    assert "`one` (`cart` failed: " in back["body"]
    assert "the state of main at" in back["body"]


async def test_what_was_rolled_back_stays_so_until_a_new_revision(world: World) -> None:
    await opened(world)
    await update(world, "bad", redis="2.0.0")
    world.behave("one", failing=frozenset({"redis"}))
    await world.advance(10)
    world.behave("one", failing=frozenset())
    await world.finish()
    merged = world.merged()

    await world.lose_database()
    await world.sweep()
    await world.advance(600)
    await world.sweep()
    assert world.merged() == merged, "no memory but Git's is needed to stay back"

    await update(world, "good", redis="2.0.1")
    await world.finish()
    assert ":2.0.1" in world.deployed("three", "redis")
    assert world.view().headline == "rolled out: 3 clusters ready"


async def test_a_first_rollout_has_nothing_to_go_back_to_and_holds(world: World) -> None:
    world.found(small_fleet())
    world.behave("one", failing=frozenset({"redis"}))
    world.ada.push(APP, "main", app(), "Open the shop")
    await world.settle()
    await world.advance(10)

    assert world.merged() == ["canary.1"]
    assert "one (redis failed" in world.reasons("canary.2")[0]


async def test_a_failure_that_was_there_before_takes_nothing_back(world: World) -> None:
    await opened(world)
    world.behave("three", failing=frozenset({"web"}))
    await world.advance(20)

    await update(world, "new", redis="2.0.0")
    await world.advance(10)

    assert not any(name.startswith("rollback") for name in world.merged())


async def test_an_overdue_dependency_leads_back_where_it_says_so(world: World) -> None:
    world.found(small_fleet())
    patient = SWITCHYARD.replace(b"timeout: 10m", b"timeout: 10m, onFailure: rollback")
    world.ada.push(APP, "main", {**small_app(), "switchyard.yaml": patient}, "Open the shop")
    await world.settle()
    await world.finish()
    before, first = tree(world), len(world.merged())
    world.behave("one", silent=True)
    changed = {**small_app(redis="2.0.0", cart="2.0.0"), "switchyard.yaml": patient}
    world.ada.push(APP, "main", changed, "Update")
    await world.settle()
    assert world.merged()[first:] == ["canary.1"]

    await world.advance(9 * 60)
    assert world.merged()[first:] == ["canary.1"]
    await world.advance(61)

    assert world.merged()[first:] == ["canary.1", "rollback.4"]
    assert tree(world) == before


async def test_b7_going_back_by_hand_writes_the_same_bytes(world: World) -> None:
    before = await opened(world)
    path = "deploy/cart/deployment.yaml"
    files = app()
    once = files[path] or b""
    world.ada.push(APP, "main", {path: once.replace(b"replicas: 2", b"replicas: 3")}, "Update")
    await world.settle()
    await world.finish()
    assert "replicas: 3" in world.deployed("three", "cart")

    world.ada.push(APP, "main", {path: once}, "Roll back")
    await world.settle()
    await world.finish()

    assert tree(world) == before
