"""Reads and sets commit statuses where GitLab looks for them: in the head pipeline.

With "Pipelines must succeed" only the head pipeline of a merge request counts. A status without
`pipeline_id` joins the newest pipeline of exactly its commit, which can belong to another branch;
the commit of a merged results pipeline is not even the head. Without any pipeline, a status with
the branch as `ref` makes one, which is the head pipeline until another is started.

Sources: GitLab Docs, "External commit statuses", "Commits API" (commit status), "Merge requests
API" (`head_pipeline`), "Merged results pipelines". A pending status cannot be updated, not even its
description, until it finishes; after that, a new status is created. "CI/CD limits": the jobs of a
pipeline are limited, and each new text of a pending status is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bot.forges import Status
from bot.forges._rate_budget import Urgency
from bot.forges.gitlab import parsing
from bot.forges.gitlab.http import Http, ResponseError, project

BAD_REQUEST, NOT_FOUND = 400, 404
MAX_DESCRIPTION = 255
MAX_KNOWN = 10_000
MAX_TEXTS = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where the status of a commit counts: a pipeline at commit `sha`, else a branch without one.

    Both are empty for a commit that is not the head of an open merge request.
    """

    sha: str
    pipeline: int | None = None
    branch: str = ""

    def has(self, found: Mapping[str, Any]) -> bool:
        """Whether a listed status stands there."""
        if self.pipeline is not None:
            return bool(found["pipeline_id"] == self.pipeline)
        return self.branch in {"", found["ref"]}

    def fields(self) -> dict[str, str | int]:
        """What names the place in a request."""
        if self.pipeline is not None:
            return {"pipeline_id": self.pipeline}
        return {"ref": self.branch} if self.branch else {}


@dataclass(slots=True)
class CommitStatuses:
    """The statuses of one GitLab; remembers which merge request has which head."""

    http: Http
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    async def read(self, repository: str, sha: str) -> tuple[Status, ...]:
        """The newest status of each name."""
        return await self._read(repository, await self._place(repository, sha))

    async def write(self, repository: str, sha: str, status: Status) -> None:
        """Set a status; to change a pending one it is cancelled and created again."""
        place = await self._place(repository, sha)
        fields = {
            **place.fields(),
            "state": parsing.STATE_NAMES[status.state],
            "name": status.context,
            "description": status.description[:MAX_DESCRIPTION],
            **({"target_url": status.url} if status.url else {}),
        }
        path = f"{project(repository)}/statuses/{quote(place.sha, safe='')}"
        try:
            await self.http.post(path, fields, Urgency.STATUS)
        except ResponseError as error:
            if error.status == NOT_FOUND and "References for commit" in str(error):
                return  # no branch contains it any more, so that nothing can be merged by it
            if error.status != BAD_REQUEST or "Cannot transition status" not in str(error):
                raise
            known = await self._read(repository, place)
            if (status.context, fields["description"]) in {
                (k.context, k.description) for k in known
            }:
                return
            if await self._count(repository, place, status.context) >= MAX_TEXTS:
                return  # the old text stays: without room for a last one nothing merges
            await self.http.post(path, {**fields, "state": "canceled"}, Urgency.STATUS)
            await self.http.post(path, fields, Urgency.STATUS)

    async def _read(self, repository: str, place: Place) -> tuple[Status, ...]:
        path = f"{project(repository)}/repository/commits/{quote(place.sha, safe='')}/statuses"
        listed = [each for each in await self.http.all(path) if place.has(each)]
        newest = {each["name"]: each for each in sorted(listed, key=lambda each: each["id"])}
        return tuple(parsing.status(newest[name]) for name in sorted(newest))

    async def _count(self, repository: str, place: Place, context: str) -> int:
        """How many statuses of that name the place has had."""
        path = f"{project(repository)}/repository/commits/{quote(place.sha, safe='')}/statuses"
        listed = await self.http.all(path, all=True, name=context)
        return sum(place.has(each) for each in listed)

    async def _place(self, repository: str, sha: str) -> Place:
        number = await self._number(repository, sha)
        if number is None:
            return Place(sha)
        found = await self.http.get(f"{project(repository)}/merge_requests/{number}")
        if found["sha"] != sha or found["source_project_id"] != found["target_project_id"]:
            return Place(sha)
        pipeline = found.get("head_pipeline")
        if pipeline and await self._covers(repository, pipeline["sha"], sha):
            return Place(pipeline["sha"], pipeline["id"])
        return Place(sha, branch=found["source_branch"])

    async def _number(self, repository: str, sha: str) -> int | None:
        """The newest open merge request with that head; kept, as a head stays one."""
        if (repository, sha) not in self._numbers:
            path = f"{project(repository)}/repository/commits/{quote(sha, safe='')}/merge_requests"
            listed = await self.http.all(path, state="opened")
            numbers = [each["iid"] for each in listed if each["sha"] == sha]
            if not numbers:
                return None
            if len(self._numbers) >= MAX_KNOWN:
                self._numbers.clear()
            self._numbers[repository, sha] = max(numbers)
        return self._numbers[repository, sha]

    async def _covers(self, repository: str, pipeline: str, head: str) -> bool:
        """Whether a pipeline's commit is the head, or its merge with the target."""
        if pipeline == head:
            return True
        path = f"{project(repository)}/repository/commits/{quote(pipeline, safe='')}"
        return head in (await self.http.get(path))["parent_ids"]
