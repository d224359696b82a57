"""Who has a hand in commits, as GitHub tells it.

Sources: GitHub Docs, "REST API endpoints for commits" (`author` and `committer` are the accounts
whose verified address a commit carries, null where there is none; "List pull requests associated
with a commit": of a commit on the default branch only the one that introduced it), "... for pull
requests" (`merged_by`; at most 250 commits), "... for repositories" ("List repository activities":
`actor` moved `ref` from `before` to `after`), "Setting your commit email address" (the number in a
`noreply` address is the account's id).
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

from bot.forges import MAX_COMMIT_RANGE, CommitRange, Contributors, User
from bot.forges._attribution import (
    MAX_REQUESTS,
    MergedRequest,
    Push,
    attribute,
    checked_range,
    first_pushed_by,
    joined,
)
from bot.forges.github.http import Http, ResponseError
from planners.model import UnattributedCommit

Json = Mapping[str, Any]

UNREADABLE = frozenset({403, 404, 410})
WEB_FLOW = "web-flow"
MAX_PUSHES = 10_000
MAX_LISTED_COMMITS = 1_000
MAX_NESTED = 1_000
_NOREPLY = re.compile(r"(\d+)\+[^@]+@users\.noreply\..+")
NO_ACCOUNT = "its author's or committer's address belongs to no GitHub account"
ADD_ADDRESS = "when its author adds the address to their account on GitHub"
SMALLER = "with smaller pull requests"


@dataclass(slots=True)
class _Findings:
    """What one question has found so far; `unknown` are commits with an address of no account."""

    accounts: set[int] = field(default_factory=set)
    unattributed: list[UnattributedCommit] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def add(self, commits: Iterable[Json]) -> None:
        """The accounts of commits; GitHub commits as `web-flow` what people do on its pages."""
        for commit in commits:
            people = [commit.get("author"), commit.get("committer")]
            if not all(people):
                self.unknown.add(commit["sha"])
            self.accounts |= {each["id"] for each in people if each and each["login"] != WEB_FLOW}

    def miss(self, sha: str, reason: str, remedy: str) -> None:
        """A commit for which an account is missing."""
        self.unattributed.append(UnattributedCommit(sha, reason, remedy))


@dataclass(slots=True)
class ContributorReader:
    """Asks one GitHub; pushes are remembered by repository and id, as they never change."""

    http: Http
    me: Callable[[], Awaitable[User]]
    _pushes: dict[str, dict[int, Push]] = field(default_factory=dict)

    async def read(self, repository: str, commits: CommitRange) -> Contributors:
        """See the Protocol."""
        if (refused := checked_range(commits)) is not None:
            return refused
        found = _Findings()
        await self._read_commits(repository, commits, found)
        requests, forks = await self._read_requests(repository, commits, found)
        pushes = [
            push for fork in sorted(forks) for push in await self._read_pushes(fork, repository)
        ]
        pushes += await self._read_pushes(repository, repository)
        found.accounts |= {
            int(match[1]) for each in commits.addresses if (match := _NOREPLY.fullmatch(each))
        }
        account = (await self.me()).id
        for sha in found.unknown - first_pushed_by(account, commits, pushes, requests):
            found.miss(sha, NO_ACCOUNT, ADD_ADDRESS)
        told = attribute(repository, commits, pushes, requests)
        return joined(Contributors(frozenset(found.accounts), tuple(found.unattributed)), told)

    async def _read_commits(self, repository: str, commits: CommitRange, found: _Findings) -> None:
        """The accounts of the commits themselves."""
        left, seen = set(commits.parents), count(1)

        def enough(commit: Json) -> bool:
            left.discard(commit["sha"])
            return not left or next(seen) >= MAX_LISTED_COMMITS

        path, query = f"/repos/{repository}/commits", {"sha": commits.head}
        listed = await self.http.pages(repository, path, query, enough)
        found.add(each for each in listed if each["sha"] in commits.parents)
        for sha in sorted(left):
            found.miss(sha, "GitHub does not list it among the newest commits", SMALLER)

    async def _read_requests(
        self, repository: str, commits: CommitRange, found: _Findings
    ) -> tuple[list[MergedRequest], set[str]]:
        """The merged pull requests that brought the commits, also through other branches.

        Returns them with the forks that they come from.
        """
        pending, known = list(commits.parents), set(commits.parents)
        requests: dict[int, MergedRequest] = {}
        forks: set[str] = set()
        while pending:
            sha = pending.pop()
            path = f"/repos/{repository}/commits/{quote(sha, safe='')}/pulls"
            todo = [
                each["number"]
                for each in await self.http.pages(repository, path)
                if _is_merged(each)
            ]
            while todo:
                number = todo.pop()
                if number in requests:
                    continue
                if len(requests) >= MAX_REQUESTS or len(known) > 2 * MAX_COMMIT_RANGE:
                    found.miss(commits.head, "too many pull requests brought it", SMALLER)
                    return list(requests.values()), forks
                pull = await self.http.get(repository, f"/repos/{repository}/pulls/{number}")
                request = await self._read_request(repository, pull, found)
                requests[number] = request
                pending += [each for each in request.commits if each not in known]
                known |= set(request.commits)
                source = (pull["head"]["repo"] or {}).get("full_name", "")
                if source == repository:
                    todo += await self._read_nested(repository, pull, known, found)
                elif source:
                    forks.add(source)
        return list(requests.values()), forks

    async def _read_request(self, repository: str, pull: Json, found: _Findings) -> MergedRequest:
        """One merged pull request, with its commits."""
        number, merge_sha = pull["number"], pull["merge_commit_sha"] or ""
        if pull["commits"] > MAX_COMMIT_RANGE:
            found.miss(
                pull["head"]["sha"],
                f"GitHub does not list the commits of pull request #{number}: more than "
                f"{MAX_COMMIT_RANGE}",
                SMALLER,
            )
        path = f"/repos/{repository}/pulls/{number}/commits"
        listed = await self.http.pages(repository, path)
        found.add(listed)
        if not pull.get("merged_by"):
            found.miss(
                merge_sha, f"GitHub does not tell who merged pull request #{number}", SMALLER
            )
        people = (pull["user"], pull.get("merged_by"))
        return MergedRequest(
            number,
            frozenset(each["id"] for each in people if each),
            merge_sha,
            {each["sha"]: tuple(up["sha"] for up in each["parents"]) for each in listed},
        )

    async def _read_nested(
        self, repository: str, pull: Json, known: set[str], found: _Findings
    ) -> list[int]:
        """The numbers of pull requests that were merged into the branch of another one."""
        branch, seen = pull["head"]["ref"], count(1)
        query = {"state": "closed", "base": branch, "sort": "updated", "direction": "desc"}
        path = f"/repos/{repository}/pulls"
        listed = await self.http.pages(repository, path, query, lambda _: next(seen) >= MAX_NESTED)
        if len(listed) >= MAX_NESTED:
            why = f"more than {MAX_NESTED} pull requests were made for branch {branch}"
            found.miss(pull["head"]["sha"], why, SMALLER)
        return [
            each["number"]
            for each in listed
            if _is_merged(each) and {each["merge_commit_sha"], each["head"]["sha"]} & known
        ]

    async def _read_pushes(self, repository: str, access: str) -> list[Push]:
        """Who moved the branches of a repository, oldest first; empty where one may not ask.

        It is asked with the access to another one, of which it may be a fork.
        """
        known, seen = self._pushes.setdefault(repository, {}), count(1)
        try:
            listed = await self.http.pages(
                access,
                f"/repos/{repository}/activity",
                is_last=lambda each: each["id"] in known or next(seen) >= MAX_PUSHES,
            )
        except ResponseError as error:
            if error.status in UNREADABLE:
                return []
            raise
        for each in reversed(listed):
            actor = each["actor"] or {}
            branch = each["ref"].removeprefix("refs/heads/")
            known[each["id"]] = Push(
                actor.get("id"), repository, branch, each["before"], each["after"]
            )
        return [known[number] for number in sorted(known)]


def _is_merged(pull: Json) -> bool:
    return bool(pull.get("merged_at"))
