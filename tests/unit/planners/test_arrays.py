"""Columns compute what Python's own arithmetic and selectors say, exactly."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scale import INTENTS, Problem
from bot.engine import discovery
from planners.optimizer.repair import place_all
from planners.placement.arrays import IntColumn, rounded
from planners.placement.columns import Columns
from planners.placement.evaluate import Evaluator
from planners.plan import plan
from tests.conformance.placements import CLUSTERS, clusters, selectors
from tests.fakes.examples import examples

EVALUATOR = Evaluator.of(tuple(discovery.filters().values()), tuple(discovery.scores().values()))
amounts = st.one_of(
    st.integers(0, 5).map(lambda number: number * 10**8),
    st.integers(0, 10**30),
    st.integers(0, 2**40).map(lambda number: number * 2**30 * 10**9),
)
totals = st.one_of(
    st.floats(-300, 300),
    st.integers(-60_000, 60_000).map(lambda number: number / 200),
    st.tuples(st.integers(0, 10_000), st.integers(1, 300)).map(lambda pair: pair[0] / pair[1]),
)


@given(values=st.lists(totals, max_size=20))
@examples(100)
def test_rounding_is_that_of_python(values: list[float]) -> None:
    assert rounded(np.array(values, np.float64)).tolist() == [round(each, 2) for each in values]


@given(
    start=st.lists(amounts, min_size=3, max_size=3),
    steps=st.lists(st.tuples(st.lists(amounts, min_size=2, max_size=2), st.integers(0, 7))),
    needed=st.lists(amounts, min_size=2, max_size=2),
)
@examples(100)
def test_sums_are_exact(
    start: list[int], steps: list[tuple[list[int], int]], needed: list[int]
) -> None:
    column, expected, codes = IntColumn(start), list(start), np.array([0, 1, 0])
    for taken, chosen in steps:
        positions = [at for at in range(3) if chosen & 1 << at]
        column.subtract(np.array(positions, np.intp), codes[positions], taken)
        for at in positions:
            expected[at] -= taken[codes[at]]

    assert [column[at] for at in range(3)] == expected
    shares = column.shares(IntColumn([*needed, 0]))
    parts = zip(expected, [*needed, 0], strict=True)
    assert str(shares.tolist()) == str([max(n, 0) / of if of else math.nan for n, of in parts])
    assert column.negative.tolist() == [each < 0 for each in expected]
    enough = [each >= needed[code] for each, code in zip(expected, codes, strict=True)]
    assert column.at_least(codes, needed).tolist() == enough


@given(
    fleet=st.tuples(*map(clusters, CLUSTERS)),
    wanted=st.lists(selectors, min_size=1, max_size=3),
)
@examples(50)
def test_columns_match_what_selectors_match(fleet: tuple, wanted: list) -> None:  # type: ignore[type-arg]
    columns = Columns.of(reversed(fleet))

    for each in wanted:
        assert columns.matching(each).tolist() == [each.matches(cluster) for cluster in fleet]


@pytest.mark.parametrize("kind", INTENTS)
def test_the_trace_says_of_every_unit_what_was_decided(kind: str) -> None:
    problem = Problem.of(20, INTENTS[kind])

    placement = place_all(problem.snapshot, problem.workloads, EVALUATOR)

    assert [each.unit for each in placement.trace if each.chosen] == placement.units
    assert len(placement.trace) == 20 * 100


def test_plans_with_equal_input_are_equal_also_after_a_process() -> None:
    problem = Problem.of(5, INTENTS["anyOf"])

    made = plan(problem.snapshot, EVALUATOR, problem.workloads)

    other = replace(problem.snapshot, clusters=problem.snapshot.clusters[::-1])
    rows = dict(problem.workloads)
    assert plan(other, EVALUATOR, rows) == made
    assert pickle.loads(pickle.dumps(made)) == made
