"""Lists of pull requests: only what changed since the last one is asked for.

Source: GitHub Docs, "List pull requests" (sorted by when they were updated).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.forges import ForgeError
from bot.forges._request_cache import MergeRequestCache
from bot.forges.github import parsing
from bot.forges.github.http import Http

QUERY = {"state": "all", "sort": "updated", "direction": "desc"}


@dataclass(slots=True)
class Listing:
    """What is known of each repository's pull requests."""

    http: Http
    clock: Clock
    _known: dict[str, MergeRequestCache] = field(default_factory=dict)

    async def known(self, repository: str) -> MergeRequestCache:
        """All pull requests, those that changed as GitHub lists them now."""
        known = self._known.setdefault(repository, MergeRequestCache())
        since = known.since(self.clock())

        def older(each: Mapping[str, str]) -> bool:
            return since is not None and parsing.moment(each["updated_at"]) < since

        try:
            listed = await self.http.pages(repository, f"/repos/{repository}/pulls", QUERY, older)
        except ForgeError:
            known.forget()
            raise
        for each in listed:
            known.take(parsing.moment(each["updated_at"]), parsing.request(each))
        return known
