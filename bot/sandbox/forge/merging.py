"""Merge requests from opening to merging. Called by the programming interface and the pages."""

from bot.sandbox.forge.accounts import RefusedError
from bot.sandbox.forge.diffs import Diff
from bot.sandbox.forge.following import follow, mark_merged
from bot.sandbox.forge.forge import Forge
from bot.sandbox.forge.git import HEADS, GitRefusedError
from bot.sandbox.forge.records import MergeRequest, User

MAX_TITLE = 255
MAX_BODY = 65_536


def open_request(
    forge: Forge, user: User, path: str, *, source: str, target: str, title: str, body: str
) -> MergeRequest:
    """Open a merge request, or return the open one of that branch as it is.

    Raises:
        RefusedError: 422 where a branch is missing or has nothing new.
    """
    forge.require(user, path, "write")
    _check_text(title, body)
    with forge.lock:
        known = _open_twin(forge, path, source, target)
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
    forge: Forge, user: User, path: str, number: int, *, title: str, body: str
) -> None:
    """Set title and body; the author may, and whoever has the role triage."""
    request = forge.request(path, number)
    _require_author(forge, user, request)
    _check_text(title, body)
    with forge.lock:
        if (request.title, request.body) == (title, body):
            return
        request.title, request.body = title, body
        forge.save(request)
    forge.emit(path, "merge_request", "edited", user, number=number)


def set_state(forge: Forge, user: User, path: str, number: int, state: str) -> None:
    """Close (`closed`) or reopen (`open`); what is merged stays merged."""
    if state not in {"open", "closed"}:
        raise RefusedError(422, f"{state!r} is no state; there are open and closed")
    request = forge.request(path, number)
    _require_author(forge, user, request)
    with forge.lock:
        if request.state == state:
            return
        if request.state == "merged":
            raise RefusedError(422, f"merge request {number} is merged")
        if state == "closed":
            request.state, request.closed_by = "closed", user.login
            forge.note(request, user, "closed", "closed this")
        else:
            _reopen(forge, user, request)


def _reopen(forge: Forge, user: User, request: MergeRequest) -> None:
    """Open again at the branch as it is now; a missing branch comes back at the last head."""
    path = request.repository
    twin = _open_twin(forge, path, request.source, request.target)
    if twin is not None:
        raise RefusedError(409, f"merge request {twin.number} of that branch is open")
    if forge.git.head(path, request.source) is None:
        forge.require(user, path, "write")
        forge.git.restore(path, request.source, request.head)
        forge.emit(path, "push", "created", user, ref=HEADS + request.source)
    request.head, _ = _new_commits(forge, path, request.source, request.target)
    forge.git.keep(path, request.number, request.head)
    request.state, request.closed_by = "open", None
    forge.note(request, user, "reopened", "opened this again")


def blockers(forge: Forge, user: User | None, request: MergeRequest) -> list[str]:
    """Why this user cannot merge it now, in sentences without a full stop."""
    if request.state != "open":
        return [f"it is {request.state}"]
    found = []
    path = request.repository
    if not forge.may(user, path, "write"):
        found.append("merging needs the role write")
    statuses = {status.context: status for status in forge.statuses(path, request.head)}
    for context in forge.repository(path).required_statuses:
        status = statuses.get(context)
        if status is None:
            found.append(f"{context} is required and not reported yet")
        elif status.state != "success":
            found.append(f"{context} is {status.state}: {status.description}")
    if conflicts(forge, request):
        found.append(f"it conflicts with {request.target}")
    return found


def conflicts(forge: Forge, request: MergeRequest) -> bool:
    """Whether an open merge request needs a person to be merged."""
    if request.state != "open":
        return False
    onto = forge.git.head(request.repository, request.target)
    return onto is None or forge.git.conflicts(request.repository, onto, request.head)


def changes(forge: Forge, request: MergeRequest) -> Diff:
    """What it changes on its target, or changed when it was merged."""
    base = request.base
    if request.state == "open":
        base = forge.git.head(request.repository, request.target) or base
    return forge.git.diff(request.repository, base, request.head)


def merge(forge: Forge, user: User, path: str, number: int, *, head: str, message: str) -> str:
    """Merge with a merge commit if the head is still `head`; the merge commit.

    Raises:
        RefusedError: 409 when the head moved, 405 with every other reason.
    """
    forge.require(user, path, "read")
    with forge.lock:
        request = forge.request(path, number)
        why = blockers(forge, user, request)
        if request.state != "open":
            raise RefusedError(405, why[0])
        if head not in {request.head} & {forge.git.head(path, request.source)}:
            raise RefusedError(409, f"the head is {request.head[:8]} now, not {head[:8]}")
        if why:
            raise RefusedError(405, "; ".join(why))
        onto = forge.git.head(path, request.target)
        assert onto is not None
        heads, author = (request.target, onto, head), (user.name, user.email)
        try:
            sha = forge.git.merge(path, heads, message, author, forge.clock())
        except GitRefusedError as error:
            raise RefusedError(405, str(error)) from error
        mark_merged(forge, user, request, sha, onto)
        forge.emit(path, "push", "updated", user, ref=HEADS + request.target)
        _delete_source(forge, user, request)
        follow(forge, user, path, request.target)
        return sha


def _delete_source(forge: Forge, user: User, request: MergeRequest) -> None:
    """Delete the branch of a merged request, unless it is protected or has moved on."""
    path, branch = request.repository, request.source
    repository = forge.repository(path)
    spared = {repository.default_branch, *repository.protected}
    if not repository.delete_merged_branches or branch in spared:
        return
    if forge.git.delete(path, branch, request.head):
        forge.emit(path, "push", "deleted", user, ref=HEADS + branch)
        follow(forge, user, path, branch)


def _new_commits(forge: Forge, path: str, source: str, target: str) -> tuple[str, str]:
    """Heads of both branches, of which the source has commits that the target has not."""
    head, base = forge.git.head(path, source), forge.git.head(path, target)
    if head is None or base is None:
        raise RefusedError(422, f"branch {source if head is None else target} is not there")
    if forge.git.contains(path, base, head):
        raise RefusedError(422, f"{source} has no commit that {target} has not")
    return head, base


def _open_twin(forge: Forge, path: str, source: str, target: str) -> MergeRequest | None:
    same = (
        request
        for request in forge.requests_of(path, "open")
        if (request.source, request.target) == (source, target)
    )
    return next(same, None)


def _require_author(forge: Forge, user: User, request: MergeRequest) -> None:
    role = "read" if user.login == request.author else "triage"
    forge.require(user, request.repository, role)


def _check_text(title: str, body: str) -> None:
    if not title.strip() or len(title) > MAX_TITLE:
        raise RefusedError(422, f"a title has 1 to {MAX_TITLE} characters")
    if len(body) > MAX_BODY:
        raise RefusedError(422, f"a description has at most {MAX_BODY} characters")
