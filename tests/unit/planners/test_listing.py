"""How problems, comments and pages list names: the first ones, and how many more there are."""

import pytest

from planners.model import listing


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, ""),
        (1, "c0"),
        (4, "c0, c1, c2, c3"),
        (5, "c0, c1, c2 and 2 more"),
        (2_000, "c0, c1, c2 and 1997 more"),
    ],
)
def test_a_name_is_no_longer_than_one_more(count: int, shown: str) -> None:
    assert listing([f"c{number}" for number in range(count)]) == shown
