"""What every test leaves behind as it was."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Logs that a test set up end with it: they write to what was captured of that test."""
    yield
    structlog.reset_defaults()
