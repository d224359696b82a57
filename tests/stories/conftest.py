"""One world for each story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.world import World


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world on the local forge, or on that of an indirect parameter."""
    made = World(tmp_path, getattr(request, "param", "local"))
    yield made
    made.stop()
