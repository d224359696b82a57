"""Counts the requests to a forge by their outcome, and keeps what it says of its rate limit.

Sources: GitHub Docs, "Rate limits for the REST API" (`x-ratelimit-limit`, `-remaining` and
`-resource`; a request that is answered with 304 does not count); GitLab Docs, "User and IP rate
limits" (`RateLimit-Limit`, `RateLimit-Remaining`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.forges._rate_budget import whole_seconds

CORE, OTHER = "core", "other"
RESOURCES = frozenset({CORE, "graphql"})
UNCHANGED, FORBIDDEN, TOO_MANY = 304, 403, 429
REJECTED, BROKEN = 400, 500
PREFIXES = ("x-ratelimit-", "ratelimit-")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a forge permits in a period, and what is left of it."""

    limit: int
    remaining: int


@dataclass(slots=True)
class RequestCounts:
    """The requests of one client: `outcomes` counts them, `allowances` are the last ones told."""

    outcomes: Counter[str] = field(default_factory=Counter)
    allowances: dict[str, Allowance] = field(default_factory=dict)

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Count a response; `headers` finds names in lower case."""
        self.outcomes[_outcome(status, headers)] += 1
        for prefix in PREFIXES:
            limit = whole_seconds(headers.get(f"{prefix}limit"))
            remaining = whole_seconds(headers.get(f"{prefix}remaining"))
            if limit is not None and remaining is not None:
                resource = headers.get(f"{prefix}resource", CORE)
                known = resource if resource in RESOURCES else OTHER
                self.allowances[known] = Allowance(limit, remaining)

    def unreachable(self) -> None:
        """Count a request without a response."""
        self.outcomes["unreachable"] += 1


def _outcome(status: int, headers: Mapping[str, str]) -> str:
    """GitHub answers 403 at a limit too, as it does where permissions are missing."""
    if status == UNCHANGED:
        return "unchanged"
    at_limit = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    if status == TOO_MANY or (status == FORBIDDEN and at_limit):
        return "limited"
    if status >= BROKEN:
        return "broken"
    return "rejected" if status >= REJECTED else "done"
