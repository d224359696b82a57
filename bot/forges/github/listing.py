"""Lists pull requests incrementally: only those changed since the last listing are read.

Source: GitHub Docs, "List pull requests" (sort by `updated`).
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
    """The pull requests of each repository, cached."""

    http: Http
    clock: Clock
    _known: dict[str, MergeRequestCache] = field(default_factory=dict)

    async def known(self, repository: str) -> MergeRequestCache:
        """All pull requests, after reading those that changed."""
        known = self._known.setdefault(repository, MergeRequestCache())
        since = known.changed_since(self.clock())

        def older(each: Mapping[str, str]) -> bool:
            return since is not None and parsing.moment(each["updated_at"]) < since

        try:
            listed = await self.http.pages(repository, f"/repos/{repository}/pulls", QUERY, older)
        except ForgeError:
            known.invalidate()
            raise
        for each in listed:
            known.update(parsing.moment(each["updated_at"]), parsing.request(each))
        return known
