"""GitHub's merge queue: it merges what its checks pass on, each request upon those before it.

Sources: GitHub Docs, "Managing a merge queue": a request that enters gets a temporary branch
`gh-readonly-queue/<base>/pr-<number>-<commit>` with everything before it in the queue; required
checks run on that branch (event `merge_group`, `checks_requested`) and not on the request's head;
what passes is merged in the queue's order, what fails leaves the queue, and what stood behind it is
tested anew. GraphQL `enqueuePullRequest`: `expectedHeadOid`.
"""

from dataclasses import dataclass

import pygit2

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.branch_tracking import mark_merged
from bot.sandbox.forge.records import MergeRequest, User
from tests.fakes.github.merging import HEADS, demands
from tests.fakes.github.state import GitHub

PREFIX = "gh-readonly-queue"


@dataclass(slots=True)
class Entry:
    """A request in the queue, and the branch and commit on which it is tested."""

    request: MergeRequest
    by: User
    branch: str = ""
    trial: str = ""


def enter(github: GitHub, user: User, node: str, head: str) -> int:
    """Add a pull request at the end; its position.

    Raises:
        RequestError: it is in the queue, or its head is another one.
    """
    path, _, number = node.removeprefix("PR_").rpartition("_")
    request = github.forge.request(path, int(number))
    if any(each.request is request for each in github.entries):
        raise RequestError(422, "Pull request is already in the merge queue")
    if request.head != head:
        raise RequestError(422, "Head sha does not match the expected one")
    github.queued[node] = head
    github.entries.append(Entry(request, user))
    _test(github)
    return len(github.entries)


def advance(github: GitHub) -> None:
    """Merge what passed, from the front; drop what failed."""
    while github.entries:
        states = _states(github, github.entries[0])
        if "failure" in states or "error" in states:
            _leave(github, github.entries.pop(0))
            for each in github.entries:
                _delete(github, each)
            _test(github)
        elif states == {"success"}:
            _merge(github, github.entries.pop(0))
        else:
            return


def _states(github: GitHub, entry: Entry) -> set[str]:
    """The states of the required checks on the commit under test; `expected` for a missing one."""
    path = entry.request.repository
    reported = {each.context: each.state for each in github.forge.statuses(path, entry.trial)}
    checks = {check for each in demands(github, path) for check in each.checks}
    return {reported.get(check, "expected") for check in checks} or {"success"}


def _test(github: GitHub) -> None:
    """Make the branches that are missing."""
    forge, onto = github.forge, ""
    for each in github.entries:
        path, target = each.request.repository, each.request.target
        onto = onto or str(forge.git.head(path, target))
        if not each.branch:
            each.branch = f"{PREFIX}/{target}/pr-{each.request.number}-{onto}"
            each.trial = _trial(github, each, onto)
            reference = HEADS + each.branch
            forge.git.open(path).references.create(reference, each.trial, force=True)
            forge.emit(path, "push", "created", each.by, ref=reference)
            forge.emit(path, "merge_group", "checks_requested", each.by, ref=reference)
        onto = each.trial


def _trial(github: GitHub, entry: Entry, onto: str) -> str:
    request, user = entry.request, entry.by
    repository = github.forge.git.open(request.repository)
    index = repository.merge_commits(repository[onto].id, repository[request.head].id)
    by = pygit2.Signature(user.name, user.email, int(github.clock().timestamp()), 0)
    text = f"Merge pull request #{request.number} from {request.source}\n\n{request.title}\n"
    tree = index.write_tree(repository)
    return str(repository.create_commit(None, by, by, text, tree, [onto, request.head]))


def _merge(github: GitHub, entry: Entry) -> None:
    forge, request = github.forge, entry.request
    path, reference = request.repository, HEADS + request.target
    onto = str(forge.git.head(path, request.target))
    forge.git.open(path).references[reference].set_target(entry.trial)
    forge.record_update(entry.by, path, request.target, old=onto, new=entry.trial)
    mark_merged(forge, entry.by, request, entry.trial, onto)
    _leave(github, entry)
    forge.emit(path, "push", "updated", entry.by, ref=reference)


def _leave(github: GitHub, entry: Entry) -> None:
    github.queued.pop(f"PR_{entry.request.repository}_{entry.request.number}", None)
    _delete(github, entry)


def _delete(github: GitHub, entry: Entry) -> None:
    path, reference = entry.request.repository, HEADS + entry.branch
    github.forge.git.open(path).references.delete(reference)
    github.forge.emit(path, "merge_group", "destroyed", entry.by, ref=reference)
    entry.branch = entry.trial = ""
