"""Opens, edits, closes and merges merge requests. Called by the API and the pages."""

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.branch_tracking import follow, mark_merged
from bot.sandbox.forge.diffs import Diff
from bot.sandbox.forge.git import HEADS, BranchMerge, GitOperationError
from bot.sandbox.forge.protection import ZERO
from bot.sandbox.forge.records import MergeRequest, User
from bot.sandbox.forge.state import ForgeState

MAX_TITLE = 255
MAX_BODY = 65_536


def open_request(
    forge: ForgeState, user: User, path: str, *, source: str, target: str, title: str, body: str
) -> MergeRequest:
    """Open a merge request, or return the open one of that branch unchanged.

    Raises:
        RequestError: 422 if a branch is missing or has no new commits.
    """
    forge.require(user, path, "write")
    _check_text(title, body)
    with forge.lock:
        known = _existing(forge, path, source, target)
        if known is not None:
            return known
        head, base = _new_commits(forge, path, source, target)
        repository = forge.repository(path)
        number = repository.next_number
        repository.next_number += 1
        forge.storage.put(path, repository)
        forge.git.keep(path, number, head)
        made = MergeRequest(
            path, number, title, body, user.login, source, target, head, forge.now(), base=base
        )
        forge.add_request(made)
        forge.note(made, user, "opened", "opened this")
        return made


def edit_request(
    forge: ForgeState, user: User, path: str, number: int, *, title: str, body: str
) -> None:
    """Set title and body; allowed for the author and role triage."""
    request = forge.request(path, number)
    _require_author(forge, user, request)
    _check_text(title, body)
    with forge.lock:
        if (request.title, request.body) == (title, body):
            return
        request.title, request.body = title, body
        forge.save(request)
    forge.emit(path, "merge_request", "edited", user, number=number)


def set_state(forge: ForgeState, user: User, path: str, number: int, state: str) -> None:
    """Close (`closed`) or reopen (`open`); a merged merge request cannot change."""
    if state not in {"open", "closed"}:
        raise RequestError(422, f"invalid state {state!r}: expected open or closed")
    request = forge.request(path, number)
    _require_author(forge, user, request)
    with forge.lock:
        if request.state == state:
            return
        if request.state == "merged":
            raise RequestError(422, f"merge request {number} is merged")
        if state == "closed":
            request.state, request.closed_by = "closed", user.login
            forge.note(request, user, "closed", "closed this")
        else:
            _reopen(forge, user, request)


def _reopen(forge: ForgeState, user: User, request: MergeRequest) -> None:
    """Reopen at the current head of the branch; a deleted branch is restored first."""
    path = request.repository
    existing = _existing(forge, path, request.source, request.target)
    if existing is not None:
        raise RequestError(409, f"merge request {existing.number} of that branch is open")
    if forge.git.head(path, request.source) is None:
        forge.require(user, path, "write")
        forge.git.restore(path, request.source, request.head)
        forge.record_update(user, path, request.source, old=ZERO, new=request.head)
        forge.emit(path, "push", "created", user, ref=HEADS + request.source)
    request.head, _ = _new_commits(forge, path, request.source, request.target)
    forge.git.keep(path, request.number, request.head)
    request.state, request.closed_by = "open", None
    forge.note(request, user, "reopened", "reopened this")


def blockers(forge: ForgeState, user: User | None, request: MergeRequest) -> list[str]:
    """Why this user cannot merge it now; clauses without a full stop."""
    if request.state != "open":
        return [f"the merge request is {request.state}"]
    found = []
    path = request.repository
    if not forge.may(user, path, "write"):
        found.append("merging requires role write")
    statuses = {status.context: status for status in forge.statuses(path, request.head)}
    for context in forge.repository(path).required_statuses:
        status = statuses.get(context)
        if status is None:
            found.append(f"{context} is required but not reported yet")
        elif status.state != "success":
            found.append(f"{context} is {status.state}: {status.description}")
    if conflicts(forge, request):
        found.append(f"conflicts with {request.target}")
    return found


def conflicts(forge: ForgeState, request: MergeRequest) -> bool:
    """Whether an open merge request has merge conflicts."""
    if request.state != "open":
        return False
    onto = forge.git.head(request.repository, request.target)
    return onto is None or forge.git.conflicts(request.repository, onto, request.head)


def changes(forge: ForgeState, request: MergeRequest) -> Diff:
    """The diff against its target, or for a merged one against the target before the merge."""
    base = request.base
    if request.state == "open":
        base = forge.git.head(request.repository, request.target) or base
    return forge.git.diff(request.repository, base, request.head)


def merge(forge: ForgeState, user: User, path: str, number: int, *, head: str, message: str) -> str:
    """Merge if the head is still `head`, and return the merge commit.

    Raises:
        RequestError: 409 if the head has changed, 405 for any other reason.
    """
    forge.require(user, path, "read")
    with forge.lock:
        request = forge.request(path, number)
        reasons = blockers(forge, user, request)
        if request.state != "open":
            raise RequestError(405, reasons[0])
        if head not in {request.head} & {forge.git.head(path, request.source)}:
            raise RequestError(409, f"the head is {request.head[:8]}, not {head[:8]}")
        if reasons:
            raise RequestError(405, "; ".join(reasons))
        onto = forge.git.head(path, request.target)
        assert onto is not None
        change = BranchMerge(
            target=request.target,
            onto=onto,
            head=head,
            message=message,
            author_name=user.name,
            author_email=user.email,
            at=forge.clock(),
        )
        try:
            sha = forge.git.merge(path, change)
        except GitOperationError as error:
            raise RequestError(405, str(error)) from error
        complete_merge(forge, user, request, onto=onto, sha=sha)
        return sha


def complete_merge(
    forge: ForgeState, user: User, request: MergeRequest, *, onto: str, sha: str
) -> None:
    """Record that this merge moved the target branch from commit `onto` to `sha`."""
    path = request.repository
    forge.record_update(user, path, request.target, old=onto, new=sha)
    mark_merged(forge, user, request, sha, onto)
    forge.emit(path, "push", "updated", user, ref=HEADS + request.target)
    _delete_source(forge, user, request)
    follow(forge, user, path, request.target)


def _delete_source(forge: ForgeState, user: User, request: MergeRequest) -> None:
    """Delete the branch of a merged request, unless it is protected or has new commits."""
    path, branch = request.repository, request.source
    repository = forge.repository(path)
    kept = {repository.default_branch, *repository.protected}
    if not repository.delete_merged_branches or branch in kept:
        return
    if forge.git.delete(path, branch, request.head):
        forge.emit(path, "push", "deleted", user, ref=HEADS + branch)
        follow(forge, user, path, branch)


def _new_commits(forge: ForgeState, path: str, source: str, target: str) -> tuple[str, str]:
    """The heads of both branches, after checking that the source has new commits."""
    head, base = forge.git.head(path, source), forge.git.head(path, target)
    if head is None or base is None:
        raise RequestError(422, f"branch {source if head is None else target} does not exist")
    if forge.git.contains(path, base, head):
        raise RequestError(422, f"{source} has no commits that are not in {target}")
    return head, base


def _existing(forge: ForgeState, path: str, source: str, target: str) -> MergeRequest | None:
    same = (
        request
        for request in forge.requests_of(path, "open")
        if (request.source, request.target) == (source, target)
    )
    return next(same, None)


def _require_author(forge: ForgeState, user: User, request: MergeRequest) -> None:
    role = "read" if user.login == request.author else "triage"
    forge.require(user, request.repository, role)


def _check_text(title: str, body: str) -> None:
    if not title.strip() or len(title) > MAX_TITLE:
        raise RequestError(422, f"a title must have 1 to {MAX_TITLE} characters")
    if len(body) > MAX_BODY:
        raise RequestError(422, f"a description must have at most {MAX_BODY} characters")
