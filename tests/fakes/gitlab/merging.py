"""What GitLab says of a merge request's merge, and how it merges by the project's settings.

Sources: lib/api/merge_requests.rb (merge: 401 without the right to merge, 409 for another head, 405
for one that is not mergeable, 422 where the merge itself fails), MergeRequest's mergeability checks
and app/services/merge_requests/mergeability/detailed_merge_status_service.rb (CI is told last),
a push to the target makes the merge status of all `unchecked`, until a single one is asked for or
`with_merge_status_recheck` asks in a list: the answer itself does not have the result yet),
check_rebase_status_service.rb (a fast-forward or semi-linear project wants the head to contain the
target), app/services/merge_requests/merge_service.rb (squash that a project requires), "Merge
methods": fast-forward leaves no merge commit.
"""

from dataclasses import dataclass

import pygit2

from bot.sandbox.forge import merging
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.git import HEADS, BranchMerge, GitOperationError
from bot.sandbox.forge.records import MergeRequest, User
from tests.fakes.gitlab import pipelines, projects, shapes
from tests.fakes.gitlab.state import GitLab, Json

FAST_FORWARD, SEMI_LINEAR = "ff", "rebase_merge"


def told(gitlab: GitLab, found: MergeRequest, *, recheck: bool = False) -> Json:
    """A merge request as in lists, with what hinders its merge as far as that was checked."""
    gitlab.notice(found)
    value = shapes.request(gitlab.forge, found, gitlab.web)
    users = {each.id: each for each in gitlab.forge.users.values()}
    reviewers = gitlab.reviewers.get((found.repository, found.number), ())
    value["reviewers"] = [shapes.user(users[each], gitlab.web) for each in reviewers]
    if found.state != "open" or _is_checked(gitlab, found):
        value["detailed_merge_status"] = status_of(gitlab, found)
    else:
        value |= {"merge_status": "unchecked", "has_conflicts": False}
    if recheck:
        check(gitlab, found)
    made = gitlab.squashed.get((found.repository, found.number))
    if found.state == "merged":
        fast = found.merge_sha in {found.head, made}
        value["merge_commit_sha"] = None if fast else found.merge_sha
        value["squash_commit_sha"] = made
    fork = gitlab.forks.get((found.repository, found.number))
    return {**value, "source_project_id": projects.number(fork)} if fork else value


def whole(gitlab: GitLab, found: MergeRequest, asking: User) -> Json:
    """A single merge request."""
    version = gitlab.notice(found)[0]
    head = gitlab.pipelines.head(found)
    if gitlab.checking.get(found.number, 0) > 0:
        gitlab.checking[found.number] -= 1
        checking = {"detailed_merge_status": "checking"}
    else:
        checking = {}
    return {
        **told(gitlab, found, recheck=True),
        **shapes.details(found, version, asking),
        **checking,
        "head_pipeline": shapes.pipeline(head, gitlab.web) if head else None,
        "user": {"can_merge": gitlab.may_merge(asking, found.repository)},
    }


def _is_checked(gitlab: GitLab, found: MergeRequest) -> bool:
    onto = gitlab.forge.git.head(found.repository, found.target)
    return gitlab.checked.get((found.repository, found.number)) == (found.head, onto)


def check(gitlab: GitLab, found: MergeRequest) -> None:
    """Check whether it can be merged, as a merge does before anything else."""
    onto = gitlab.forge.git.head(found.repository, found.target)
    gitlab.checked[found.repository, found.number] = (found.head, onto)


def status_of(gitlab: GitLab, found: MergeRequest) -> str:
    """The first check that fails, in GitLab's order."""
    if found.state != "open":
        return "not_open"
    if found.number in gitlab.held:
        return gitlab.held[found.number]
    if merging.conflicts(gitlab.forge, found):
        return "conflict"
    if _needs_rebase(gitlab, found):
        return "need_rebase"
    return _ci(gitlab, found)


def _needs_rebase(gitlab: GitLab, found: MergeRequest) -> bool:
    if gitlab.merge_method == "merge":
        return False
    onto = gitlab.forge.git.head(found.repository, found.target)
    return not gitlab.forge.git.contains(found.repository, found.head, str(onto))


def _ci(gitlab: GitLab, found: MergeRequest) -> str:
    if not gitlab.forge.repository(found.repository).required_statuses:
        return "mergeable"
    pipeline = gitlab.pipelines.head(found)
    if pipeline is None:
        return "ci_must_pass"
    if pipeline.status == "success":
        return "mergeable"
    return "ci_still_running" if pipeline.status in pipelines.WAITING else "ci_must_pass"


def merge(gitlab: GitLab, user: User, found: MergeRequest, fields: Json) -> None:
    """Merge it, if it is mergeable."""
    if not gitlab.may_merge(user, found.repository):
        raise RequestError(401, "401 Unauthorized")
    if fields.get("sha", found.head) != found.head:
        raise RequestError(409, f"SHA does not match HEAD of source branch: {found.head}")
    check(gitlab, found)
    if status_of(gitlab, found) != "mergeable":
        raise RequestError(405, "405 Method Not Allowed")
    if gitlab.squash_option == "always" and not fields.get("squash"):
        raise RequestError(422, "Branch cannot be merged")
    forge, path = gitlab.forge, found.repository
    with forge.lock:
        onto = forge.git.head(path, found.target)
        assert onto is not None
        made = _Merge(gitlab, user, found, onto)
        squash = bool(fields.get("squash")) and gitlab.squash_option != "never"
        head = made.squash(fields["squash_commit_message"]) if squash else found.head
        if gitlab.merge_method == FAST_FORWARD:
            forge.git.open(path).references[HEADS + found.target].set_target(head)
        else:
            head = made.commit(fields["merge_commit_message"], head)
        merging.complete_merge(forge, user, found, onto=onto, sha=head)


@dataclass(frozen=True, slots=True)
class _Merge:
    """One merge, onto commit `onto` of the target branch."""

    gitlab: GitLab
    user: User
    found: MergeRequest
    onto: str

    def squash(self, message: str) -> str:
        """One commit of everything, on the target."""
        found = self.found
        repository = self.gitlab.forge.git.open(found.repository)
        ours, theirs = (repository[each].peel(pygit2.Commit) for each in (self.onto, found.head))
        tree = repository.merge_commits(ours, theirs).write_tree(repository)
        at = int(self.gitlab.clock().timestamp())
        signature = pygit2.Signature(self.user.name, self.user.email, at, 0)
        sha = repository.create_commit(None, signature, signature, message, tree, [self.onto])
        self.gitlab.squashed[found.repository, found.number] = str(sha)
        return str(sha)

    def commit(self, message: str, head: str) -> str:
        """A merge commit on the target branch."""
        change = BranchMerge(
            target=self.found.target,
            onto=self.onto,
            head=head,
            message=message,
            author_name=self.user.name,
            author_email=self.user.email,
            at=self.gitlab.clock(),
        )
        try:
            return self.gitlab.forge.git.merge(self.found.repository, change)
        except GitOperationError as error:
            raise RequestError(422, "Branch cannot be merged") from error
