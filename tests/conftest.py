"""What every test leaves behind as it was."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

MISSING = "Not run: the tests in a browser (tests/browser). Chromium is not installed."


def has_chromium() -> bool:
    """Whether the tests in a browser can run; continuous integration must have it."""
    return shutil.which("chromium") is not None or "CI" in os.environ


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path.name == "browser" and not has_chromium() else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not has_chromium():
        terminalreporter.write_line(f"{MISSING} To run them: apt-get install chromium")


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Logs that a test set up end with it: they write to what was captured of that test."""
    yield
    structlog.reset_defaults()
