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


def test_optimal_finds_a_placement_where_greedy_does_not(tmp_path: Path) -> None:
    greedy = run(tmp_path / "greedy", "greedy")
    assert "no cluster for web (anyOf all clusters: 1; minimum 1)" in str(greedy.problems[0])

    best = run(tmp_path / "optimal", "optimal")

    assert best.problems == ()
    assert (sites(best, "api"), sites(best, "web")) == (["small"], ["large"])
    assert str(best.plan.optimization) == ("proven optimal; the greedy strategy violates a rule")


def test_optimal_reports_its_gain_over_greedy(tmp_path: Path) -> None:
    dear = cluster("spare", capacity="{cpu: 64}", price="{cpuHour: 0.2}")
    greedy = run(tmp_path / "greedy", "greedy", dear)
    assert (sites(greedy, "api"), sites(greedy, "web")) == (["large"], ["spare"])

    best = run(tmp_path / "optimal", "optimal", dear)

    assert (sites(best, "api"), sites(best, "web")) == (["small"], ["large"])
    optimum = best.plan.optimization
    assert optimum is not None
    assert (optimum.gained_clusters, optimum.gap) == (0, 0)
    totals = {str(each.unit): each.total for each in best.plan.trace}
    difference = (
        totals["api@small"] + totals["web@large"] - totals["api@large"] - totals["web@spare"]  # type: ignore[operator]
    )
    assert optimum.gained_points == pytest.approx(difference)
    assert optimum.gained_points > 0


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
