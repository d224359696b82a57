"""Required rules hold for every strategy, and one ledger counts what everybody requests."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.engine.propose import Proposal, propose
from planners.model import Unit
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import ReportedFacts, ResourceClaim, Snapshot
from tests.fakes.folders import (
    application,
    cluster,
    deployment,
    planned,
    registration,
    sites,
    snapshot_of,
    tenant,
)

CPU = 10**9
STRATEGIES = pytest.mark.parametrize("strategy", ["greedy", "optimal"])


def said(proposal: Proposal) -> str:
    return "\n".join(str(problem) for problem in proposal.problems)


def documents(
    spec: str, fleet: dict[str, str], requests: str = "cpu: 1"
) -> tuple[dict[str, str], dict[str, str]]:
    names = [
        line.split("name: ")[1].split(",")[0] for line in spec.splitlines() if "{name: " in line
    ]
    parts = {f"{name}/x.yaml": deployment(name, requests) for name in names}
    return {**application(spec), **parts}, {**tenant(), **registration(), **fleet}


APART = """
strategy: %s
components:
  - {name: api, source: {manifests: api}}
  - {name: db, source: {manifests: db}, dependsOn: [{component: cache, on: allClusters}]}
  - {name: cache, source: {manifests: cache}}
placement:
  - {components: [cache, db], anyOf: {select: {}, count: 1}, prefer: {cost: 1}}
  - components: [api]
    anyOf: {select: {}, count: 1}
    affinity: [{component: db, apart: true}]
    prefer: {cost: 1}
"""


@STRATEGIES
def test_apart_holds_whichever_is_placed_first(tmp_path: Path, strategy: str) -> None:
    fleet = {
        **cluster("c1", price="{cpuHour: 0.01}"),
        **cluster("c2", price="{cpuHour: 0.05}"),
    }
    made = planned(tmp_path / "two", *documents(APART % strategy, fleet))
    assert made.problems == ()
    assert sites(made, "api") != sites(made, "db")

    refused = planned(
        tmp_path / "one", *documents(APART % strategy, cluster("c1", price="{cpuHour: 0.01}"))
    )
    assert "no placement satisfies all rules; one exists without api apart from db" in said(refused)


@STRATEGIES
def test_apart_from_a_component_with_fixed_clusters(tmp_path: Path, strategy: str) -> None:
    spec = f"""
strategy: {strategy}
components:
  - {{name: db, source: {{manifests: db}}}}
  - {{name: api, source: {{manifests: api}}}}
placement:
  - components: [db]
    allOf: [{{}}]
    affinity: [{{component: api, apart: true}}]
  - {{components: [api], anyOf: {{select: {{}}, count: 1}}}}
"""
    made = planned(tmp_path, *documents(spec, {**cluster("c1"), **cluster("c2")}))

    assert made.problems == ()
    assert sorted(sites(made, "api") + sites(made, "db")) == ["c1", "c2"]


@STRATEGIES
def test_a_component_apart_from_itself_takes_one_cluster_of_each_region(
    tmp_path: Path, strategy: str
) -> None:
    spec = f"""
strategy: {strategy}
components:
  - {{name: web, source: {{manifests: web}}}}
placement:
  - components: [web]
    anyOf: {{select: {{}}, count: all}}
    affinity: [{{component: web, apart: true, topologyKey: region}}]
"""
    fleet = {f"c{n}": cluster(f"c{n}", f"region: r{n // 2}") for n in range(4)}
    files = {path: text for each in fleet.values() for path, text in each.items()}

    assert sites(planned(tmp_path, *documents(spec, files)), "web") == ["c0", "c2"]


@STRATEGIES
def test_min_domains_is_never_missed(tmp_path: Path, strategy: str) -> None:
    spec = f"""
strategy: {strategy}
components:
  - {{name: web, source: {{manifests: web}}}}
placement:
  - components: [web]
    anyOf: {{select: {{}}, min: 1, max: 2}}
    spread: [{{topologyKey: region, maxSkew: 5, minDomains: 2}}]
"""
    fleet = {**cluster("c1", "region: x"), **cluster("c2", "region: x")}

    refused = planned(tmp_path / "x", *documents(spec, fleet))
    assert "the spread rule of web is violated" in said(refused)
    assert "1 of at least 2 values of region used" in said(refused)
    made = planned(tmp_path / "y", *documents(spec, {**fleet, **cluster("c3", "region: z")}))
    assert sites(made, "web") == ["c1", "c3"]


ONE = """
components:
  - {name: web, source: {manifests: web}}
placement:
  - {components: [web], anyOf: {select: {}, count: 1}}
"""


def running(start: Snapshot, unit: Unit, cpus: int) -> Snapshot:
    """The snapshot with a unit merged an hour ago that requests so many CPUs."""
    claim = ResourceClaim(
        "store",
        unit.component,
        (unit.cluster,),
        {"cpu": cpus * CPU},
        start.now - timedelta(hours=1),
    )
    base = replace(start.base, entries=FleetFiles.of({unit: {}}))
    return replace(start, base=base, claims=(claim,))


def test_requests_that_grow_need_room(tmp_path: Path) -> None:
    fleet = {**cluster("a", capacity="{cpu: 2}"), **cluster("b", capacity="{cpu: 8}")}
    start = snapshot_of(tmp_path / "1", *documents(ONE, fleet, "cpu: 5"))

    assert sites(propose(running(start, Unit("web", "a"), 1)), "web") == ["b"]

    alone = snapshot_of(
        tmp_path / "2", *documents(ONE, cluster("a", capacity="{cpu: 2}"), "cpu: 5")
    )
    refused = propose(running(alone, Unit("web", "a"), 1))
    assert "web" in said(refused)
    assert "a: cpu 2 free (fleet repo), needs cpu 5" in said(refused)


def test_what_runs_stays_where_room_has_shrunk(tmp_path: Path) -> None:
    fleet = {**cluster("a", capacity="{cpu: 2}"), **cluster("b", capacity="{cpu: 8}")}
    start = snapshot_of(tmp_path, *documents(ONE, fleet, "cpu: 5"))

    assert sites(propose(running(start, Unit("web", "a"), 5)), "web") == ["a"]


def test_of_two_proposals_for_the_same_room_one_gives_way(tmp_path: Path) -> None:
    """Whatever the priorities and numbers are, one application respects the other's claim."""
    start = snapshot_of(tmp_path, *documents(ONE, cluster("a", capacity="{cpu: 4}"), "cpu: 3"))
    registered = start.registration
    for own, other in [((0, 1), (5, 2)), ((0, 1), (0, 1)), ((0, 3), (0, 1)), ((1, 9), (0, 2))]:
        refused = []
        for name, mine, theirs in [("store", own, other), ("bank", other, own)]:
            rival = "bank" if name == "store" else "store"
            claims = tuple(
                ResourceClaim(who, "web", ("a",), {"cpu": 3 * CPU}, None, number, priority)
                for who, (priority, number) in [(name, mine), (rival, theirs)]
            )
            made = propose(
                replace(
                    start,
                    application=replace(start.application, name=name),
                    registration=replace(registered, application=name, priority=mine[0]),
                    claims=claims,
                )
            )
            refused.append(bool(made.problems))
        assert sorted(refused) == [False, True], (own, other)


def test_a_report_of_free_room_does_not_know_pods_that_are_not_up_yet(tmp_path: Path) -> None:
    start = snapshot_of(tmp_path, *documents(ONE, cluster("a", capacity="{cpu: 4}"), "cpu: 2"))
    facts = {"a": ReportedFacts(start.now, free={"cpu": 4 * CPU})}

    for minutes, fits in ((5, False), (60, True)):
        merged = start.now - timedelta(minutes=minutes)
        claims = (ResourceClaim("bank", "x", ("a",), {"cpu": 3 * CPU}, merged),)
        made = propose(replace(start, facts=facts, claims=claims))
        assert (made.problems == ()) is fits


DIVIDED = ONE.replace("count: 1}}", "count: 1}, replicas: %s}")


def test_divided_replicas_that_grow_need_room(tmp_path: Path) -> None:
    spec = DIVIDED % "{name: web, total: 6, divide: weighted}"
    start = snapshot_of(tmp_path, *documents(spec, cluster("a", capacity="{cpu: 4}")))

    for cpus, fits in ((6, True), (3, False)):
        made = propose(running(start, Unit("web", "a"), cpus))
        assert (made.problems == ()) is fits
    assert "web: 6 replicas of web on a need more cpu than is free (fleet repo)" in said(made)
