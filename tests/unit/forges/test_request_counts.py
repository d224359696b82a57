"""What is told of the requests to a forge, by its answers."""

import pytest

from bot.forges import RequestCounts
from bot.forges._request_counts import Allowance


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, "done"),
        (304, {}, "unchanged"),
        (404, {}, "rejected"),
        (403, {}, "rejected"),
        (403, {"retry-after": "60"}, "limited"),
        (403, {"x-ratelimit-remaining": "0"}, "limited"),
        (429, {}, "limited"),
        (502, {}, "broken"),
    ],
)
def test_a_response_has_one_outcome(status: int, headers: dict[str, str], outcome: str) -> None:
    counts = RequestCounts()

    counts.answered(status, headers)

    assert counts.outcomes == {outcome: 1}


def test_the_budget_is_what_the_forge_said_last() -> None:
    counts = RequestCounts()
    for left in ("4999", "4998", "many"):
        counts.answered(200, {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": left})
    graphql = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "7"}
    counts.answered(200, {**graphql, "x-ratelimit-resource": "graphql"})
    counts.answered(200, {**graphql, "x-ratelimit-resource": "whatever comes"})
    gitlab = RequestCounts()
    gitlab.answered(200, {"ratelimit-limit": "2000", "ratelimit-remaining": "1999"})

    assert counts.allowances == {
        "core": Allowance(5000, 4998),
        "graphql": Allowance(5000, 7),
        "other": Allowance(5000, 7),
    }
    assert gitlab.allowances == {"core": Allowance(2000, 1999)}
