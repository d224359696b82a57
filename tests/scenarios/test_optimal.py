"""`strategy: optimal`: all components of an application are placed together."""

import sys
from pathlib import Path

import pytest

from bot.engine.propose import Proposal
from tests.fakes.folders import (
    application,
    cluster,
    deployment,
    planned,
    registration,
    sites,
    tenant,
)

SPEC = """
strategy: {strategy}
components:
  - {{name: api, source: {{manifests: api}}}}
  - {{name: web, source: {{manifests: web}}}}
placement:
  - {{components: [api, web], anyOf: {{select: {{}}, count: 1}}, prefer: {{cost: 1}}}}
"""
PARTS = {
    "api/x.yaml": deployment("api", requests="cpu: 2"),
    "web/x.yaml": deployment("web", requests="cpu: 4"),
}


def fleet(large: str = "0.02", small: str = "0.03") -> dict[str, str]:
    """`large` has capacity for one of the two, `small` for api, `spare` for all at a high price."""
    return {
        **tenant(),
        **registration(),
        **cluster("large", capacity="{cpu: 4}", price=f"{{cpuHour: {large}}}"),
        **cluster("small", capacity="{cpu: 3}", price=f"{{cpuHour: {small}}}"),
    }


def run(folder: Path, strategy: str, more: dict[str, str] | None = None) -> Proposal:
    app = application(SPEC.format(strategy=strategy))
    return planned(folder, {**app, **PARTS}, {**fleet(), **(more or {})})


def test_the_default_strategy_repairs_what_one_after_the_other_does_not_find(
    tmp_path: Path,
) -> None:
    for strategy in ("greedy", "optimal"):
        made = run(tmp_path / strategy, strategy)

        assert made.problems == ()
        assert (sites(made, "api"), sites(made, "web")) == (["small"], ["large"])


def test_the_default_strategy_exchanges_clusters_for_more_points(tmp_path: Path) -> None:
    dear = cluster("spare", capacity="{cpu: 64}", price="{cpuHour: 0.2}")

    made = run(tmp_path, "greedy", dear)

    assert (sites(made, "api"), sites(made, "web")) == (["small"], ["large"])


def test_optimal_reports_its_gain_over_greedy(tmp_path: Path) -> None:
    """Three components that each must move one cluster on: more than the greedy one exchanges."""
    spec = """
strategy: optimal
components:
  - {name: a, source: {manifests: a}}
  - {name: b, source: {manifests: b}}
placement:
  - {components: [a], anyOf: {select: {}, count: 1}, prefer: {headroom: 1}}
  - {components: [b], anyOf: {select: {}, count: 1}, prefer: {cost: 1}}
"""
    parts = {f"{name}/x.yaml": deployment(name, requests="cpu: 4") for name in "ab"}
    documents = {
        **tenant(),
        **registration(),
        **cluster("cheap", capacity="{cpu: 7}", price="{cpuHour: 0.01}"),
        **cluster("dear", capacity="{cpu: 6}", price="{cpuHour: 0.2}"),
    }

    best = planned(tmp_path, {**application(spec), **parts}, documents)

    assert (sites(best, "a"), sites(best, "b")) == (["dear"], ["cheap"])
    optimum = best.plan.optimization
    assert optimum is not None
    assert (optimum.gained_clusters, optimum.gap) == (0, 0)
    assert optimum.gained_points is not None


def test_optimal_reports_the_rule_that_prevents_a_placement(tmp_path: Path) -> None:
    poor = cluster("large", capacity="{cpu: 3}")

    refused = run(tmp_path, "optimal", poor)

    assert "web" in str(refused.problems[0])
    assert "filter 'capacity' rejects 2 of 2" in str(refused.problems[0])


def test_optimal_without_its_solver_reports_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)

    refused = run(tmp_path, "optimal")

    assert str(refused.problems[0]) == (
        "`strategy: optimal` needs a solver that is not installed: "
        "run `pip install switchyard[optimal]`, or use `strategy: greedy`"
    )
