"""EMCO's examples of placement (D1 to D4), and what it promised: cost, distance, carbon, room."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.engine.propose import Proposal, propose
from planners.model import Target, Unit
from planners.model.snapshot import ReportedFacts, ResourceClaim
from tests.fakes.builders import World
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

GIB = 2**30 * 10**9
EUROPE = {
    **cluster(
        "berlin",
        "region: eu, tier: edge",
        location="{latitude: 52.52, longitude: 13.40}",
        price="{cpuHour: 0.04}",
        carbon="380",
        capacity="{cpu: 8, memory: 32Gi}",
    ),
    **cluster(
        "oslo",
        "region: eu, tier: edge",
        location="{latitude: 59.91, longitude: 10.75}",
        price="{cpuHour: 0.06}",
        carbon="25",
        capacity="{cpu: 16, memory: 64Gi, nvidia.com/gpu: 2}",
        capabilities="[gpu]",
    ),
    **cluster(
        "ohio",
        "region: us, tier: core",
        location="{latitude: 40.0, longitude: -83.0}",
        price="{cpuHour: 0.02}",
        carbon="450",
        capacity="{cpu: 64, memory: 256Gi}",
        allocated="{cpu: 60}",
    ),
}


def run(
    folder: Path,
    placement: str,
    fleet: Mapping[str, str] = EUROPE,
    requests: str = "cpu: 500m, memory: 1Gi",
    replicas: int = 2,
) -> Proposal:
    return planned(folder, *documents(placement, fleet, requests, replicas))


def documents(
    placement: str, fleet: Mapping[str, str], requests: str = "cpu: 500m", replicas: int = 2
) -> tuple[dict[str, str], dict[str, str]]:
    spec = f"""
components:
  - {{name: web, source: {{manifests: web}}}}
placement:
  - components: [web]
{placement}"""
    app = {**application(spec), "web/web.yaml": deployment("web", requests, replicas)}
    return app, {**tenant(), **registration(), **fleet}


def said(proposal: Proposal) -> str:
    return "\n".join(str(problem) for problem in proposal.problems)


ANY_ONE = "    anyOf: {select: {}, count: 1}\n"


def test_the_cheapest_cluster_with_capacity_is_chosen(tmp_path: Path) -> None:
    made = run(tmp_path, ANY_ONE + "    prefer: {cost: 1}")

    assert sites(made, "web") == ["ohio"]


def test_no_cluster_is_chosen_beyond_its_capacity(tmp_path: Path) -> None:
    made = run(tmp_path, ANY_ONE + "    prefer: {cost: 1}", replicas=10)

    assert sites(made, "web") == ["berlin"]
    ohio = next(each for each in made.plan.trace if each.unit.cluster == "ohio")
    assert (ohio.verdict.filter, ohio.verdict.seen, ohio.verdict.needed) == (
        "capacity",
        "cpu 4 free (fleet repo)",
        "cpu 5",
    )


def test_the_cleanest_cluster_is_chosen(tmp_path: Path) -> None:
    assert sites(run(tmp_path, ANY_ONE + "    prefer: {carbon: 1}"), "web") == ["oslo"]


def test_the_cluster_nearest_to_most_users_is_chosen(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        ANY_ONE
        + """\
    prefer: {latency: 1}
    users:
      - {name: prague, latitude: 50.08, longitude: 14.43, weight: 9}
      - {name: chicago, latitude: 41.88, longitude: -87.63, weight: 1}""",
    )

    assert sites(made, "web") == ["berlin"]
    scores = {each.unit.cluster: each.scores[0].inputs for each in made.plan.trace}
    assert scores["berlin"] == "9.61 ms (estimated from distance)"


def test_measured_latency_takes_precedence_over_distance(tmp_path: Path) -> None:
    app, fleet = documents(
        ANY_ONE
        + "    prefer: {latency: 1}\n"
        + "    users: [{name: prague, latitude: 50.08, longitude: 14.43}]",
        EUROPE,
    )
    start = snapshot_of(tmp_path, app, fleet)
    at = start.now - timedelta(minutes=3)
    facts = {
        "berlin": ReportedFacts(at, latency={"prague": 80.0}),
        "oslo": ReportedFacts(at, latency={"prague": 12.0}),
    }

    assert sites(propose(start), "web") == ["berlin"]
    assert sites(propose(replace(start, facts=facts)), "web") == ["oslo"]
    old = {name: replace(each, at=at - timedelta(hours=1)) for name, each in facts.items()}
    assert sites(propose(replace(start, facts=old)), "web") == ["berlin"]


def test_unknown_facts_score_zero_and_are_explained(tmp_path: Path) -> None:
    fleet = {**EUROPE, **cluster("bare", "region: eu")}
    made = run(tmp_path, ANY_ONE + "    prefer: {cost: 2, carbon: 1, reported/queue: 1}", fleet)

    bare = next(each for each in made.plan.trace if each.unit.cluster == "bare")
    assert [(each.name, each.value, each.inputs) for each in bare.scores] == [
        ("carbon", 0.0, "carbon intensity unknown"),
        ("cost", 0.0, "price unknown"),
        ("reported/queue", 0.0, "reported queue unknown"),
        ("steady", 0.0, "not running"),
    ]


def test_resources_claimed_by_others_first_are_not_available(tmp_path: Path) -> None:
    app, fleet = documents(ANY_ONE + "    prefer: {cost: 1}", EUROPE, "cpu: 1", 3)
    start = snapshot_of(tmp_path, app, fleet)
    claim = ResourceClaim("bank", "ledger", ("ohio",), {"cpu": 2 * 10**9}, None, number=41)

    made = propose(replace(start, claims=(claim,)))

    assert sites(propose(start), "web") == ["ohio"]
    assert sites(made, "web") == ["berlin"]
    ohio = next(each for each in made.plan.trace if each.unit.cluster == "ohio")
    assert ohio.verdict.seen == "cpu 2 free (fleet repo; claimed by bank !41)"
    later = replace(claim, priority=-1)
    assert sites(propose(replace(start, claims=(later,))), "web") == ["ohio"]


def test_a_cluster_has_room_for_a_pod_on_every_node(tmp_path: Path) -> None:
    daemon = deployment("web", "cpu: 1").replace("Deployment", "DaemonSet")
    daemon = daemon.replace("  replicas: 1\n", "")

    def made(nodes: int) -> Proposal:
        fleet = cluster("ohio", capacity="{cpu: 4}", nodes=str(nodes))
        app, files = documents(ANY_ONE, fleet)
        return planned(tmp_path / str(nodes), {**app, "web/web.yaml": daemon}, files)

    assert not made(4).problems
    assert "cpu 4 free (fleet repo), needs cpu 5" in said(made(5))


def test_claims_count_autoscalers_and_the_default_requests_of_their_tenant(tmp_path: Path) -> None:
    app, fleet = documents(ANY_ONE, cluster("ohio", capacity="{cpu: 4}"), "cpu: 1", 1)
    scaled = """
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: ledger}
    spec:
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: ledger}
      minReplicas: 2
      maxReplicas: 4
    """
    unit = "clusters/ohio/apps/bank/ledger/ledger"
    fleet |= registration("ledger", "bank")
    fleet |= tenant("bank", "namespace: bank, limits: {defaultRequest: {cpu: 2}}")
    deploy = {
        f"{unit}/deployment-ledger.yaml": deployment("ledger").encode(),
        f"{unit}/horizontalpodautoscaler-ledger.yaml": textwrap.dedent(scaled).encode(),
    }

    start = snapshot_of(tmp_path, app, fleet, deploy)

    assert "cpu 0 free (fleet repo; claimed by ledger), needs cpu 1" in said(propose(start))


def test_reported_free_resources_count_up_to_the_declared_capacity(tmp_path: Path) -> None:
    app, fleet = documents("    allOf: [{names: [ohio]}]", EUROPE, "cpu: 50", 3)
    start = snapshot_of(tmp_path, app, fleet)
    facts = {"ohio": ReportedFacts(start.now, free={"cpu": 4_000 * 10**9})}

    assert said(propose(replace(start, facts=facts))) == (
        "switchyard.yaml:9:7: web must run on ohio (allOf name in (ohio)), but filter 'capacity' "
        "rejects it: cpu 64 free (reported just now, limited by the fleet repo), needs cpu 150"
    )


def test_reported_free_resources_include_earlier_merges(tmp_path: Path) -> None:
    app, fleet = documents("    allOf: [{names: [ohio]}]", EUROPE, "cpu: 1", 3)
    start = snapshot_of(tmp_path, app, fleet)
    at = start.now - timedelta(minutes=1)
    facts = {"ohio": ReportedFacts(at, free={"cpu": 4 * 10**9})}
    before = ResourceClaim("bank", "a", ("ohio",), {"cpu": 2 * 10**9}, at - timedelta(hours=1))
    after = replace(before, merged_at=at + timedelta(seconds=30))

    assert not propose(replace(start, facts=facts, claims=(before,))).problems
    refused = propose(replace(start, facts=facts, claims=(after,)))
    assert said(refused) == (
        "switchyard.yaml:9:7: web must run on ohio (allOf name in (ohio)), but filter "
        "'capacity' rejects it: cpu 2 free (reported 1m ago; claimed by bank), needs cpu 3"
    )


def test_d1_a_move_is_make_before_break(tmp_path: Path) -> None:
    app, fleet = documents("    allOf: [{names: [berlin]}]", EUROPE)
    world = World(snapshot_of(tmp_path / "1", app, fleet))
    world.finish()
    app, fleet = documents("    allOf: [{names: [oslo]}]", EUROPE)
    moved = snapshot_of(tmp_path / "2", app, fleet)
    world.snapshot = replace(world.snapshot, application=moved.application)

    world.settle()
    assert set(world.snapshot.base.entries) == {Unit("web", "berlin"), Unit("web", "oslo")}

    world.finish()
    assert world.merged == ["all.1", "all.1", "remove.2"]
    assert set(world.snapshot.base.entries) == {Unit("web", "oslo")}


def test_d2_a_new_label_makes_a_placement_possible(tmp_path: Path) -> None:
    placement = "    allOf: [{matchLabels: {pop: yes-please}}]"
    app, fleet = documents(placement, {**EUROPE, **cluster("pop", "pop: yes-please")})
    labelled = snapshot_of(tmp_path, app, fleet)
    bare = tuple(
        replace(each, labels={}) if each.name == "pop" else each for each in labelled.clusters
    )

    before, after = propose(replace(labelled, clusters=bare)), propose(labelled)

    assert "no cluster for web (allOf pop=yes-please; minimum 1)" in said(before)
    assert sites(after, "web") == ["pop"]


def test_d3_three_components_on_any_subsets_of_ten_clusters(tmp_path: Path) -> None:
    fleet = {}
    for number in range(10):
        fleet |= cluster(f"c{number}", f"odd: x{number % 2}")
    spec = """
components:
  - {name: a, source: {manifests: a}}
  - {name: b, source: {manifests: b}}
  - {name: c, source: {manifests: c}}
placement:
  - {components: [a], allOf: [{matchLabels: {odd: x1}}]}
  - {components: [b], allOf: [{names: [c0]}, {anyOf: {select: {matchLabels: {odd: x1}}, count: 2}}]}
  - {components: [c], anyOf: {select: {except: {names: [c0, c1]}}, count: 50%}}
"""
    app = {**application(spec), **{f"{name}/x.yaml": deployment(name) for name in "abc"}}
    made = planned(tmp_path, app, {**tenant(), **registration(), **fleet})

    assert sites(made, "a") == ["c1", "c3", "c5", "c7", "c9"]
    assert sites(made, "b") == ["c0", "c1", "c3"]
    assert sites(made, "c") == ["c2", "c4", "c6", "c8"]


def test_d4_anyof_chooses_a_cluster_with_the_required_capability(tmp_path: Path) -> None:
    made = run(tmp_path, ANY_ONE, requests="nvidia.com/gpu: 1, cpu: 1")

    assert sites(made, "web") == ["oslo"]


def test_clusters_that_are_rejected_for_one_cause_are_one_problem(tmp_path: Path) -> None:
    fleet = {path: text for n in range(11) for path, text in cluster(f"c{n:02}").items()}
    made = run(tmp_path, "    allOf: [{}]\n    requires: [gpu]", fleet)

    assert said(made) == (
        "switchyard.yaml:9:7: web must run on c00, c01, c02, c03, c04, c05, c06, c07 and 3 more "
        "(allOf all clusters), but filter 'capabilities' rejects them: no capabilities, needs gpu"
    )


def test_d4_allof_requires_the_capability_on_every_selected_cluster(tmp_path: Path) -> None:
    made = run(tmp_path, "    allOf: [{matchLabels: {tier: edge}}]\n    requires: [gpu]")

    assert said(made) == (
        "switchyard.yaml:9:7: web must run on berlin (allOf tier=edge), but filter "
        "'capabilities' rejects it: no capabilities, needs gpu"
    )


def test_d4_an_impossible_request_names_the_filter_that_rejected_the_most(
    tmp_path: Path,
) -> None:
    made = run(tmp_path, ANY_ONE, requests="cpu: 40")

    assert said(made) == (
        "switchyard.yaml:9:7: no cluster for web (anyOf all clusters: 1; minimum 1): filter "
        "'capacity' rejects 3 of 3; for example berlin: cpu 8 free (fleet repo), needs cpu 80"
    )


def test_taints_reject_and_evict(tmp_path: Path) -> None:
    tainted = cluster(
        "berlin",
        "region: eu, tier: edge",
        taints="[{key: dedicated, value: ml, effect: NoSchedule}]",
    )
    fleet = {**EUROPE, **tainted}
    select = "    anyOf: {select: {matchLabels: {tier: edge}}, count: all}\n"

    assert sites(run(tmp_path / "1", select, fleet), "web") == ["oslo"]
    tolerating = select + "    tolerations: [{key: dedicated, operator: Exists}]"
    assert sites(run(tmp_path / "2", tolerating, fleet), "web") == ["berlin", "oslo"]
    soft = {
        **EUROPE,
        **cluster("berlin", "tier: edge", taints="[{key: x, effect: PreferNoSchedule}]"),
    }
    assert sites(run(tmp_path / "3", ANY_ONE, soft), "web") == ["ohio"]


def test_no_execute_evicts_running_components_and_no_schedule_does_not(tmp_path: Path) -> None:
    app, fleet = documents(ANY_ONE, EUROPE)
    world = World(snapshot_of(tmp_path, app, fleet))
    world.finish()
    assert set(world.snapshot.base.entries) == {Unit("web", "berlin")}

    for effect, expected in (("NoSchedule", "berlin"), ("NoExecute", "ohio")):
        tainted = cluster("berlin", "tier: edge", taints=f"[{{key: x, effect: {effect}}}]")
        changed = snapshot_of(tmp_path / effect, app, {**fleet, **tainted})
        world.snapshot = replace(world.snapshot, clusters=changed.clusters)
        world.finish()
        assert set(world.snapshot.base.entries) == {Unit("web", expected)}


def test_a_drained_cluster_loses_its_components_and_a_cordoned_one_keeps_them(
    tmp_path: Path,
) -> None:
    app, fleet = documents(ANY_ONE, EUROPE)
    for state, expected in (("cordoned", "berlin"), ("drained", "ohio")):
        world = World(snapshot_of(tmp_path / state, app, fleet))
        world.finish()
        kept = cluster("berlin", "tier: edge", maintenance=state)
        changed = snapshot_of(tmp_path / f"{state}-2", app, {**fleet, **kept})
        assert sites(propose(changed), "web") == ["ohio"]
        world.snapshot = replace(world.snapshot, clusters=changed.clusters)
        assert sites(propose(world.snapshot), "web") == [expected]


def test_running_components_move_only_for_a_gain_beyond_the_threshold(tmp_path: Path) -> None:
    for threshold, expected in ((10, "berlin"), (5, "oslo")):
        fleet = {
            **cluster("berlin", price="{cpuHour: 0.05}"),
            **cluster("oslo", price="{cpuHour: 0.06}"),
        }
        placement = ANY_ONE + f"    prefer: {{cost: 1}}\n    moveThreshold: {threshold}"
        app, documents_ = documents(placement, fleet)
        world = World(snapshot_of(tmp_path / f"{threshold}", app, documents_))
        world.finish()
        assert set(world.snapshot.base.entries) == {Unit("web", "berlin")}
        cheaper = {**documents_, **cluster("oslo", price="{cpuHour: 0.037}")}
        changed = snapshot_of(tmp_path / f"{threshold}-2", app, cheaper)
        world.snapshot = replace(world.snapshot, clusters=changed.clusters)

        assert sites(propose(world.snapshot), "web") == [expected]


def test_spread_uses_every_region_or_fails(tmp_path: Path) -> None:
    fleet = {}
    for number in range(6):
        fleet |= cluster(f"c{number}", f"region: {'eu' if number < 4 else 'us'}")
    spread = "    spread: [{topologyKey: region, maxSkew: 1}]"

    made = run(tmp_path / "1", f"    anyOf: {{select: {{}}, count: 4}}\n{spread}", fleet)
    assert sites(made, "web") == ["c0", "c1", "c4", "c5"]
    refused = run(tmp_path / "2", f"    anyOf: {{select: {{}}, count: 6}}\n{spread}", fleet)
    assert said(refused).startswith(
        "switchyard.yaml:9:7: only 5 clusters for web (anyOf all clusters: 6; minimum 6): filter "
        "'spread' rejects 1 of 1; for example c3: 3 clusters with region=eu, 2 elsewhere"
    )
    strict = run(tmp_path / "3", f"    allOf: [{{}}]\n{spread}", fleet)
    assert "clusters: 4 with region=eu, 2 with region=us" in said(strict)


def test_replicas_are_distributed_by_weights_and_written_per_cluster(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
    allOf: [{}]
    replicas:
      name: web
      total: 10
      divide: weighted
      weights: [{clusters: {names: [oslo]}, weight: 2}]""",
        requests="cpu: 100m",
    )

    counts = {unit.cluster: dict(each) for unit, each in made.plan.replicas.items()}
    key = Target("Deployment", "web")
    assert counts == {"berlin": {key: 3}, "ohio": {key: 2}, "oslo": {key: 5}}
    path = "clusters/oslo/apps/shop/store/web/deployment-web.yaml"
    assert b"replicas: 5\n" in made.trees["oslo"][path]


def test_replicas_are_distributed_by_free_capacity(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        "    allOf: [{}]\n    replicas: {name: web, total: 7, divide: capacity}",
        requests="cpu: 4",
    )

    counts = {
        unit.cluster: each[Target("Deployment", "web")] for unit, each in made.plan.replicas.items()
    }
    assert counts == {"berlin": 2, "ohio": 1, "oslo": 4}


def test_affinity_and_anti_affinity(tmp_path: Path) -> None:
    spec = """
components:
  - {name: cache, source: {manifests: cache}}
  - {name: web, source: {manifests: web}}
  - {name: spare, source: {manifests: spare}}
placement:
  - {components: [cache], anyOf: {select: {names: [oslo]}, count: 1}}
  - {components: [web], anyOf: {select: {}, count: 1}, affinity: [{component: cache}]}
  - components: [spare]
    anyOf: {select: {}, count: 1}
    affinity: [{component: cache, apart: true, topologyKey: region}]
"""
    parts = {f"{name}/x.yaml": deployment(name) for name in ("cache", "web", "spare")}
    made = planned(
        tmp_path, {**application(spec), **parts}, {**tenant(), **registration(), **EUROPE}
    )

    assert (sites(made, "cache"), sites(made, "web"), sites(made, "spare")) == (
        ["oslo"],
        ["oslo"],
        ["ohio"],
    )
