"""A few simulated worlds; `make simulate` runs ten thousand."""

import pytest

from tests.simulation.world import simulate

SEEDS = range(1, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold_whatever_goes_wrong(seed: int) -> None:
    outcome = simulate(seed)

    assert not outcome.violation, f"python -m tests.simulation --seed {seed} --shrink"
    assert outcome.merged


def test_a_seed_is_the_same_world_each_time() -> None:
    assert simulate(3).trace == simulate(3).trace
