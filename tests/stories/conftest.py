"""One world for each story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.faults import Faults
from tests.fakes.world import World


@pytest.fixture
def faults() -> Faults:
    """The faults of the world's forge; none until a story adds some."""
    return Faults()


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, faults: Faults) -> Iterator[World]:
    """A world on the local forge, or on that of an indirect parameter."""
    made = World(tmp_path, getattr(request, "param", "local"), faults.wrap)
    yield made
    made.stop()
