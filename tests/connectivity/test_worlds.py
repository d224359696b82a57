"""In random worlds every declared pair is reachable, and nothing else is.

`make connectivity` judges 2,000 worlds and more; the worlds here are the same each time.
"""

import pytest

from tests.connectivity.laws import links, violations
from tests.connectivity.product import render
from tests.connectivity.worlds import KINDS, world
from tests.fakes.examples import TIMES

WORLDS = 4 * TIMES


@pytest.mark.parametrize("kind", KINDS)
def test_every_declared_pair_is_reachable_and_nothing_else(kind: str) -> None:
    for seed in range(WORLDS):
        assert list(violations(seed, kind)) == [], f"seed {seed}"


@pytest.mark.parametrize(("kind", "least"), [("plain", 15), ("set", 5), ("apart", 5)])
def test_worlds_have_pairs_to_judge(kind: str, least: int) -> None:
    """In one cluster everywhere; across clusters where something connects them."""
    pairs = [
        pair
        for given in (world(seed, kind) for seed in range(15))
        for intent in render(given).intents
        if (intent.caller[0], intent.callee[0]) == ("component", "component")
        for pair in links(given, intent)
        if (kind != "plain") is (pair[0] != pair[1])
    ]

    assert len(pairs) >= least
