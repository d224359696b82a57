"""The values that each page's template shows. Called by `pages`."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.forge import merging
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.diffs import Diff
from bot.sandbox.forge.records import Comment, Event, MergeRequest, Status, User
from bot.sandbox.forge.state import ForgeState

HOLD = "switchyard/hold"
MAX_REQUESTS = 200
MAX_COMMITS = 15
MAX_UNFOLDED_FILE = 400
MAX_UNFOLDED_TOTAL = 4000
TABS = ("open", "merged", "closed")
_SEVERITY = {"failure": 0, "pending": 1, "success": 2}


def people(forge: ForgeState, logins: Iterable[str]) -> list[tuple[User, dict[str, list[str]]]]:
    """Users whom a demo offers, with the repositories by the role that each has there."""
    found = []
    for login in logins:
        roles: dict[str, list[str]] = {}
        for path in sorted(forge.repositories):
            roles.setdefault(forge.role(path, login) or "none", []).append(path)
        found.append((forge.users[login], roles))
    return found


def repositories(forge: ForgeState, user: User) -> dict[str, Any]:
    """The repositories that a user may read."""
    visible = [path for path in sorted(forge.repositories) if forge.may(user, path, "read")]
    return {
        "rows": [
            {
                "repository": forge.repository(path),
                "role": forge.role(path, user.login),
                "open": len(forge.requests_of(path, "open")),
            }
            for path in visible
        ]
    }


def repository(forge: ForgeState, path: str) -> dict[str, Any]:
    """Files, newest commits and branches."""
    found = forge.repository(path)
    branches = forge.git.branches(path)
    tip = branches.get(found.default_branch)
    return {
        "path": path,
        "repository": found,
        "branches": branches,
        "log": forge.git.log(path, tip, MAX_COMMITS) if tip else [],
        "entries": (forge.git.entries(path, tip, "") or []) if tip else [],
        "open": len(forge.requests_of(path, "open")),
    }


def contents(forge: ForgeState, path: str, name: str) -> dict[str, Any]:
    """A folder or a file of the default branch.

    Raises:
        RequestError: it does not exist, or is too large.
    """
    found = forge.repository(path)
    tip = forge.git.head(path, found.default_branch)
    entries = forge.git.entries(path, tip, name) if tip else None
    text = forge.git.file(path, tip, name) if tip and entries is None else None
    if entries is None and text is None:
        raise RequestError(
            404, f"{name} does not exist on {found.default_branch}, or is larger than 1 MiB"
        )
    above = name.split("/")[:-1]
    crumbs = [(part, "/".join(above[: at + 1])) for at, part in enumerate(above)]
    return {
        "path": path,
        "repository": found,
        "name": name,
        "crumbs": crumbs,
        "entries": entries,
        "lines": text.splitlines() if text is not None else [],
    }


def commit(forge: ForgeState, path: str, sha: str) -> dict[str, Any]:
    """A commit and its diff."""
    if not forge.git.has_commit(path, sha):
        raise RequestError(404, f"commit {sha} does not exist in {path}")
    found = forge.git.commit(path, sha)
    return {"path": path, "commit": found, **_changes(forge.git.commit_diff(path, sha))}


def requests(forge: ForgeState, path: str, state: str) -> dict[str, Any]:
    """The list of merge requests in one state."""
    if state not in TABS:
        raise RequestError(404, f"unknown state {state!r}")
    found = forge.requests_of(path, state)
    return {
        "path": path,
        "state": state,
        "counts": {each: len(forge.requests_of(path, each)) for each in TABS},
        "requests": [(each, _summary(forge, each)) for each in found[:MAX_REQUESTS]],
        "left_out": max(0, len(found) - MAX_REQUESTS),
        "users": forge.users,
    }


def _summary(forge: ForgeState, request: MergeRequest) -> Status | None:
    """The worst status: failure, then pending, then success."""
    statuses = forge.statuses(request.repository, request.head)
    return min(statuses, key=lambda each: _SEVERITY[each.state], default=None)


def request(forge: ForgeState, user: User, request: MergeRequest) -> dict[str, Any]:
    """A merge request: description, conversation, statuses, changes, and allowed actions."""
    path = request.repository
    required = set(forge.repository(path).required_statuses)
    statuses = [(each, each.context in required) for each in forge.statuses(path, request.head)]
    reported = {each.context for each, _ in statuses}
    return {
        "path": path,
        "request": request,
        "users": forge.users,
        "statuses": statuses,
        "missing": sorted(required - reported),
        "reviews": sorted(request.reviews.items()),
        "approved": request.reviews.get(user.login, [""])[0] == request.head,
        "blockers": merging.blockers(forge, user, request),
        "may_review": forge.may(user, path, "triage"),
        "may_edit": user.login == request.author or forge.may(user, path, "triage"),
        "conversation": _conversation(request),
        "hold": HOLD,
        **_changes(merging.changes(forge, request)),
    }


def _conversation(request: MergeRequest) -> list[tuple[str, Comment | Event]]:
    """Comments and events in order of time, without the opening event."""
    events = [each for each in request.events if each.action != "opened"]
    together: list[Comment | Event] = [*request.comments, *events]
    together.sort(key=lambda each: each.at)
    return [("comment" if isinstance(each, Comment) else "event", each) for each in together]


def _changes(diff: Diff) -> Mapping[str, Any]:
    """A diff, and which of its files are initially unfolded."""
    unfolded: set[str] = set()
    lines = 0
    for file in diff.files:
        lines += len(file.lines)
        if len(file.lines) <= MAX_UNFOLDED_FILE and lines <= MAX_UNFOLDED_TOTAL:
            unfolded.add(file.path)
    return {"diff": diff, "unfolded": unfolded}
