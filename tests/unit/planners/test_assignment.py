"""Placement of all components of an application together."""

import sys
from dataclasses import replace

import pytest

from bot.engine.highs import SolverMissingError, load
from planners.model import Unit
from planners.optimizer.greedy import assign_greedily
from planners.optimizer.milp import solve
from planners.optimizer.problem import (
    AffinityConstraint,
    Assignment,
    AssignmentProblem,
    Choice,
    Infeasible,
    Solution,
    SpreadConstraint,
    check,
    objective,
    points,
)
from planners.optimizer.reduce import reduced
from planners.optimizer.solver import (
    Bounds,
    IntegerProgram,
    LinearConstraint,
    SolverError,
    SolverResult,
)

CPU = 10**9
GIB = 2**30 * 10**9
SOLVER = load()

ZONES = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}


def cpu(component: str, amount: int, *names: str) -> dict[Unit, dict[str, int]]:
    return {Unit(component, name): {"cpu": amount} for name in names}


def solved(problem: AssignmentProblem) -> Solution:
    found = solve(problem, SOLVER)
    assert isinstance(found, Solution), found
    assert check(problem, found.chosen) == ()
    return found


def reason(problem: AssignmentProblem) -> str:
    found = solve(problem, SOLVER)
    assert isinstance(found, Infeasible)
    assert found.proven
    return found.reason


def where(solution: Solution, component: str) -> list[str]:
    return sorted(
        assignment.cluster for assignment in solution.chosen if assignment.component == component
    )


# eu has capacity for one of the two; cart scores little less on us, web much less.
CONTENDED = AssignmentProblem(
    (
        Choice("cart", 0, {"eu": 9000, "us": 8900}, 1, 1),
        Choice("web", 0, {"eu": 8000, "us": 1000}, 1, 1),
    ),
    requests=cpu("cart", CPU, "eu", "us") | cpu("web", CPU, "eu", "us"),
    free={"eu": {"cpu": CPU}, "us": {"cpu": CPU}},
)


def test_greedy_assignment_favours_the_first_component() -> None:
    chosen = assign_greedily(CONTENDED)

    assert chosen == {Assignment("cart", 0, "eu"), Assignment("web", 0, "us")}
    assert points(CONTENDED, chosen) == 10000


def test_optimal_assignment_considers_all_components() -> None:
    found = solve(CONTENDED, SOLVER)

    assert found == Solution(
        frozenset({Assignment("cart", 0, "us"), Assignment("web", 0, "eu")}),
        points=16900,
        bound=16900,
        proven=True,
        ties_resolved=True,
    )


def test_the_number_of_assignments_outranks_their_score() -> None:
    problem = AssignmentProblem(
        tuple(
            Choice(name, 0, {"eu": given}, 0)
            for name, given in (("big", 20000), ("a", 0), ("b", 0))
        ),
        requests=cpu("big", 2 * CPU, "eu") | cpu("a", CPU, "eu") | cpu("b", CPU, "eu"),
        free={"eu": {"cpu": 2 * CPU}},
    )

    assert solved(problem).chosen == {Assignment("a", 0, "eu"), Assignment("b", 0, "eu")}


def test_without_a_maximum_every_cluster_with_capacity_is_chosen() -> None:
    problem = AssignmentProblem(
        (Choice("agent", 0, {"eu": 0, "us": 0, "ap": 0}, 1),),
        requests=cpu("agent", CPU, "eu", "us", "ap"),
        free={"us": {"cpu": CPU - 1}},
    )

    assert where(solved(problem), "agent") == ["ap", "eu"]


def test_ties_are_resolved_by_name() -> None:
    problem = AssignmentProblem((Choice("web", 0, {"d": 5, "b": 5, "a": 1, "c": 5}, 2, 2),))

    assert where(solved(problem), "web") == ["b", "c"]


def test_fixed_units_use_free_resources() -> None:
    problem = AssignmentProblem(
        (Choice("web", 0, {"eu": 100, "us": 0}, 1, 1),),
        fixed=frozenset({Unit("cart", "eu")}),
        requests=cpu("cart", CPU, "eu") | cpu("web", CPU, "eu", "us"),
        free={"eu": {"cpu": CPU}, "us": {"cpu": CPU}},
    )

    assert where(solved(problem), "web") == ["us"]


def test_two_groups_on_one_cluster_use_its_resources_once() -> None:
    problem = AssignmentProblem(
        (Choice("web", 0, {"eu": 100}, 1, 1), Choice("web", 1, {"eu": 100, "us": 90}, 1, 1)),
        requests=cpu("web", CPU, "eu", "us"),
        free={"eu": {"cpu": CPU}},
    )

    found = solved(problem)

    assert found.chosen == {Assignment("web", 0, "eu"), Assignment("web", 1, "eu")}
    assert found.points == 200


def test_capacity_is_exact_for_large_numbers() -> None:
    half = 512 * GIB * 1024
    problem = AssignmentProblem(
        (
            Choice("cart", 0, {"eu": 100, "us": 0}, 1, 1),
            Choice("web", 0, {"eu": 100, "us": 0}, 1, 1),
        ),
        requests={
            Unit("cart", "eu"): {"memory": half},
            Unit("web", "eu"): {"memory": half + 1},
        },
        free={"eu": {"memory": 2 * half}},
    )

    assert solved(problem).points == 100
    roomier = replace(problem, free={"eu": {"memory": 2 * half + 1}})
    assert solved(roomier).points == 200


def test_a_resource_without_a_free_amount_is_unlimited() -> None:
    problem = replace(CONTENDED, free={"us": {"memory": 0}})

    assert solved(problem).points == 17000


def test_a_spread_limits_the_skew_of_its_domains() -> None:
    choice = Choice("web", 0, {"a1": 100, "a2": 90, "b1": 10, "c1": 0}, 3, 3)

    assert where(solved(AssignmentProblem((choice,))), "web") == ["a1", "a2", "b1"]
    even = AssignmentProblem((choice,), spreads=(SpreadConstraint("web", ZONES, max_skew=1),))
    assert where(solved(even), "web") == ["a1", "b1", "c1"]


def test_a_spread_counts_fixed_units() -> None:
    problem = AssignmentProblem(
        (Choice("web", 0, {"a2": 100, "b1": 0}, 1, 1),),
        fixed=frozenset({Unit("web", "a1")}),
        spreads=(SpreadConstraint("web", ZONES, max_skew=1),),
    )

    assert where(solved(problem), "web") == ["b1"]


def test_a_placed_component_uses_its_minimum_number_of_domains() -> None:
    choice = Choice("web", 0, {"a1": 100, "a2": 90, "b1": 0}, 0, 2)
    problem = AssignmentProblem((choice,), spreads=(SpreadConstraint("web", ZONES, min_domains=2),))

    assert where(solved(problem), "web") == ["a1", "b1"]
    too_many = replace(problem, spreads=(SpreadConstraint("web", ZONES, min_domains=3),))
    assert solved(too_many).chosen == frozenset()


def test_a_cluster_without_a_domain_is_not_chosen() -> None:
    choice = Choice("web", 0, {"a1": 0, "nowhere": 100}, 1, 1)

    assert where(
        solved(AssignmentProblem((choice,), spreads=(SpreadConstraint("web", ZONES, 1),))), "web"
    ) == ["a1"]


def test_an_affinity_places_components_on_one_cluster() -> None:
    problem = AssignmentProblem(
        (
            Choice("cart", 0, {"eu": 100, "us": 0}, 1, 1),
            Choice("redis", 0, {"eu": 0, "us": 90}, 1, 1),
        ),
        affinities=(AffinityConstraint("cart", "redis"),),
    )

    assert solved(problem).chosen == {Assignment("cart", 0, "eu"), Assignment("redis", 0, "eu")}


def test_an_affinity_places_components_in_one_domain() -> None:
    problem = AssignmentProblem(
        (
            Choice("cart", 0, {"a1": 0, "b1": 90}, 1, 1),
            Choice("redis", 0, {"a2": 100, "c1": 99}, 1, 1),
        ),
        affinities=(AffinityConstraint("cart", "redis", ZONES),),
    )

    assert solved(problem).chosen == {Assignment("cart", 0, "a1"), Assignment("redis", 0, "a2")}


def test_an_anti_affinity_separates_by_cluster_or_by_domain() -> None:
    problem = AssignmentProblem(
        (
            Choice("red", 0, {"a1": 100, "b1": 0}, 1, 1),
            Choice("blue", 0, {"a1": 90, "a2": 80, "b1": 70}, 1, 1),
        ),
        anti_affinities=(AffinityConstraint("red", "blue"),),
    )

    assert where(solved(problem), "blue") == ["a2"]
    by_zone = replace(problem, anti_affinities=(AffinityConstraint("red", "blue", ZONES),))
    assert where(solved(by_zone), "blue") == ["b1"]


def test_a_component_with_anti_affinity_to_itself_is_in_each_domain_once() -> None:
    problem = AssignmentProblem(
        (Choice("web", 0, {"a1": 100, "a2": 90, "b1": 0}, 0, 3),),
        anti_affinities=(AffinityConstraint("web", "web", ZONES),),
    )

    assert where(solved(problem), "web") == ["a1", "b1"]


def test_an_empty_problem_has_an_empty_solution() -> None:
    assert solved(AssignmentProblem(())) == Solution(
        frozenset(), 0, 0, proven=True, ties_resolved=True
    )


def test_too_few_candidates_are_reported() -> None:
    assert reason(AssignmentProblem((Choice("web", 0, {"eu": 0}, 2),))) == (
        "web needs 2 clusters in group 0, which takes at most 1; candidates: 1, with capacity: 1"
    )
    assert "candidates: 0" in reason(AssignmentProblem((Choice("web", 0, {}, 1),)))


def test_fixed_units_beyond_capacity_are_reported() -> None:
    problem = AssignmentProblem(
        (Choice("web", 0, {"us": 0}, 1),),
        fixed=frozenset({Unit("cart", "eu")}),
        requests=cpu("cart", 3, "eu"),
        free={"eu": {"cpu": 2}},
    )

    assert reason(problem) == "eu has 2 of cpu free, but 3 are requested"


def test_rules_whose_removal_makes_a_solution_possible_are_listed() -> None:
    problem = replace(
        CONTENDED,
        affinities=(AffinityConstraint("cart", "web"),),
        spreads=(SpreadConstraint("web", {"eu": "e", "us": "u"}),),
    )

    assert reason(problem) == (
        "no placement satisfies all rules; one exists without capacity limits or without cart "
        "with web"
    )


def test_a_problem_that_no_single_removal_solves_is_reported() -> None:
    problem = replace(
        CONTENDED,
        free={},
        affinities=(AffinityConstraint("cart", "web"), AffinityConstraint("web", "cart")),
        anti_affinities=(AffinityConstraint("cart", "web"), AffinityConstraint("web", "cart")),
    )

    assert "even if any single rule is removed" in reason(problem)


def test_every_violation_is_reported_as_a_sentence() -> None:
    problem = AssignmentProblem(
        (Choice("cart", 0, {"a1": 0}, 1, 1), Choice("web", 0, {"a1": 0, "a2": 0, "b1": 0}, 1, 1)),
        requests=cpu("web", CPU, "a1", "a2"),
        free={"a1": {"cpu": 0}},
        spreads=(SpreadConstraint("web", ZONES, max_skew=1, min_domains=2),),
        affinities=(AffinityConstraint("cart", "web"),),
        anti_affinities=(AffinityConstraint("web", "web", ZONES),),
    )

    assert check(
        problem,
        {Assignment("cart", 0, "b1"), Assignment("web", 0, "a1"), Assignment("web", 0, "a2")},
    ) == (
        "cart is on b1, which is not a candidate of group 0",
        "web has 2 clusters in group 0, which takes 1 to 1",
        "a1 has 0 of cpu free, but 1000000000 are requested",
        "web has a skew of 2; the maximum is 1",
        "web uses 1 of at least 2 domains",
        "cart@b1 is not placed with web",
        "web@a1 is placed with web@a2",
    )


def test_two_choices_of_one_group_are_rejected() -> None:
    with pytest.raises(ValueError, match="web has two choices for group 0"):
        AssignmentProblem((Choice("web", 0, {"eu": 0}, 1), Choice("web", 0, {"us": 0}, 1)))


class LimitedSolver:
    """A solver that reaches its limit before it finds a solution."""

    def maximise(self, program: IntegerProgram) -> SolverResult:
        return SolverResult(None, sum(program.goal.values()), finished=False)


class IgnorantSolver:
    """A solver that ignores all constraints."""

    def maximise(self, program: IntegerProgram) -> SolverResult:
        return SolverResult(tuple(each.maximum for each in program.bounds), 10**6, finished=True)


def test_a_solver_at_its_limit_falls_back_to_the_greedy_assignment() -> None:
    found = solve(CONTENDED, LimitedSolver())

    assert found == Solution(
        frozenset({Assignment("cart", 0, "eu"), Assignment("web", 0, "us")}),
        points=10000,
        bound=17000,
        proven=False,
        ties_resolved=False,
    )


def test_a_solver_at_its_limit_without_any_solution_is_reported() -> None:
    problem = replace(CONTENDED, affinities=(AffinityConstraint("cart", "web"),))

    found = solve(problem, LimitedSolver())

    assert isinstance(found, Infeasible)
    assert not found.proven
    assert "node limit" in found.reason


def test_a_solution_that_violates_a_rule_is_rejected() -> None:
    with pytest.raises(SolverError, match="cart has 2 clusters in group 0"):
        solve(replace(CONTENDED, free={}), IgnorantSolver())


def test_a_solver_that_keeps_exceeding_capacity_is_not_used() -> None:
    found = solve(CONTENDED, IgnorantSolver())

    assert isinstance(found, Solution)
    assert objective(CONTENDED, found.chosen) == (2, 10000)
    assert not found.proven


def test_the_node_limit_ends_a_search() -> None:
    weights = [(7919 * (n + 3)) % 1009 + 500 for n in range(60)]
    rows = tuple(
        LinearConstraint(
            {n: (weight * (row + 2)) % 997 + 300 for n, weight in enumerate(weights)}, maximum=17000
        )
        for row in range(8)
    )
    program = IntegerProgram((Bounds(0, 1),) * 60, rows, dict(enumerate(weights)))

    one, other = (load(nodes=1).maximise(program) for _ in range(2))

    assert not one.finished
    assert one == other


def test_a_missing_solver_is_reported_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)

    with pytest.raises(SolverMissingError, match=r"pip install switchyard\[optimal\]"):
        load()


def test_equal_points_spread_over_clusters_as_by_default() -> None:
    problem = AssignmentProblem(
        choices=tuple(Choice(name, 0, dict.fromkeys(("a", "b", "c"), 50), 1, 1) for name in "xyz"),
        loads={Unit("x", "a"): 1, Unit("y", "a"): 1, Unit("z", "a"): 1},
    )

    solution = solve(problem, SOLVER)
    loaded = solve(replace(problem, loads=dict.fromkeys(problem.loads, 2)), SOLVER)

    assert isinstance(solution, Solution)
    assert isinstance(loaded, Solution)
    assert sorted(each.cluster for each in loaded.chosen) == ["b", "b", "c"]
    assert sorted(each.cluster for each in solution.chosen) == ["a", "b", "c"]
    assert solution.ties_resolved


def test_candidates_that_no_best_solution_uses_are_left_out() -> None:
    many = {f"c{number:03}": number for number in range(300)}
    domains = {name: "even" if score % 2 == 0 else "odd" for name, score in many.items()}
    problem = AssignmentProblem(
        choices=tuple(Choice(name, 0, many, 1, 1) for name in "xyz"),
        spreads=(SpreadConstraint("y", domains, 1),),
        affinities=(AffinityConstraint("z", "x"),),
    )

    sizes = {choice.component: len(choice.candidates) for choice in reduced(problem).choices}

    assert sizes == {"x": 300, "y": 6, "z": 300}
    alone = replace(problem, affinities=())
    assert {len(choice.candidates) for choice in reduced(alone).choices} == {3, 6}
    solution = solve(alone, SOLVER)
    assert isinstance(solution, Solution)
    assert solution.points == 3 * 299
