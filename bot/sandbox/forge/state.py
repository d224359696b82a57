"""The state of the local forge: merge requests and statuses, with persistence and events.

The operations of users are in `merging`, `conversation` and `pushes`; each checks the user's role.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.sandbox.forge.accounts import Accounts, RequestError
from bot.sandbox.forge.git import Git
from bot.sandbox.forge.hooks import Hooks
from bot.sandbox.forge.records import (
    BranchUpdate,
    Comment,
    Event,
    MergeRequest,
    Status,
    Storage,
    User,
)


class ForgeState(Accounts):
    """The state of the forge. Any thread may read it; changes require `lock`."""

    def __init__(
        self, storage: Storage, git: Git, hooks: Hooks, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(storage, git)
        self.hooks, self.clock = hooks, clock
        self._requests: dict[str, dict[int, MergeRequest]] = {}
        for value in storage.load(MergeRequest).values():
            request = _request(value)
            self._requests.setdefault(request.repository, {})[request.number] = request
        self._updates = [BranchUpdate(**each) for each in storage.load(BranchUpdate).values()]
        self._statuses: dict[tuple[str, str], dict[str, Status]] = {}
        for value in storage.load(Status).values():
            self._remember(Status(**value))

    def now(self) -> str:
        """The current time in ISO 8601."""
        return self.clock().isoformat(timespec="milliseconds")

    def request(self, path: str, number: int) -> MergeRequest:
        """The merge request with that number.

        Raises:
            RequestError: it does not exist.
        """
        try:
            return self._requests[path][number]
        except KeyError:
            raise RequestError(404, f"merge request {number} of {path} does not exist") from None

    def requests_of(self, path: str, state: str = "all", prefix: str = "") -> list[MergeRequest]:
        """The merge requests of a repository, newest first."""
        with self.lock:
            found = list(self._requests.get(path, {}).values())
        return [
            request
            for request in sorted(found, key=lambda request: -request.number)
            if state in {"all", request.state} and request.source.startswith(prefix)
        ]

    def add_request(self, request: MergeRequest) -> None:
        """Add a new merge request, whose number is already allocated."""
        self._requests.setdefault(request.repository, {})[request.number] = request

    def record_update(self, user: User, path: str, branch: str, *, old: str, new: str) -> None:
        """Record who moved a branch; no commit tells that."""
        with self.lock:
            made = BranchUpdate(len(self._updates) + 1, path, user.id, branch, old, new)
            self._updates.append(made)
            self.storage.put(str(made.number), made)

    def updates(self, path: str) -> list[BranchUpdate]:
        """The updates of a repository's branches, oldest first."""
        with self.lock:
            return [each for each in self._updates if each.repository == path]

    def statuses(self, path: str, sha: str) -> list[Status]:
        """The newest status of each context on a commit, by context."""
        with self.lock:
            found = list(self._statuses.get((path, sha), {}).values())
        return sorted(found, key=lambda status: status.context)

    def put_status(self, status: Status) -> None:
        """Store a status, replacing the previous one of its context."""
        self._remember(status)
        self.storage.put(f"{status.repository} {status.sha} {status.context}", status)

    def _remember(self, status: Status) -> None:
        self._statuses.setdefault((status.repository, status.sha), {})[status.context] = status

    def note(self, request: MergeRequest, user: User, action: str, what: str) -> None:
        """Add an event to the conversation, store the merge request, and send webhooks."""
        request.events.append(Event(user.login, action, what, self.now()))
        self.save(request)
        self.emit(request.repository, "merge_request", action, user, number=request.number)

    def save(self, request: MergeRequest) -> None:
        """Store a merge request."""
        request.updated_at = self.now()
        self.storage.put(f"{request.repository}!{request.number}", request)

    def emit(
        self,
        path: str,
        event: str,
        action: str,
        user: User,
        *,
        number: int | None = None,
        ref: str | None = None,
    ) -> None:
        """Send an event to the webhooks of a repository."""
        body = {"number": number, "ref": ref, "action": action, "sender": user.login}
        self.hooks.emit(path, event, body)


def _request(value: dict[str, Any]) -> MergeRequest:
    comments = [Comment(**each) for each in value.pop("comments")]
    events = [Event(**each) for each in value.pop("events")]
    return MergeRequest(**value, comments=comments, events=events)
