"""A few simulated worlds; `make simulate` runs ten thousand, `make mutations` the known defects."""

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.profiles import PROFILES
from tests.simulation.shrink import shrink
from tests.simulation.world import Outcome, simulate
from tests.tools.mutants import ROOT

SEEDS = (2, 4, 6)
"""As many as the time of `make test` allows."""


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold_whatever_goes_wrong(seed: int) -> None:
    outcome = simulate(seed)

    assert not outcome.violation, f"python -m tests.simulation --seed {seed} --shrink"
    assert outcome.merged


def test_a_seed_is_the_same_world_each_time() -> None:
    assert simulate(2).trace == simulate(2).trace


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_the_text_that_a_mutation_replaces_is_there_once(mutation: Mutation) -> None:
    assert (ROOT / mutation.path).read_text().count(mutation.old) == 1
    assert mutation.profile in PROFILES


def test_a_failing_world_is_shrunk_to_the_faults_that_it_needs() -> None:
    needed = {"call#7 stop", "hook#3 drop"}

    def run(seed: int, only: frozenset[str]) -> Outcome:
        broken = "!4 was merged unapproved" if needed <= only else ""
        return Outcome(seed, broken, (), tuple(sorted(only)), 1.0, 1)

    faults = tuple(sorted({*needed, *(f"read#{number} 502" for number in range(40))}))
    found = shrink(Outcome(1, "!2 was merged unapproved", (), faults, 1.0, 1), run)

    assert set(found.faults) == needed
