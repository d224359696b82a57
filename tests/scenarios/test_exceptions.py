"""Exceptions: temporary changes of the clusters and replicas of a component."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.engine.propose import Proposal, propose
from bot.wording.explanation import explanation
from planners.gating.effects import RequeueAt
from planners.model import Target
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import Snapshot
from tests.fakes.builders import warnings_of
from tests.fakes.folders import (
    application,
    cluster,
    deployment,
    registration,
    sites,
    snapshot_of,
    tenant,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ONE_OF_EDGE = "anyOf: {select: {matchLabels: {tier: edge}}, count: 1}, prefer: {cost: 1}"
ALL_EDGE = "allOf: [{matchLabels: {tier: edge}}]"
FLEET = {
    **tenant(spec="namespace: shop, clusters: {except: {names: [foreign]}}"),
    **registration(),
    **cluster("cheap", "tier: edge", price="{cpuHour: 0.01}", capacity="{cpu: 4}"),
    **cluster("dear", "tier: edge", price="{cpuHour: 0.05}", capacity="{cpu: 4}"),
    **cluster("core", "tier: core", capacity="{cpu: 1}"),
    **cluster("drained", "tier: core", maintenance="drained"),
    **cluster("tainted", "tier: core", taints="[{key: gpu, effect: NoSchedule}]"),
    **cluster("foreign", "tier: core"),
}
UNTIL = "until: 2026-11-20T14:00:00Z"


def told(folder: Path, exceptions: str, placement: str = ONE_OF_EDGE, more: str = "") -> Snapshot:
    spec = f"""
components:
  - {{name: web, source: {{manifests: web}}}}
placement:
  - {{components: [web], {placement}}}
exceptions:
{exceptions}
{more}"""
    app = {**application(spec), "web/web.yaml": deployment("web", "cpu: 500m", 2)}
    return replace(snapshot_of(folder, app, FLEET), now=NOON)


def run(folder: Path, exceptions: str, placement: str = ONE_OF_EDGE, more: str = "") -> Proposal:
    return propose(told(folder, exceptions, placement, more), thorough=True)


def said(proposal: Proposal) -> list[str]:
    return [str(each) for each in proposal.problems]


def test_an_added_cluster_does_not_count_towards_a_choice_and_is_explained(tmp_path: Path) -> None:
    made = run(tmp_path, f"  - {{components: [web], add: [cheap], {UNTIL}, reason: a fair}}")

    assert sites(made, "web") == ["cheap", "dear"]
    lines = explanation("web", made.plan.trace, made.plan.trace)
    added = "added by an exception until 2026-11-20 14:00 UTC: a fair"
    assert f"  cheap: chosen, {added}" in lines


def test_an_excluded_cluster_may_be_added_temporarily(tmp_path: Path) -> None:
    only = f"{ALL_EDGE}, except: {{names: [core]}}"
    made = run(tmp_path, "  - {components: [web], add: [core], reason: a fair}", only)

    assert sites(made, "web") == ["cheap", "core", "dear"]


def test_a_removed_cluster_is_explained_and_the_next_best_is_chosen(tmp_path: Path) -> None:
    made = run(tmp_path, f"  - {{components: [web], remove: [cheap], {UNTIL}, reason: noise}}")

    assert sites(made, "web") == ["dear"]
    lines = explanation("web", made.plan.trace, made.plan.trace)
    assert (
        "  cheap: not chosen, exceptions: removed by an exception until 2026-11-20 14:00 UTC: "
        "noise, requires no exception"
    ) in lines


def test_removal_takes_precedence_over_an_all_of_that_names_the_cluster(tmp_path: Path) -> None:
    exceptions = """\
  - {components: [web], add: [cheap], reason: a fair}
  - {components: [web], remove: [cheap], reason: noise}"""
    made = run(tmp_path, exceptions, "allOf: [{names: [cheap, dear]}]")

    assert said(made) == []
    assert sites(made, "web") == ["dear"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("foreign", "filter 'tenant' rejects it: not a cluster of the tenant"),
        ("drained", "filter 'maintenance' rejects it: drained, needs no maintenance"),
        ("tainted", "filter 'taints' rejects it: taint gpu:NoSchedule"),
    ],
)
def test_a_cluster_that_filters_reject_cannot_be_added(tmp_path: Path, name: str, why: str) -> None:
    made = run(tmp_path, f"  - {{components: [web], add: [{name}], reason: a fair}}")

    (problem,) = said(made)
    assert problem.startswith(f"switchyard.yaml:11:7: web must run on {name} (")
    assert why in problem


@pytest.mark.parametrize("strategy", ["greedy", "optimal"])
def test_an_expired_exception_has_no_effect_and_is_reported(tmp_path: Path, strategy: str) -> None:
    line = f"  - {{components: [web], add: [core], {UNTIL}, reason: a fair}}"
    before = told(tmp_path, line, more=f"strategy: {strategy}")
    plain = replace(before, application=replace(before.application, exceptions=()))

    made = propose(before)
    assert sites(made, "web") == ["cheap", "core"]
    assert warnings_of(made) == ()
    assert RequeueAt(NOON + timedelta(hours=2)) in made.evaluation.effects
    over = propose(replace(before, now=NOON + timedelta(hours=2)))
    assert over.digest == propose(plain).digest != made.digest
    assert warnings_of(over) == (
        "switchyard.yaml:11:7: the exception for web has expired: delete it",
    )
    assert over.evaluation.effects == propose(plain).evaluation.effects


def test_replicas_of_an_exception_take_precedence_over_customisations(
    tmp_path: Path,
) -> None:
    small = """\
customizations:
  - name: small
    components: [web]
    target: {kind: Deployment, name: web}
    strategicMerge: {spec: {replicas: 1}}"""
    rule = "clusters: {names: [dear]}, replicas: 6, reason: a fair"
    made = run(tmp_path, f"  - {{components: [web], {rule}}}", ALL_EDGE, small)

    path = "clusters/{0}/apps/shop/store/web/deployment-web.yaml"
    assert said(made) == []
    assert b"replicas: 6\n" in made.trees["dear"][path.format("dear")]
    assert b"replicas: 1\n" in made.trees["cheap"][path.format("cheap")]


def test_replicas_of_an_exception_take_precedence_over_distribution(tmp_path: Path) -> None:
    divided = f"{ALL_EDGE}, replicas: {{name: web, total: 2, divide: weighted}}"
    rule = "clusters: {names: [dear]}, replicas: 6, reason: a fair"
    made = run(tmp_path, f"  - {{components: [web], {rule}}}", divided)

    counts = {unit.cluster: dict(each) for unit, each in made.plan.replicas.items()}
    workload = Target("Deployment", "web")
    assert counts == {"cheap": {workload: 1}, "dear": {workload: 6}}


@pytest.mark.parametrize("running", [False, True])
def test_replicas_beyond_capacity_are_rejected(tmp_path: Path, running: bool) -> None:
    start = told(tmp_path, "  - {components: [web], replicas: 9, reason: a fair}", ALL_EDGE)
    if running:
        plain = propose(replace(start, application=replace(start.application, exceptions=())))
        units = FleetFiles.of({unit: {} for unit in plain.plan.units})
        start = replace(start, base=replace(start.base, entries=units))
    (problem,) = said(propose(start))

    assert "web must run on cheap, dear (" in problem
    assert "'capacity' rejects them: cpu 4 free (fleet repo), needs cpu 4500m" in problem


def test_an_unknown_workload_is_reported(tmp_path: Path) -> None:
    rule = "replicas: 2, workload: {kind: StatefulSet, name: db}, reason: a fair"

    made = run(tmp_path, f"  - {{components: [web], {rule}}}")
    (told,) = said(made)
    assert told == (
        "switchyard.yaml:11:7: cannot set the replicas of StatefulSet/db: web has no such object "
        "(it has Deployment/web): correct the name, or name other components"
    )
