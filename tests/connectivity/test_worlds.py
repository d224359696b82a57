"""In random worlds every declared pair is reachable, and nothing else is.

`make connectivity` judges 2,000 worlds and more; the worlds here are the same each time.
"""

import pytest

from tests.connectivity.laws import violations
from tests.connectivity.worlds import KINDS
from tests.fakes.examples import TIMES

WORLDS = 15 * TIMES


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in {"ambient", "mixed"}])
def test_every_declared_pair_is_reachable_and_nothing_else(kind: str) -> None:
    for seed in range(WORLDS):
        assert list(violations(seed, kind)) == [], f"seed {seed}"
