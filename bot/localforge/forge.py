"""The forge's operations. Each is done as somebody, and refused when that one may not do it."""

from collections.abc import Callable
from datetime import datetime

from bot.localforge.accounts import Accounts, RefusedError
from bot.localforge.git import Git, GitRefusedError
from bot.localforge.hooks import Hooks
from bot.localforge.protection import Command
from bot.localforge.records import (
    ROLES,
    Comment,
    Event,
    MergeRequest,
    Status,
    Storage,
    User,
)

MAX_TEXT = 1_000_000
MAX_TITLE = 255
MAX_DESCRIPTION = 255


class Forge(Accounts):
    """Everything the forge knows and does. Safe to call from several threads."""

    def __init__(
        self, storage: Storage, git: Git, hooks: Hooks, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(storage, git)
        self.hooks, self.clock = hooks, clock
        self.requests = {
            (request.repository, request.number): request
            for request in (_request(value) for value in storage.load(MergeRequest).values())
        }
        self.status_records = {key: Status(**value) for key, value in storage.load(Status).items()}

    def now(self) -> str:
        """The time as text."""
        return self.clock().isoformat(timespec="seconds")

    def request(self, path: str, number: int) -> MergeRequest:
        """The merge request of that number."""
        try:
            return self.requests[path, number]
        except KeyError:
            raise RefusedError(404, f"no merge request {number} in {path}") from None

    def requests_of(self, path: str, state: str = "all", prefix: str = "") -> list[MergeRequest]:
        """Merge requests of a repository, newest first."""
        found = [
            request
            for (repository, _), request in self.requests.items()
            if repository == path
            and state in {"all", request.state}
            and request.source.startswith(prefix)
        ]
        return sorted(found, key=lambda request: -request.number)

    def open_request(
        self, user: User, path: str, *, source: str, target: str, title: str, body: str
    ) -> MergeRequest:
        """Open a merge request, or return the open one of that branch."""
        self.require(user, path, "write")
        with self.lock:
            for request in self.requests_of(path, "open"):
                if request.source == source and request.target == target:
                    return request
            head = self.git.head(path, source)
            base = self.git.head(path, target)
            if head is None or base is None:
                raise RefusedError(422, f"branch {source if head is None else target} is not there")
            if self.git.contains(path, base, head):
                raise RefusedError(422, f"{source} has no commit that {target} has not")
            repository = self.repository(path)
            made = MergeRequest(
                path,
                repository.next_number,
                title[:MAX_TITLE],
                body[:MAX_TEXT],
                user.login,
                source,
                target,
                head,
                self.now(),
                base=base,
            )
            repository.next_number += 1
            self.storage.put(path, repository)
            self.requests[path, made.number] = made
            self._note(made, user, "opened")
            return made

    def edit_request(self, user: User, path: str, number: int, *, title: str, body: str) -> None:
        """Set title and body."""
        request = self.request(path, number)
        self._require_author(user, request)
        with self.lock:
            request.title, request.body = title[:MAX_TITLE], body[:MAX_TEXT]
            self._save(request)

    def set_state(self, user: User, path: str, number: int, state: str) -> None:
        """Close or reopen."""
        request = self.request(path, number)
        self._require_author(user, request)
        with self.lock:
            if request.state in {"merged", state}:
                return
            request.state = state
            request.closed_by = user.login if state == "closed" else None
            if state == "open" and self.git.head(path, request.source) is None:
                self.git.set_head(path, request.source, request.head)
            self._note(request, user, "closed" if state == "closed" else "reopened")

    def merge_blockers(self, user: User | None, request: MergeRequest) -> list[str]:
        """Why this user cannot merge it now."""
        found = []
        if request.state != "open":
            found.append(f"it is {request.state}")
        repository = self.repository(request.repository)
        role = repository.roles.get(user.login, "none") if user else "none"
        if ROLES.index(role) < ROLES.index("write"):
            found.append("it needs the role write")
        for context in repository.required_statuses:
            status = self.status_records.get(_status_key(request, context))
            if status is None or status.state != "success":
                text = status.description if status else "not reported yet"
                found.append(f"status {context} is required: {text}")
        onto = self.git.head(request.repository, request.target)
        if onto and self.git.conflicts(request.repository, onto, request.head):
            found.append(f"it conflicts with {request.target}")
        return found

    def merge(self, user: User, path: str, number: int, *, head: str, message: str) -> str:
        """Merge if the head is still `head`; the merge commit."""
        self.require(user, path, "write")
        with self.lock:
            request = self.request(path, number)
            if request.head != head:
                raise RefusedError(409, f"the head is {request.head[:8]} now, not {head[:8]}")
            blockers = self.merge_blockers(user, request)
            if blockers:
                raise RefusedError(405, "; ".join(blockers))
            onto = self.git.head(path, request.target)
            assert onto is not None
            author = (user.name, user.email)
            heads = (request.target, onto, head)
            try:
                sha = self.git.merge(path, heads, message, author, self.clock())
            except GitRefusedError as error:
                raise RefusedError(405, str(error)) from error
            self._merged(request, user, sha, onto)
        self.emit(path, "push", "updated", None, user)
        return sha

    def _merged(self, request: MergeRequest, user: User, sha: str, base: str) -> None:
        request.state, request.merge_sha, request.base = "merged", sha, base
        request.merged_by = user.login
        if self.repository(request.repository).delete_merged_branches:
            self.git.delete(request.repository, request.source)
        self._note(request, user, "merged")

    def comment(self, user: User, path: str, number: int, body: str) -> Comment:
        """Write a comment."""
        self.require(user, path, "read")
        if not body.strip() or len(body) > MAX_TEXT:
            raise RefusedError(422, f"a comment has 1 to {MAX_TEXT} characters")
        with self.lock:
            request = self.request(path, number)
            made = Comment(len(request.comments) + 1, user.login, body, self.now())
            request.comments.append(made)
            self._save(request)
        self.emit(path, "comment", "created", number, user)
        return made

    def edit_comment(self, user: User, path: str, number: int, comment: int, body: str) -> None:
        """Replace one's own comment."""
        request = self.request(path, number)
        with self.lock:
            found = next((each for each in request.comments if each.id == comment), None)
            if found is None:
                raise RefusedError(404, f"no comment {comment}")
            if found.author != user.login:
                raise RefusedError(403, "only its author edits a comment")
            found.body, found.edited = body, True
            self._save(request)
        self.emit(path, "comment", "edited", number, user)

    def review(self, user: User, path: str, number: int, *, approve: bool) -> None:
        """Approve the merge request as it stands, or take an approval back."""
        self.require(user, path, "triage")
        with self.lock:
            request = self.request(path, number)
            if approve:
                request.reviews[user.login] = [request.head, self.now()]
            else:
                request.reviews.pop(user.login, None)
            self._note(request, user, "approved" if approve else "took the approval back")

    def label(self, user: User, path: str, number: int, label: str, *, present: bool) -> None:
        """Add a label or take it away."""
        self.require(user, path, "triage")
        with self.lock:
            request = self.request(path, number)
            if present != (label in request.labels):
                request.labels = sorted({*request.labels, label} - (set() if present else {label}))
                verb = "added" if present else "removed"
                self._note(request, user, f"{verb} the label {label}")

    def set_status(self, user: User, path: str, sha: str, status: dict[str, str]) -> None:
        """Set the status of a context on a commit."""
        self.require(user, path, "write")
        if status["state"] not in {"pending", "success", "failure"}:
            raise RefusedError(422, f"no state {status['state']!r}")
        made = Status(
            path,
            sha,
            status["context"],
            status["state"],
            status["description"][:MAX_DESCRIPTION],
            status["url"],
            user.login,
            self.now(),
        )
        key = f"{path} {sha} {made.context}"
        self.status_records[key] = made
        self.storage.put(key, made)

    def statuses(self, path: str, sha: str) -> list[Status]:
        """The newest status of each context on a commit."""
        found = [each for each in self.status_records.values() if each.repository == path]
        return sorted((each for each in found if each.sha == sha), key=lambda each: each.context)

    def refused_refs(self, user: User, path: str, commands: tuple[Command, ...]) -> dict[str, str]:
        """The refs of a push that this user may not change, with why."""
        repository = self.repository(path)
        admin = repository.roles.get(user.login) == "admin"
        found = {}
        for command in commands:
            if command.branch is None:
                found[command.ref] = "only branches may be pushed"
            elif command.branch in repository.protected and not admin:
                exists = self.git.head(path, command.branch) is not None
                if exists:
                    found[command.ref] = "protected branch: open a merge request"
        return found

    def pushed(self, user: User, path: str, branches: list[str]) -> None:
        """Branches moved: merge requests follow, and hooks hear of it."""
        for branch in branches:
            self._follow(user, path, branch)
        if branches:
            self.emit(path, "push", "updated", None, user)

    def _follow(self, user: User, path: str, branch: str) -> None:
        head = self.git.head(path, branch)
        for request in self.requests_of(path, "open"):
            with self.lock:
                if request.source == branch and head is None:
                    request.state, request.closed_by = "closed", user.login
                    self._note(request, user, "closed by deleting the branch")
                elif request.source == branch and head is not None and head != request.head:
                    request.head = head
                    self._note(request, user, f"pushed {head[:8]}")
                if head and request.target == branch:
                    self._merged_by_push(user, request, head)

    def _merged_by_push(self, user: User, request: MergeRequest, tip: str) -> None:
        if request.state == "open" and self.git.contains(request.repository, tip, request.head):
            self._merged(request, user, tip, request.base)

    def emit(self, path: str, event: str, action: str, number: int | None, user: User) -> None:
        """Tell the hooks."""
        self.hooks.emit(path, event, action=action, number=number, sender=user.login)

    def _require_author(self, user: User, request: MergeRequest) -> None:
        role = "read" if user.login == request.author else "triage"
        self.require(user, request.repository, role)

    def _note(self, request: MergeRequest, user: User, what: str) -> None:
        request.events.append(Event(user.login, what, self.now()))
        self._save(request)
        self.emit(request.repository, "merge_request", what, request.number, user)

    def _save(self, request: MergeRequest) -> None:
        self.storage.put(f"{request.repository}!{request.number}", request)


def _status_key(request: MergeRequest, context: str) -> str:
    return f"{request.repository} {request.head} {context}"


def _request(value: dict[str, object]) -> MergeRequest:
    comments = [Comment(**each) for each in value.pop("comments")]  # type: ignore[attr-defined] # a list of mappings, as Storage wrote it
    events = [Event(**each) for each in value.pop("events")]  # type: ignore[attr-defined] # as above
    return MergeRequest(**value, comments=comments, events=events)  # type: ignore[arg-type] # as above
