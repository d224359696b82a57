"""Everything that is kept is bounded: by time, or by what the fleet repo declares."""

from collections import Counter
from datetime import timedelta

import sqlalchemy as sa

from bot.sandbox.demo.site import APP, FLEET
from bot.store import keys
from bot.store.tables import metadata
from bot.worker import retention
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_facts import cost, send

TABLES = {
    "inbox": "deliveries of seven days; bodies by size",
    "queue": "keys that need a pass",
    "reports": "a year, and so many for each unit",
    "expected_reports": "units of waves that merge or settle",
    "views": "see VIEWS",
    "audit": "a year",
    "messages": "a year",
}
VIEWS = {
    **dict.fromkeys(retention.OF_APPLICATIONS, "a registered application"),
    **dict.fromkeys(retention.OF_CLUSTERS, "a declared cluster"),
    **dict.fromkeys(retention.OF_REPOSITORIES, "a repository that the fleet repo names"),
    keys.SIGNALS: "a declared cluster and what rules name; each series by its length",
    keys.ALERTS: "what rules watch",
    keys.PAUSES: "a repository that the fleet repo names",
    keys.TOKENS: "ten for each person, for thirty days",
    keys.FLEET: "one",
    keys.FLEET_DETAILS: "one",
    keys.REPORTERS: "one",
    keys.TENANTS: "one",
    keys.PROBE: "one",
    keys.LEASES: "one for each name in the source",
    keys.SETUP_CHECK: "one for each forge, source of status documents, and for channels",
    keys.HASHES: "one for each shared view",
}
NOT_VIEWS = {keys.APPLICATION, keys.REVIEW, keys.CLUSTER, keys.AGENT, keys.ECHO}
OLD = ("inbox", "audit", "reports")


def test_every_table_and_every_kind_of_view_has_a_bound() -> None:
    assert set(TABLES) == set(metadata.tables)
    named = {each for name, each in vars(keys).items() if name.isupper() and isinstance(each, str)}
    shared = {each for each in VIEWS if each.startswith(keys.HASHES) and each != keys.HASHES}
    assert set(VIEWS) - shared == named - NOT_VIEWS


def rows(world: World) -> Counter[str]:
    """How many rows each table has, and each kind of view."""
    found: Counter[str] = Counter()
    with world.context.store._database.read() as connection:
        for table in metadata.sorted_tables:
            found[table.name] = connection.scalar(sa.select(sa.func.count()).select_from(table))
        for key in connection.scalars(sa.select(metadata.tables["views"].c.key)):
            found[next(each for each in VIEWS if key.startswith(each))] += 1
    return found


async def day(world: World, number: int) -> Counter[str]:
    """A version is rolled out, clusters report facts, and everything comes to rest."""
    world.ada.push(APP, "main", small_app(web=f"1.0.{number}"), f"Version {number}")
    for cluster in world.clusters:
        assert await send(world, cluster, cost(world, number)) == 202
    await world.settle()
    await world.finish()
    await world.advance(timedelta(days=1).total_seconds())
    await world.sweep()
    return rows(world)


async def test_rows_grow_neither_with_rollouts_nor_with_what_came_and_went(world: World) -> None:
    world.found(small_fleet(("one", "two")))
    await world.settle()
    days = [await day(world, number) for number in range(3)]
    without_time = [{name: n for name, n in each.items() if name not in OLD} for each in days]
    assert without_time[1] == without_time[2]

    world.now += retention.AUDIT_KEPT + timedelta(days=1)
    await world.sweep()
    late = rows(world)
    assert late["inbox"] == 0
    assert late["audit"] <= days[0]["audit"]
    assert late["reports"] <= days[0]["reports"]

    gone = dict.fromkeys(["applications/storefront.yaml", "clusters/two.yaml"])
    world.otto.push(FLEET, "main", gone, "Give the shop up")
    await world.settle()
    await world.sweep()
    left = rows(world)
    assert not {each for each in retention.OF_APPLICATIONS if left[each]}
    assert left[keys.FACTS] == 1
