"""Laws of optimal placement over random problems, compared with exhaustive search."""

import random
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, combinations, product
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.highs import load
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
)
from tests.fakes.examples import examples

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

SOLVER = load()
CLUSTERS = tuple(f"c{number}" for number in range(6))
PARTS = tuple(f"p{number}" for number in range(5))
DOMAINS = st.dictionaries(st.sampled_from(CLUSTERS), st.sampled_from("xyz"))
TRIES = 3_000
HUGE = 10**25


@st.composite
def problems(draw: st.DrawFn) -> AssignmentProblem:
    """Up to 5 components on up to 6 clusters, tight, with rules; few enough answers to try all."""
    points = draw(st.sampled_from([st.integers(0, 20000), st.sampled_from([0, 100])]))
    scale = draw(st.sampled_from([1, 10**9, HUGE + 1]))
    parts = PARTS[: draw(st.integers(1, 5))]
    choices: list[Choice] = []
    tries = 1
    for part in parts:
        for group in range(draw(st.sampled_from([1, 1, 1, 2]))):
            names = draw(st.sets(st.sampled_from(CLUSTERS), min_size=1))
            least = draw(st.integers(0, min(len(names), 2)))
            most = draw(st.one_of(st.none(), st.integers(max(least, 1), 3)))
            choice = Choice(part, group, {name: draw(points) for name in names}, least, most)
            tries *= sum(1 for _ in subsets(choice))
            if tries <= TRIES:
                choices.append(choice)
    fixed = draw(st.frozensets(st.builds(Unit, st.sampled_from(parts), st.sampled_from(CLUSTERS))))
    amounts = st.integers(0, 4).map(lambda amount: amount * scale + amount // 2)
    demands = {
        Unit(part, name): {"cpu": draw(amounts), "memory": draw(amounts)}
        for part in parts
        for name in CLUSTERS
    }
    room = st.dictionaries(
        st.sampled_from(["cpu", "memory"]), st.integers(0, 9).map(lambda amount: amount * scale + 1)
    )
    part = st.sampled_from(parts)
    spread = st.builds(
        SpreadConstraint, part, DOMAINS, st.one_of(st.none(), st.integers(1, 2)), st.integers(0, 2)
    )
    pair = st.builds(AffinityConstraint, part, part, st.one_of(st.none(), DOMAINS))
    return AssignmentProblem(
        tuple(choices),
        fixed if draw(st.integers(0, 3)) == 0 else frozenset(),
        demands,
        draw(st.dictionaries(st.sampled_from(CLUSTERS), room)),
        tuple(draw(st.lists(spread, max_size=1))),
        tuple(draw(st.lists(pair, max_size=1))),
        tuple(draw(st.lists(pair, max_size=2))),
        draw(st.dictionaries(st.sampled_from(sorted(demands)), st.integers(-1, 2))),
    )


def subsets(choice: Choice) -> Iterator[tuple[Assignment, ...]]:
    counts = range(choice.minimum, choice.limit + 1)
    return chain.from_iterable(combinations(choice.assignments, count) for count in counts)


def crowding(problem: AssignmentProblem, answer: Collection[Assignment]) -> int:
    """The load that the chosen units meet: what is there before, and each other."""
    units = {assignment.unit for assignment in answer} - problem.fixed
    together = Counter(unit.cluster for unit in units)
    met = sum(problem.loads.get(unit, 0) for unit in units)
    return met + sum(count * (count - 1) // 2 for count in together.values())


def best(problem: AssignmentProblem) -> tuple[int, int, int, int] | None:
    """Most seats, most points, least crowding, least sum of places in the alphabet."""
    names = sorted({name for choice in problem.choices for name in choice.candidates})
    answers = (tuple(chain(*picks)) for picks in product(*map(subsets, problem.choices)))
    worth = (
        (
            *objective(problem, answer),
            -crowding(problem, answer),
            -sum(names.index(assignment.cluster) for assignment in answer),
        )
        for answer in answers
        if not check(problem, answer)
    )
    return max(worth, default=None)


def shuffled(problem: AssignmentProblem, order: random.Random) -> AssignmentProblem:
    """The same problem, everything in another order."""

    def mixed(things: Iterable[T]) -> tuple[T, ...]:
        known = list(things)
        return tuple(order.sample(known, len(known)))

    def turned(mapping: Mapping[K, T]) -> dict[K, T]:
        return dict(mixed(mapping.items()))

    return replace(
        problem,
        choices=mixed(
            replace(each, candidates=turned(each.candidates)) for each in problem.choices
        ),
        requests=turned({unit: turned(amounts) for unit, amounts in problem.requests.items()}),
        free=turned({name: turned(amounts) for name, amounts in problem.free.items()}),
        spreads=mixed(replace(each, domains=turned(each.domains)) for each in problem.spreads),
        affinities=mixed(problem.affinities),
        anti_affinities=mixed(problem.anti_affinities),
    )


@given(problems())
@examples(60)
def test_the_solution_is_the_best_of_all(problem: AssignmentProblem) -> None:
    found = solve(problem, SOLVER)
    known = best(problem)

    if isinstance(found, Infeasible):
        assert found.proven
        assert known is None
        assert assign_greedily(problem) is None
        return
    names = sorted({name for choice in problem.choices for name in choice.candidates})
    places = sum(names.index(assignment.cluster) for assignment in found.chosen)
    assert check(problem, found.chosen) == ()
    crowd = crowding(problem, found.chosen)
    assert (*objective(problem, found.chosen), -crowd, -places) == known
    assert found.proven
    assert found.ties_resolved
    assert found.points == found.bound == objective(problem, found.chosen)[1]


@given(problems(), st.randoms(use_true_random=False))
@examples(40)
def test_the_solution_does_not_depend_on_any_order(
    problem: AssignmentProblem, order: random.Random
) -> None:
    assert solve(shuffled(problem, order), SOLVER) == solve(problem, SOLVER)


@given(problems())
@examples(40)
def test_the_solution_is_never_worse_than_the_greedy_one(problem: AssignmentProblem) -> None:
    known = assign_greedily(problem)
    found = solve(problem, load(nodes=1))

    if known is not None:
        assert check(problem, known) == ()
        assert isinstance(found, Solution)
        assert objective(problem, found.chosen) >= objective(problem, known)
