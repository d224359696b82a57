"""Both sources of PostgreSQL work, so that tests run wherever one of them is there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.fakes.postgres import Server, carried_binaries, system_binaries


@pytest.mark.parametrize("source", [system_binaries, carried_binaries])
def test_a_postgresql_server_starts_and_leaves_nothing_behind(
    source: Callable[[], Path | None],
) -> None:
    binaries = source() or carried_binaries()
    assert binaries is not None
    server = Server(binaries)
    try:
        engine = sa.create_engine(server.url(server.create()))
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
        engine.dispose()
    finally:
        server.stop()

    assert not server.folder.exists()
