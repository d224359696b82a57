"""Lists of merge requests: only open ones, and what changed since the last list, are asked for.

Source: GitLab Docs, "List merge requests" (`updated_after`). Whether an open one conflicts may
change while nothing else of it does.
"""

from dataclasses import dataclass, field
from datetime import datetime

from bot.clock import Clock
from bot.forges import ForgeError
from bot.forges._request_cache import MergeRequestCache
from bot.forges.gitlab import parsing
from bot.forges.gitlab.http import Http, project


@dataclass(slots=True)
class Listing:
    """What is known of each project's merge requests."""

    http: Http
    clock: Clock
    _known: dict[str, MergeRequestCache] = field(default_factory=dict)

    async def known(self, repository: str, me: int) -> MergeRequestCache:
        """All merge requests, open ones and those that changed as GitLab lists them now."""
        known = self._known.setdefault(repository, MergeRequestCache())
        since = known.since(self.clock())
        path = f"{project(repository)}/merge_requests"
        changed = {"updated_after": since.isoformat()} if since else {}
        try:
            listed = await self.http.all(path, state="all", scope="all", **changed)
            listed += await self.http.all(path, state="opened", scope="all")
        except ForgeError:
            known.forget()
            raise
        for each in listed:
            at = datetime.fromisoformat(each["updated_at"])
            known.take(at, parsing.request(repository, each, me))
        return known
