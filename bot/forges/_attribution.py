"""Who has a hand in commits, by what a forge tells of pushes and merge requests.

Git proves nothing here: names and addresses in commits are whatever their writer set. A forge knows
who pushed, since pushing needs an account. A commit belongs to whoever pushed it first, and to
whoever brought it to the default branch; a merge request to who opened and who merged it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.forges._values import MAX_COMMIT_RANGE, CommitRange, Contributors
from planners.model import UnattributedCommit

MAX_REQUESTS = 100
NO_PUSH = "the forge does not tell who pushed it"
NO_SIDE_PUSH = "the forge does not tell who pushed it to the branch of merge request {number}"
PUSH_AGAIN = "when someone pushes the change again, as a new commit"

Graph = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Push:
    """A branch of a repository moved from `before` to `after`, by an account.

    `before` is empty or zeros where the branch was created; `account` is None where the forge does
    not tell it.
    """

    account: int | None
    repository: str
    branch: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class MergedRequest:
    """A merged merge request: who opened and merged it, and its commits with their parents.

    `merge_sha` is the commit that the forge made to merge it; empty if there is none.
    """

    number: int
    accounts: frozenset[int]
    merge_sha: str = ""
    commits: Graph = field(default_factory=dict)


def attribute(
    repository: str,
    commits: CommitRange,
    pushes: Iterable[Push],
    requests: Iterable[MergedRequest],
) -> Contributors:
    """The accounts behind commits and merge requests; `pushes` are in the order they happened.

    The commits of a merge request need a push to its own branch: that their merge is known tells
    nothing of who wrote them.
    """
    every = tuple(requests)
    graph = dict(commits.parents)
    for request in every:
        graph |= request.commits
    accounts = {account for request in every for account in request.accounts}
    first, on_target, on_branches = set[str](), set[str](), set[str]()
    anonymous = set[str]()
    for push in pushes:
        pushed = between(graph, push.before, push.after)
        is_target = (push.repository, push.branch) == (repository, commits.branch)
        if push.account is not None and pushed - (set() if is_target else first):
            accounts.add(push.account)
        if push.account is None:
            anonymous |= pushed - first
        else:
            (on_target if is_target else on_branches).update(pushed)
        first |= pushed
    merges = {request.merge_sha for request in every if request.accounts}
    known = on_target | on_branches | merges
    missing = {sha: NO_PUSH for sha in graph if sha not in known or sha in anonymous}
    for request in every:
        reason = NO_SIDE_PUSH.format(number=request.number)
        missing |= {sha: reason for sha in request.commits if sha not in on_branches}
    found = [UnattributedCommit(sha, why, PUSH_AGAIN) for sha, why in missing.items()]
    return Contributors(frozenset(accounts), tuple(found))


def first_pushed_by(
    account: int,
    commits: CommitRange,
    pushes: Iterable[Push],
    requests: Iterable[MergedRequest],
) -> frozenset[str]:
    """The commits, also of the merge requests, that an account pushed before anybody else."""
    graph = dict(commits.parents)
    for request in requests:
        graph |= request.commits
    first, own = set[str](), set[str]()
    for push in pushes:
        new = between(graph, push.before, push.after) - first
        own |= new if push.account == account else frozenset()
        first |= new
    return frozenset(own)


def between(graph: Graph, old: str, new: str) -> frozenset[str]:
    """The commits of the graph that `new` contains and `old` does not."""
    return _reach(graph, new) - _reach(graph, old)


def _reach(graph: Graph, tip: str) -> frozenset[str]:
    found, pending = set[str](), [tip]
    while pending:
        sha = pending.pop()
        if sha in graph and sha not in found:
            found.add(sha)
            pending += graph[sha]
    return frozenset(found)


def joined(one: Contributors, other: Contributors) -> Contributors:
    """Both together; a commit that lacks several accounts is listed once."""
    missing = {each.sha: each for each in (*other.unattributed, *one.unattributed)}
    return Contributors(one.accounts | other.accounts, tuple(missing.values()))


def checked_range(commits: CommitRange) -> Contributors | None:
    """The answer for a range that is too long to be asked for; None for others."""
    if commits.complete:
        return None
    why = f"more than {MAX_COMMIT_RANGE} commits are not deployed everywhere yet"
    return Contributors(
        frozenset(), (UnattributedCommit(commits.head, why, "with smaller revisions"),)
    )
