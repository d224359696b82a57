"""A few random series; `make bursts` plays ten thousand, `make mutations` the known defects."""

import pytest

from tests.properties.rules.mutations import MUTATIONS, Mutation
from tests.properties.rules.play import play
from tests.properties.rules.whole import play_whole
from tests.tools.mutants import ROOT

FIRST, SERIES, WHOLE = 1, 60, (3, 7)
"""As many as the time of `make test` allows."""


def test_the_laws_hold_in_random_series() -> None:
    outcomes = [play(seed) for seed in range(FIRST, FIRST + SERIES)]

    assert [each for each in outcomes if each.violation] == []
    assert sum(each.moves for each in outcomes) > SERIES


@pytest.mark.parametrize("seed", WHOLE)
def test_the_laws_hold_in_front_of_the_whole_core(seed: int) -> None:
    outcome = play_whole(seed)

    assert not outcome.violation, f"python -m tests.properties.rules --seed {seed} --whole"


@pytest.mark.parametrize("seed", [20, 35, 2804])
def test_series_that_found_defects(seed: int) -> None:
    """20: what the service did not hear counted. 2804: after a loss a rule went on at its pace.

    35: after a loss, steps came again that an open merge request gave back.
    """
    assert not play(seed).violation


def test_a_seed_is_the_same_series_each_time() -> None:
    assert play(5, traced=True) == play(5, traced=True)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_the_text_that_a_mutation_replaces_is_there_once(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text().count(mutation.old) == 1
