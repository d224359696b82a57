"""What GitHub asks of a pull request before it merges it, and how it merges.

Sources. GitHub Docs, "About protected branches": "require branches to be up to date", linear
history, approving reviews; stale reviews are dismissed when the difference of the pull request
changes; the most recent push must be approved by somebody else. "Available rules for rulesets":
the same as rules, and `allowed_merge_methods`. "Configuring pull request merges": the methods of
the repository. GraphQL `MergeStateStatus` has the words of `mergeable_state`. "Merge a pull
request": 405, and 409 with the sentence that the OpenAPI description has as its example. That the
API counts required checks of a branch that is behind as expected, and says nothing of "up to date",
is told in RakuenSoftware/aimee#2460; the sentence about methods in Mergifyio/mergify#1812; that
violations of rulesets begin with "Repository rule violations found" in GitHub Docs,
"Troubleshooting rules". The words for other methods are taken to be like those for merge commits.
"""

from dataclasses import dataclass

import pygit2

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.branch_tracking import follow, mark_merged
from bot.sandbox.forge.merging import conflicts
from bot.sandbox.forge.records import MergeRequest, User
from tests.fakes.github.state import GitHub, Json

METHODS = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
VIOLATIONS = "Repository rule violations found\n\n"
HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Demands:
    """What the default branch asks for, by protection (`ruled` False) or by a ruleset."""

    checks: tuple[str, ...] = ()
    strict: bool = False
    linear: bool = False
    reviews: int = 0
    last_push: bool = False
    methods: frozenset[str] = frozenset(METHODS)
    queue: bool = False
    ruled: bool = False


def demands(github: GitHub, path: str) -> list[Demands]:
    """That of the protection, then that of the rulesets."""
    known, repository = github.protection.get(path, {}), github.forge.repository(path)
    protection = Demands(
        checks=tuple(repository.required_statuses),
        strict=bool(known.get("strict")),
        linear=bool(known.get("linear")),
        reviews=known.get("reviews", 0),
        last_push=bool(known.get("last_push")),
        queue=github.needs_queue,
    )
    rules = github.rules_of(path)

    def of(kind: str) -> Json:
        found = (each.get("parameters", {}) for each in rules if each["type"] == kind)
        return next(found, {})

    checks, pulls = of("required_status_checks"), of("pull_request")
    ruled = Demands(
        checks=tuple(each["context"] for each in checks.get("required_status_checks", ())),
        strict=checks.get("strict_required_status_checks_policy", False),
        linear=any(each["type"] == "required_linear_history" for each in rules),
        reviews=pulls.get("required_approving_review_count", 0),
        last_push=pulls.get("require_last_push_approval", False),
        methods=frozenset(pulls.get("allowed_merge_methods", METHODS)),
        queue=any(each["type"] == "merge_queue" for each in rules),
        ruled=True,
    )
    return [protection, ruled]


def is_behind(github: GitHub, request: MergeRequest) -> bool:
    onto = github.forge.git.head(request.repository, request.target)
    git = github.forge.git
    return onto is not None and not git.contains(request.repository, request.head, onto)


def state_of(github: GitHub, request: MergeRequest) -> str:
    """`mergeable_state` of a pull request."""
    if request.state != "open" or github.unsure:
        return "unknown"
    if conflicts(github.forge, request):
        return "dirty"
    found = demands(github, request.repository)
    if any(_reviews_missing(github, request, each) for each in found):
        return "blocked"
    if any(each.strict for each in found) and is_behind(github, request):
        return "behind"
    if any(_unmet(github, request, each) for each in found):
        return "blocked"
    statuses = github.forge.statuses(request.repository, request.head)
    return "clean" if all(each.state == "success" for each in statuses) else "unstable"


def is_stale(github: GitHub, request: MergeRequest, reviewed: str) -> bool:
    """Whether a review is dismissed: the difference is not that which was approved."""
    path = request.repository
    known = github.protection.get(path, {})
    pulls = (each for each in github.rules_of(path) if each["type"] == "pull_request")
    ruled = (each["parameters"].get("dismiss_stale_reviews_on_push") for each in pulls)
    if not (known.get("dismiss_stale") or any(ruled)) or reviewed == request.head:
        return False
    return _difference(github, request, reviewed) != _difference(github, request, request.head)


def _difference(github: GitHub, request: MergeRequest, head: str) -> str:
    repository = github.forge.git.open(request.repository)
    onto = repository.references[HEADS + request.target].target
    patch = repository.diff(str(repository.merge_base(onto, head)), head).patch
    assert patch is not None
    return patch


def _unmet(github: GitHub, request: MergeRequest, asked: Demands) -> list[str]:
    """Each required check that is missing; all of them where the branch is behind."""
    statuses = {
        each.context: each for each in github.forge.statuses(request.repository, request.head)
    }
    wrong = [
        f'Required status check "{each}" is '
        + ("expected." if each not in statuses else f"{_told(statuses[each].state)}.")
        for each in asked.checks
        if each not in statuses or statuses[each].state != "success"
    ]
    if asked.checks and asked.strict and is_behind(github, request):
        number = len(asked.checks)
        return [f"{number} of {number} required status checks are expected."]
    return wrong


def _told(state: str) -> str:
    return "failing" if state in {"failure", "error"} else state


def _reviews_missing(github: GitHub, request: MergeRequest, asked: Demands) -> list[str]:
    forge, path = github.forge, request.repository
    given = [
        (login, head)
        for login, (head, _) in request.reviews.items()
        if forge.may(forge.users[login], path, "write") and not is_stale(github, request, head)
    ]
    if len(given) < asked.reviews:
        many = f"{asked.reviews} approving review{'s are' if asked.reviews > 1 else ' is'}"
        return [f"At least {many} required by reviewers with write access."]
    pushes = [each.by for each in forge.updates(path) if each.branch == request.source]
    others = [
        login
        for login, head in given
        if head == request.head and forge.users[login].id != pushes[-1]
    ]
    if asked.last_push and not others:
        return ["New changes require approval from someone other than the last pusher."]
    return []


def merge(github: GitHub, user: User, request: MergeRequest, asked: Json) -> str:
    """Merge it by the method asked for, and return the new commit of the target."""
    forge, path = github.forge, request.repository
    forge.require(user, path, "write")
    if request.state != "open":
        raise RequestError(405, "Pull Request is not mergeable")
    if asked["sha"] != request.head:
        raise RequestError(409, "Head branch was modified. Review and try the merge again.")
    if conflicts(forge, request):
        raise RequestError(405, "Pull Request is not mergeable")
    method = asked["merge_method"]
    if method not in github.methods_of(path):
        raise RequestError(405, f"{METHODS[method]} are not allowed on this repository.")
    for each in demands(github, path):
        _check(github, request, each, method)
    onto = forge.git.head(path, request.target)
    assert onto is not None
    sha = _commits(github, user, request, asked, onto)
    forge.git.open(path).references[HEADS + request.target].set_target(sha)
    forge.record_update(user, path, request.target, old=onto, new=sha)
    mark_merged(forge, user, request, sha, onto)
    forge.emit(path, "push", "updated", user, ref=HEADS + request.target)
    follow(forge, user, path, request.target)
    if forge.repository(path).delete_merged_branches:
        forge.git.delete(path, request.source, request.head)
        forge.emit(path, "push", "deleted", user, ref=HEADS + request.source)
    return sha


def _check(github: GitHub, request: MergeRequest, asked: Demands, method: str) -> None:
    """Raise 405 where it is not met."""
    wrong = [
        *(["Changes must be made through the merge queue"] if asked.queue else []),
        *(["This branch must not contain merge commits."] * (asked.linear and method == "merge")),
        *([f"Merge method {method} is not allowed."] * (method not in asked.methods)),
        *_reviews_missing(github, request, asked),
        *_unmet(github, request, asked),
    ]
    if wrong:
        prefix = VIOLATIONS if asked.ruled else ""
        raise RequestError(405, prefix + "\n\n".join(wrong))


def _commits(github: GitHub, user: User, request: MergeRequest, asked: Json, onto: str) -> str:
    """A merge commit, one commit with everything, or the branch's commits on top of the target.

    A rebase keeps the messages of the commits ("About pull request merges").
    """
    repository = github.forge.git.open(request.repository)
    at = int(github.clock().timestamp())
    by = pygit2.Signature(user.name, user.email, at, 0)
    message = f"{asked['commit_title']}\n\n{asked['commit_message']}\n"
    if asked["merge_method"] != "rebase":
        index = repository.merge_commits(repository[onto].id, repository[request.head].id)
        parents = [onto, request.head] if asked["merge_method"] == "merge" else [onto]
        tree = index.write_tree(repository)
        return str(repository.create_commit(None, by, by, message, tree, parents))
    walker = repository.walk(request.head, pygit2.enums.SortMode.REVERSE)
    walker.hide(onto)
    for each in walker:
        tree = repository.merge_trees(each.parents[0].tree, repository[onto].tree, each.tree)  # type: ignore[attr-defined] # a commit
        written = tree.write_tree(repository)
        onto = str(repository.create_commit(None, each.author, by, each.message, written, [onto]))
    return onto


def update_branch(github: GitHub, user: User, request: MergeRequest, expected: str | None) -> None:
    """Merge the target into the branch ("Update a pull request branch": 202, and 422)."""
    forge, path = github.forge, request.repository
    forge.require(user, path, "write")
    if expected not in {None, request.head}:
        raise RequestError(422, "expected head sha didn't match current head ref.")
    if not is_behind(github, request):
        raise RequestError(422, "There are no new commits on the base branch.")
    repository = forge.git.open(path)
    onto = str(repository.references[HEADS + request.target].target)
    index = repository.merge_commits(repository[request.head].id, repository[onto].id)
    if index.conflicts is not None:
        raise RequestError(422, "merge conflict between base and head")
    by = pygit2.Signature(user.name, user.email, int(github.clock().timestamp()), 0)
    text = f"Merge branch '{request.target}' into {request.source}"
    tree = index.write_tree(repository)
    made = str(repository.create_commit(None, by, by, text, tree, [request.head, onto]))
    old = request.head
    repository.references[HEADS + request.source].set_target(made)
    forge.record_update(user, path, request.source, old=old, new=made)
    follow(forge, user, path, request.source)
