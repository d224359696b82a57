"""Updates: what a merge request shows, what moves, what a newer revision does to one under way."""

import re
import shlex
from pathlib import Path

from bot.__main__ import main
from bot.git import Mirror
from bot.sandbox.demo.site import APP, DEPLOY, FLEET
from planners.model import Repo
from tests.fakes.folders import write
from tests.fakes.world import World, manifest, small_app, small_fleet


async def installed(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.finish()


def reproduced(world: World, comment: str, folder: Path) -> int:
    """Do what the comment says, on folders with the commits that it names; how that ends."""
    (line,) = [each for each in comment.splitlines() if "reproduce with" in each]
    command, *places = re.findall(r"`([^`]+)`", line[line.index("reproduce with") :])
    for name, repository, sha in zip(
        ("APP", "FLEET", "DEPLOY"), (APP, FLEET, DEPLOY), places, strict=True
    ):
        command = command.replace(f" {name} ", f" {folder / name} ")
        mirror = world.context.mirrors.of(Repo("local", repository))
        write(folder / name, mirror.files(full(mirror, sha)))
    program, *arguments = shlex.split(command)
    assert program == "switchyard"
    return main(arguments)


def full(mirror: Mirror, sha: str) -> str:
    """The commit of a branch that begins so."""
    return next(each for each in mirror.branches().values() if each.startswith(sha))


async def test_a_new_image_changes_one_line_on_each_cluster_that_runs_it(world: World) -> None:
    await installed(world)
    before = world.deployed("two", "cart").splitlines()

    world.ada.push(APP, "main", {"deploy/cart/deployment.yaml": manifest("cart", "1.1.0")}, "Cart")
    await world.settle()
    requests = world.rita.requests(DEPLOY, "all")[6:]
    git = world.site.made.forge.git
    diffs = [git.diff(DEPLOY, git.head(DEPLOY, "main"), each["head"]) for each in requests]
    await world.finish()

    assert [each["source_branch"].rpartition("/")[2] for each in requests] == ["canary.2", "rest.2"]
    assert [(file.added, file.removed) for diff in diffs[1:] for file in diff] == [(1, 1), (1, 1)]
    after = world.deployed("two", "cart").splitlines()
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert len(changed) == 1
    assert "cart:1.1.0" in changed[0][1]
    assert world.merged()[6:] == ["canary.2", "rest.2"]


async def test_a_merge_request_shows_what_merging_would_do(world: World, tmp_path: Path) -> None:
    await installed(world)
    change = {"deploy/web/deployment.yaml": manifest("web", "2.0.0")}
    world.ada.push(APP, "new-web", change, "New web")
    number = world.ada.open(APP, "new-web", "New web")

    await world.settle()
    first = world.home(number)
    assert "changes 3 of 3 clusters in 2 waves" in first
    assert "since plan" not in first
    assert reproduced(world, first, tmp_path / "first") == 0
    assert "\n+        image: registry.example.com/web:2.0.0\n" in first
    head = world.ada.request(APP, number)["head"]
    status = world.ada.statuses(APP, head)["switchyard/plan"]
    assert (status["state"], status["description"]) == (
        "success",
        "changes 3 of 3 clusters in 2 waves",
    )
    details = await world.client.get(str(status["url"]))
    assert "not merged yet" in details.text
    assert "+        image: registry.example.com/web:2.0.0" in details.text

    change = {"deploy/web/deployment.yaml": manifest("web", "2.0.1")}
    world.ada.push(APP, "new-web", change, "Newer web")
    await world.settle()
    assert "web:2.0.1" in world.home(number)
    assert "web:2.0.0" not in world.home(number)
    told = "- new: 3 clusters (`one, three, two`): `image 1.0.0 -> 2.0.1` \u00b7 image major"
    assert told in world.home(number)
    assert world.rita.requests(DEPLOY) == []

    await world.lose_database()
    for cluster in world.clusters.values():
        for applied in cluster.applied.values():
            applied.last_report = ("", "")
    world.ada.merge(APP, number)
    await world.finish()
    last = world.home(number)
    assert "rolled out: 3 clusters ready" in last
    assert "As previewed: this merge request showed plan" in last
    assert reproduced(world, last, tmp_path / "last") == 0


async def test_an_application_without_components_leaves_every_cluster(world: World) -> None:
    await installed(world)
    text = small_app()["switchyard.yaml"]
    assert text is not None
    begin, end = text.index(b"  components:"), text.index(b"  rollout:")
    ended = text[:begin] + b"  components: []\n" + text[end:]
    world.ada.push(APP, "end", {"switchyard.yaml": ended}, "End of the shop")
    number = world.ada.open(APP, "end", "End of the shop")
    await world.settle()
    assert "all 3 clusters (<code>one, three, two</code>): 3 objects deleted" in world.home(number)
    assert "Warnings" not in world.home(number)

    world.ada.merge(APP, number)
    await world.settle()
    assert world.merged()[6:] == ["remove.1"]
    assert world.view().headline == "rolled out: runs on no cluster"
    for cluster in world.clusters.values():
        assert cluster.applied == {}


async def test_a_mistake_is_said_where_it_is_and_changes_nothing(world: World) -> None:
    await installed(world)
    text = small_app()["switchyard.yaml"]
    assert text is not None
    broken = text.replace(b"component: redis", b"component: rediss")
    world.ada.push(APP, "typo", {"switchyard.yaml": broken}, "Typo")
    number = world.ada.open(APP, "typo", "Typo")

    await world.settle()

    comment = world.home(number)
    assert "no plan" in comment
    assert "`switchyard.yaml:10:20`: unknown component `rediss` (did you mean `redis`?)" in comment
    head = world.ada.request(APP, number)["head"]
    assert world.ada.statuses(APP, head)["switchyard/plan"]["state"] == "failure"


async def test_a_newer_revision_takes_over_without_repeating_what_is_merged(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    assert world.merged() == ["canary.1"]
    before = {each["source_branch"]: each for each in world.rita.requests(DEPLOY)}

    world.ada.push(APP, "main", {"deploy/web/deployment.yaml": manifest("web", "2.0.0")}, "Web 2")
    await world.settle()
    after = {each["source_branch"]: each for each in world.rita.requests(DEPLOY)}

    assert {name: each["number"] for name, each in after.items()} == {
        name: each["number"] for name, each in before.items()
    }
    moved = {name for name in after if after[name]["head"] != before[name]["head"]}
    assert moved == {"switchyard/storefront/canary.3", "switchyard/storefront/rest.3"}
    await world.finish()
    assert world.merged() == ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
    assert "web:2.0.0" in world.deployed("three", "web")


async def test_a_cluster_that_joins_waits_for_the_next_plan(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    late = {"clusters/four.yaml": small_fleet(("four",))["clusters/four.yaml"]}
    late["clusters/four.yaml"] = (late["clusters/four.yaml"] or b"").replace(b"true", b"false")
    world.otto.push("fleet/fleet", "main", late, "Four joins")
    world.add_cluster("four")
    await world.settle()
    assert "four" not in {unit.cluster for unit in world.view().units}

    await world.finish()
    await world.sweep()
    await world.finish()
    assert "web:1.0.0" in world.deployed("four", "web")
