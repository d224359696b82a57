import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.git import Mirrors
from tests.fakes.githttp import serve
from tests.unit.git.world import CREDENTIALS, REPO, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serve(tmp_path / "server", {CREDENTIALS.username: CREDENTIALS.password}) as server:
        remote = server.create("deploy")
        mirrors = Mirrors(tmp_path / "mirrors")
        yield World(server, remote, mirrors, mirrors.of(REPO))


@pytest.fixture
def far_time_zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Auckland"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
