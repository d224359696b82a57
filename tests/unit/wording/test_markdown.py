"""Words of Markdown that pages and comments share."""

import pytest

from bot.wording.markdown import plural


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 clusters"), (1, "1 cluster"), (10_000, "10,000 clusters")]
)
def test_counts_are_readable_and_nouns_agree(count: int, shown: str) -> None:
    assert plural(count, "cluster") == shown
