"""Who has a hand in commits, as GitLab tells it.

Commits on GitLab name no accounts: its REST tells the addresses in them, which anybody can set. Who
pushed is known, and by `commit_authors` who wrote what another pushed; merge commits are of whoever
pushed or merged them.

Sources: GitLab Docs, "Events API" (`push_data` of the action `pushed`: who moved a branch from
`commit_from` to `commit_to`; both null in a bulk push of more than `push_event_activities_limit`
branches, "Push event activities limit"), "Commits API" ("List merge requests associated with a
commit"), "Merge requests API" (`author`, `merge_user`), "Commit email" in "User profile" (the
number in a `noreply` address is the account's id).
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bot.forges import MAX_COMMIT_RANGE, CommitRange, Contributors
from bot.forges._attribution import (
    MAX_REQUESTS,
    MergedRequest,
    Push,
    attribute,
    checked_range,
    first_pushed_by,
    joined,
)
from bot.forges.gitlab import commit_authors
from bot.forges.gitlab.http import Http, ResponseError, project
from planners.model import UnattributedCommit

Json = Mapping[str, Any]

UNREADABLE = frozenset({401, 403, 404})
PAGE = 100
MAX_PUSH_PAGES = 100
SMALLER = "with smaller merge requests"
NO_ACCOUNT = "its author's address belongs to no GitLab account"
ADD_ADDRESS = "when its author adds the address to their account on GitLab"
_NOREPLY = re.compile(r"(\d+)-[^@]+@users\.noreply\..+")


@dataclass(slots=True)
class _Search:
    """The merge requests of some commits: found so far, and still to be asked for.

    `candidates` are all that GitLab relates to the commits; one is part of their history if it made
    one of them, or brought them to a branch from which they came (`targets`).
    """

    commits: CommitRange
    known: set[str]
    pending: list[str]
    targets: set[str]
    candidates: dict[int, Json] = field(default_factory=dict)
    requests: dict[int, MergedRequest] = field(default_factory=dict)
    forks: dict[int, str] = field(default_factory=dict)
    unattributed: list[UnattributedCommit] = field(default_factory=list)

    def due(self) -> Iterable[Json]:
        """The candidates that are part of the history and were not read yet."""
        for number, each in self.candidates.items():
            made = {each.get("merge_commit_sha"), each.get("squash_commit_sha")} & self.known
            brought = each["target_branch"] in self.targets and each["sha"] in self.known
            if number not in self.requests and (made or brought):
                yield each


@dataclass(slots=True)
class ContributorReader:
    """Asks one GitLab; pushes are remembered by project and id, as they never change."""

    http: Http
    me: Callable[[], Awaitable[int]]
    _pushes: dict[str, dict[int, Push]] = field(default_factory=dict)

    async def read(self, repository: str, commits: CommitRange) -> Contributors:
        """See the Protocol."""
        if (refused := checked_range(commits)) is not None:
            return refused
        search = await self._read_requests(repository, commits)
        pushes = []
        for number, name in sorted(search.forks.items()):
            pushes += await self._read_pushes(f"/projects/{number}", name)
        pushes += await self._read_pushes(project(repository), repository)
        owners = {
            int(match[1]) for each in commits.addresses if (match := _NOREPLY.fullmatch(each))
        }
        authors = await self._read_authors(repository, search, pushes)
        told = attribute(repository, commits, pushes, search.requests.values())
        own = Contributors(frozenset(owners), tuple(search.unattributed))
        return joined(joined(own, authors), told)

    async def _read_authors(
        self, repository: str, search: "_Search", pushes: Iterable[Push]
    ) -> Contributors:
        """The accounts of the authors; what Switchyard itself pushed has no author besides."""
        requests = search.requests.values()
        own = first_pushed_by(await self.me(), search.commits, pushes, requests)
        graph = dict(search.commits.parents)
        for request in requests:
            graph |= request.commits
        wanted = [sha for sha, parents in graph.items() if len(parents) <= 1 and sha not in own]
        found = await commit_authors.read(self.http, repository, wanted)
        accounts = {each for each in found.values() if each is not None}
        missing = [each for each in wanted if found.get(each) is None]
        unknown = [UnattributedCommit(each, NO_ACCOUNT, ADD_ADDRESS) for each in missing]
        return Contributors(frozenset(accounts), tuple(unknown))

    async def _read_requests(self, repository: str, commits: CommitRange) -> _Search:
        """The merged merge requests that brought the commits, also through other branches."""
        known = set(commits.parents)
        search = _Search(commits, known, sorted(known), {commits.branch})
        while search.pending:
            sha = search.pending.pop()
            path = f"{project(repository)}/repository/commits/{quote(sha, safe='')}/merge_requests"
            for each in await self.http.all(path):
                if each["state"] == "merged":
                    search.candidates[each["iid"]] = each
            for each in list(search.due()):
                if len(search.requests) >= MAX_REQUESTS or len(known) > 2 * MAX_COMMIT_RANGE:
                    why = "too many merge requests brought it"
                    search.unattributed.append(UnattributedCommit(commits.head, why, SMALLER))
                    return search
                await self._read_request(repository, each, search)
        return search

    async def _read_request(self, repository: str, found: Json, search: _Search) -> None:
        """One merged merge request, with its commits."""
        number = found["iid"]
        merger = found.get("merge_user") or found.get("merged_by")
        merge_sha = found.get("merge_commit_sha") or found.get("squash_commit_sha") or found["sha"]
        if merger is None:
            why = f"GitLab does not tell who merged merge request !{number}"
            search.unattributed.append(UnattributedCommit(merge_sha, why, SMALLER))
        path = f"{project(repository)}/merge_requests/{number}/commits"
        commits = _graph(await self.http.all(path), search.commits)
        search.requests[number] = MergedRequest(
            number,
            frozenset(each["id"] for each in (found["author"], merger) if each),
            merge_sha if merge_sha != found["sha"] else "",
            commits,
        )
        if found["source_project_id"] == found["target_project_id"]:
            search.targets.add(found["source_branch"])
        elif (source := found["source_project_id"]) is not None:
            search.forks[source] = f"project {source}"
        search.pending += [each for each in commits if each not in search.known]
        search.known |= set(commits)

    async def _read_pushes(self, path: str, name: str) -> list[Push]:
        """Who moved the branches of a project, oldest first; empty where one may not ask."""
        known = self._pushes.setdefault(name, {})
        listed: list[Json] = []
        for page in range(1, MAX_PUSH_PAGES + 1):
            try:
                found = await self.http.get(
                    f"{path}/events", action="pushed", sort="desc", per_page=PAGE, page=page
                )
            except ResponseError as error:
                if error.status in UNREADABLE:
                    return []
                raise
            listed += found
            if len(found) < PAGE or any(each["id"] in known for each in found):
                break
        for each in reversed(listed):
            pushed = each["push_data"]
            if pushed["ref_type"] == "branch" and pushed["commit_to"] and pushed["ref"]:
                before = pushed["commit_from"] or ""
                known[each["id"]] = Push(
                    each["author_id"], name, pushed["ref"], before, pushed["commit_to"]
                )
        return [known[number] for number in sorted(known)]


def _graph(listed: Iterable[Json], commits: CommitRange) -> dict[str, tuple[str, ...]]:
    """The commits of a merge request with their parents.

    GitLab keeps no parents of commits that were squashed away: they are a line, newest first.
    """
    every = list(listed)
    following = [each["id"] for each in every[1:]]
    found = {}
    for each, older in zip(every, [*following, ""], strict=True):
        parents = commits.parents.get(each["id"]) or tuple(each.get("parent_ids") or ())
        found[each["id"]] = parents or ((older,) if older else ())
    return found
