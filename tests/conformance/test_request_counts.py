"""Every client of a forge over HTTP counts its requests by what came of them."""

from pathlib import Path

import pytest

from bot.engine import discovery
from bot.forges import NotFoundError
from tests.conformance.grounds import GROUNDS, REPO


@pytest.mark.parametrize("name", sorted(discovery.forges()))
async def test_requests_are_counted_by_their_outcome(name: str, tmp_path: Path) -> None:
    ground = GROUNDS[name](tmp_path)
    ground.push("main", {"a.txt": b"one\n"})
    counts = ground.forge.request_counts
    try:
        await ground.forge.repository(REPO)
        asked = counts.outcomes.total()
        assert counts.outcomes == {"done": asked}
        assert asked > 0
        with pytest.raises(NotFoundError):
            await ground.forge.merge_request(REPO, 4711)
    finally:
        await ground.forge.close()
        ground.stop()

    assert counts.outcomes["rejected"] == 1
