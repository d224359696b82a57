"""Lists merge requests incrementally: open ones, and those changed since the last listing.

Source: GitLab Docs, "List merge requests" (`updated_after`, `with_merge_status_recheck`). The
conflict state of an open one can change without an update of it, and after each change of the
target branch it is unknown until somebody asks for it.
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
    """The merge requests of each project, cached."""

    http: Http
    clock: Clock
    _known: dict[str, MergeRequestCache] = field(default_factory=dict)

    async def known(self, repository: str, me: int) -> MergeRequestCache:
        """All merge requests, after reading the open and the changed ones."""
        known = self._known.setdefault(repository, MergeRequestCache())
        since = known.changed_since(self.clock())
        path = f"{project(repository)}/merge_requests"
        changed = {"updated_after": since.isoformat()} if since else {}
        try:
            listed = await self.http.all(path, state="all", scope="all", **changed)
            recheck = {"with_merge_status_recheck": True}
            listed += await self.http.all(path, state="opened", scope="all", **recheck)
        except ForgeError:
            known.invalidate()
            raise
        for each in listed:
            at = datetime.fromisoformat(each["updated_at"])
            known.update(at, parsing.request(repository, each, me))
        return known
