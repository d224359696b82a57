"""The regions of a plan: from west to east, with the stages in which their clusters change."""

from dataclasses import replace

from bot.wording.regions import regions, regions_of
from planners.model import Location
from tests.fakes.builders import clusters
from tests.fakes.comments import Told, world


def placed(*regions: str) -> Told:
    """A plan whose clusters are in these regions, the later the further west."""
    told = world(len(regions))
    found = tuple(
        replace(each, labels={**each.labels, "region": region}, location=Location(0, -number))
        for number, (each, region) in enumerate(zip(clusters(len(regions)), regions, strict=True))
    )
    return told.change(clusters=found)


def shown(told: Told) -> str:
    statuses = told.proposal().evaluation.wave_statuses
    return regions(statuses, regions_of(told.world.snapshot.clusters))


def test_regions_stand_from_west_to_east_with_their_stages() -> None:
    assert shown(placed("eu", "eu", "us")).splitlines() == [
        "<details><summary>2 regions: <code>us, eu</code></summary>",
        "",
        "| region | clusters | changes in |",
        "| --- | --- | --- |",
        "| `us` | 1 | `rest`: 1 |",
        "| `eu` | 2 | `canary`: 1, `rest`: 1 |",
        "",
        "</details>",
    ]


def test_one_region_or_none_is_not_told() -> None:
    assert shown(placed("eu", "eu")) == shown(world()) == ""


def test_regions_without_a_place_come_last() -> None:
    first, *others = placed("eu", "us", "ap").world.snapshot.clusters
    found = regions_of([replace(first, location=None), *others])
    assert [*found.values()] == ["ap", "us", "eu"]
