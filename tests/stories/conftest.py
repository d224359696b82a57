"""One world for each story."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from bot.sandbox.demo.site import DEPLOY
from tests.fakes.faults import Faults
from tests.fakes.inline import work_inline
from tests.fakes.renames import Renamed
from tests.fakes.world import World


@pytest.fixture
def faults() -> Faults:
    """The faults of the world's forge; none until a story adds some."""
    return Faults()


@pytest.fixture
def renamed() -> Renamed:
    """The deploy repo under a new name, once a story gives it one."""
    return Renamed(DEPLOY)


@pytest.fixture
def git_over_http() -> None:
    """Asked for by stories whose bot fetches and pushes over HTTP, as on a real forge."""


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, faults: Faults, renamed: Renamed
) -> AsyncIterator[World]:
    """A world on the in-memory forge, or on that of an indirect parameter."""

    def wrap(app: ASGIApp) -> ASGIApp:
        return faults.wrap(renamed.wrap(app))

    dialect = getattr(request, "param", "memory")
    work_inline(asyncio.get_running_loop())
    made = World(
        tmp_path, dialect, wrap, faults, git_over_http="git_over_http" in request.fixturenames
    )
    yield made
    await made.stop()
