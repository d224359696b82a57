"""What every test leaves behind as it was, and what keeps all of them cheap."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog

import tests.fakes.examples  # noqa: F401 - loads the profile of hypothesis

MISSING = "Not run: the tests in a browser (tests/browser). Chromium is not installed."
MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3
LONGEST = (
    "tests/stories/test_killed.py",
    "tests/stories/test_pages.py::test_the_demonstration",
    "tests/stories/test_guides.py",
)
OBJECTS_BETWEEN_COLLECTIONS = 20_000
FASTAPI_CACHES = (
    "_is_gen_callable_cached",
    "_is_async_gen_callable_cached",
    "_is_coroutine_callable_cached",
)


def pytest_configure() -> None:
    """Keep temporary files in memory where there is room: most tests write repositories."""
    if "TMPDIR" not in os.environ and _is_roomy(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    # httpcore looks for sniffio several times in each request. It is not installed; pytest's import
    # hooks make each look as dear as the request.
    sys.modules["sniffio"] = None  # type: ignore[assignment] # it cannot be imported


def _is_roomy(folder: Path) -> bool:
    """Whether a folder can hold the temporary files of all tests, and run scripts among them."""
    return (
        os.access(folder, os.W_OK)
        and shutil.disk_usage(folder).free >= ROOM
        and not os.statvfs(folder).f_flag & os.ST_NOEXEC
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores, since some tests wait; each costs its imports and collection."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let each worker start with other files of a folder: who comes first compiles for all.

    Rewriting the assertions of a file costs more than importing it.
    """
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if worker and isinstance(collector, pytest.Directory):
        number = int(worker["workerid"].removeprefix("gw"))
        first = len(report.result) * number // worker["workercount"]
        report.result = [*report.result[first:], *report.result[:first]]
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Order files the same in each worker; start what waits for whole services before the rest."""
    items.sort(key=lambda item: item.path)
    yield
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while everything is imported: a tenth of the time, and there is none."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Exempt what is imported by now, a million objects, from garbage collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def has_chromium() -> bool:
    """Whether the tests in a browser can run; continuous integration must have it."""
    return shutil.which("chromium") is not None or "CI" in os.environ


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path.name == "browser" and not has_chromium() else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not has_chromium():
        terminalreporter.write_line(f"{MISSING} To run them: apt-get install chromium")


def _log_plainly() -> None:
    """Log as structlog does unasked, but tracebacks as Python prints them: rich ones cost most."""
    structlog.reset_defaults()
    *before, _ = structlog.get_config()["processors"]
    shown = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*before, shown])


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Logs that a test set up end with it: they write to what was captured of that test."""
    _log_plainly()
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _applications() -> Iterator[None]:
    """What a test served ends with it: FastAPI's caches keep thousands of route functions.

    Through their closures they would keep the whole world of each test until the last one.
    """
    yield
    models = sys.modules.get("fastapi.dependencies.models")
    for cached in FASTAPI_CACHES if models else ():
        getattr(models, cached).cache_clear()
