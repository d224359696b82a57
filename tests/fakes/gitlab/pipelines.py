"""Pipelines, and where a status from outside lands among them.

Sources: GitLab's app/services/ci/create_commit_status_service.rb and the page "External commit
statuses": a status joins the newest pipeline of exactly that commit, narrowed by `ref` and
`pipeline_id`; without one it makes a pipeline of its own (source `external`) on `ref`, else on the
first branch that contains the commit. A waiting status of the same name, ref and user is changed;
it cannot wait again. "Merge request pipelines": their ref is `refs/merge-requests/N/head`.
"Merged results pipelines": `refs/merge-requests/N/merge`, and their commit is a merge of the head
with the target. app/finders/ci/pipelines_for_merge_request_finder.rb: the head pipeline of a merge
request is the newest of its own ones for its head, else the newest of its branch.
app/services/merge_requests/mergeability/check_ci_status_service.rb: with "Pipelines must succeed"
that pipeline has to exist and to succeed; no other counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pygit2

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import MergeRequest, Status
from bot.sandbox.forge.state import ForgeState

OURS = {"failed": "failure", "canceled": "failure"}
WAITING = frozenset({"pending", "running"})
REPEATED = (
    "Cannot transition status via :enqueue from :pending "
    '(Reason(s): Status cannot transition via "enqueue")'
)
BRANCH, MERGE_REQUEST, MERGED_RESULTS = "branch", "merge_request", "merged_results"


@dataclass(slots=True)
class Job:
    """A job, or a status from outside; one that a newer of its name replaced is not told."""

    id: int
    status: Status
    replaced: bool = False


@dataclass(slots=True)
class Pipeline:
    """A pipeline at commit `sha`, for the head `source_sha` of a merge request."""

    id: int
    repository: str
    ref: str
    sha: str
    source: str
    source_sha: str
    request: int = 0
    jobs: list[Job] = field(default_factory=list)

    @property
    def status(self) -> str:
        """What its jobs make of it."""
        states = {each.status.state for each in self.jobs if not each.replaced}
        for state in ("running", "pending", "failure"):
            if state in states:
                return {"failure": "failed"}.get(state, state)
        return "success" if states else "created"


class Pipelines:
    """The pipelines of all projects, oldest first; `ci` is the kind that pushes start.

    `most_jobs` a pipeline has ("CI/CD limits", jobs in a pipeline).
    """

    def __init__(self, forge: ForgeState) -> None:
        self.forge = forge
        self.ci, self.most_jobs = "", 500
        self.every: list[Pipeline] = []
        self._jobs = 0

    def notice(self, found: MergeRequest) -> None:
        """Start the pipeline of a new head, where the project has CI; its job succeeds at once."""
        if not self.ci or found.state != "open" or self._has_own(found):
            return
        path, number = found.repository, found.number
        if self.ci == BRANCH:
            self.start(path, found.source, found.head, "push")
        elif self.ci == MERGE_REQUEST:
            ref = f"refs/merge-requests/{number}/head"
            self.start(path, ref, found.head, "merge_request_event", number=number)
        else:
            self._start_merged_results(found)

    def _has_own(self, found: MergeRequest) -> bool:
        sources = {"push"} if self.ci == BRANCH else {"merge_request_event"}
        return any(each.source in sources for each in self.of(found))

    def _start_merged_results(self, found: MergeRequest) -> None:
        repository = self.forge.git.open(found.repository)
        onto = self.forge.git.head(found.repository, found.target)
        assert onto is not None
        ours, theirs = (repository[each].peel(pygit2.Commit) for each in (onto, found.head))
        index = repository.merge_commits(ours, theirs)
        if index.conflicts is not None:
            return
        signature = pygit2.Signature("GitLab", "noreply@gitlab.invalid", theirs.commit_time, 0)
        ref = f"refs/merge-requests/{found.number}/merge"
        message = f"Merge branch '{found.source}' into '{found.target}'"
        sha = repository.create_commit(
            None, signature, signature, message, index.write_tree(repository), [onto, found.head]
        )
        repository.references.create(ref, sha, force=True)
        self.start(
            found.repository, ref, str(sha), "merge_request_event", number=found.number,
            head=found.head,
        )  # fmt: skip

    def start(
        self, path: str, ref: str, sha: str, source: str, *, number: int = 0, head: str = ""
    ) -> Pipeline:
        """A pipeline with one job of the project's own CI, unless it is from outside."""
        made = Pipeline(len(self.every) + 1, path, ref, sha, source, head or sha, number)
        self.every.append(made)
        if source != "external":
            owner = next(iter(self.forge.users.values()))
            build = Status(path, sha, "build", "success", "", "", owner.login, self.forge.now())
            self._add(made, build)
            self.forge.emit(path, "status", "success", owner, ref=sha)
        return made

    def _add(self, to: Pipeline, status: Status) -> Job:
        for each in to.jobs:
            each.replaced = each.replaced or each.status.context == status.context
        self._jobs += 1
        made = Job(self._jobs, status)
        to.jobs.append(made)
        return made

    def of(self, found: MergeRequest) -> list[Pipeline]:
        """Those of a merge request's head, the one that counts first."""
        path, head = found.repository, found.head
        own = [each for each in self._newest(path) if each.request == found.number]
        branch = [each for each in self._newest(path) if each.ref == found.source]
        return [each for each in (*own, *branch) if each.source_sha == head]

    def head(self, found: MergeRequest) -> Pipeline | None:
        """The pipeline that "Pipelines must succeed" looks at."""
        self.notice(found)
        return next(iter(self.of(found)), None)

    def _newest(self, path: str) -> Iterator[Pipeline]:
        return (each for each in reversed(self.every) if each.repository == path)

    def told(
        self, path: str, sha: str, name: str = "", *, every: bool = False
    ) -> list[tuple[Pipeline, Job]]:
        """The jobs in the pipelines of a commit; without `every` the newest of each name."""
        return [
            (pipeline, job)
            for pipeline in self.every
            if (pipeline.repository, pipeline.sha) == (path, sha)
            for job in pipeline.jobs
            if every or not job.replaced
            if name in {"", job.status.context}
        ]

    def set_status(
        self, path: str, sha: str, fields: dict[str, Any], login: str
    ) -> tuple[Pipeline, Job]:
        """Put a status where GitLab puts it."""
        if not self.forge.git.has_commit(path, sha):
            raise RequestError(404, "404 Commit Not Found")
        found = self._matching(path, sha, fields)
        if found is None and "pipeline_id" in fields:
            raise RequestError(404, "404 Pipeline for pipeline_id, sha and ref Not Found")
        ref = fields.get("ref") or (found.ref if found else self._containing(path, sha))
        to = found or self.start(path, ref, sha, "external")
        waiting = next((each for each in to.jobs if self._waits(each, fields["name"], login)), None)
        state = OURS.get(fields["state"], fields["state"])
        if waiting is not None and state == "pending":
            raise RequestError(400, REPEATED)
        old = waiting.status if waiting else None
        told = {"description": old.description if old else "", "target_url": old.url if old else ""}
        text, url = (fields.get(each, told[each]) or "" for each in ("description", "target_url"))
        status = Status(path, sha, fields["name"], state, text, url, login, self.forge.now())
        if waiting is None and len(to.jobs) >= self.most_jobs:
            raise RequestError(422, "The number of jobs has exceeded the limit")
        if waiting is None:
            return to, self._add(to, status)
        waiting.status = status
        return to, waiting

    def _waits(self, job: Job, name: str, login: str) -> bool:
        status = job.status
        return (status.context, status.by) == (name, login) and status.state in WAITING

    def _matching(self, path: str, sha: str, fields: dict[str, Any]) -> Pipeline | None:
        for each in self._newest(path):
            if each.sha != sha or fields.get("ref", each.ref) != each.ref:
                continue
            if fields.get("pipeline_id", each.id) == each.id:
                return each
        return None

    def _containing(self, path: str, sha: str) -> str:
        for name, tip in self.forge.git.branches(path).items():
            if self.forge.git.contains(path, tip, sha):
                return name
        raise RequestError(404, "404 References for commit Not Found")
