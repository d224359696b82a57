"""The records of the forge; `Storage` stores each as JSON in SQLite."""

import json
import sqlite3
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

WAITING = "waiting"
ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(slots=True)
class User:
    """A user; only the SHA-256 of the token is stored."""

    id: int
    login: str
    name: str
    email: str
    token_hash: str
    bot: bool = False


@dataclass(slots=True)
class Repository:
    """A repository and its rules; `roles` maps logins to one of ROLES."""

    path: str
    default_branch: str = "main"
    roles: dict[str, str] = field(default_factory=dict)
    protected: list[str] = field(default_factory=list)
    required_statuses: list[str] = field(default_factory=list)
    delete_merged_branches: bool = True
    description: str = ""
    next_number: int = 1


@dataclass(slots=True)
class Comment:
    """A comment on a merge request."""

    id: int
    author: str
    body: str
    at: str
    edited: bool = False


@dataclass(slots=True)
class Event:
    """An event of a merge request, shown in its conversation."""

    actor: str
    action: str
    what: str
    at: str


@dataclass(slots=True)
class MergeRequest:
    """A merge request; `reviews` maps the login of an approver to [head, time].

    `reviewers` are the logins whose review is requested, until they approve.
    """

    repository: str
    number: int
    title: str
    body: str
    author: str
    source: str
    target: str
    head: str
    created_at: str
    updated_at: str = ""
    state: str = "open"
    base: str = ""
    merge_sha: str | None = None
    merged_by: str | None = None
    closed_by: str | None = None
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    reviews: dict[str, list[str]] = field(default_factory=dict)
    reviewers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Status:
    """The newest status of a context on a commit."""

    repository: str
    sha: str
    context: str
    state: str
    description: str
    url: str
    by: str
    at: str


@dataclass(slots=True)
class BranchUpdate:
    """A branch moved from `old` to `new` (forty zeros: none), by the user with the id `by`."""

    number: int
    repository: str
    by: int
    branch: str
    old: str
    new: str


@dataclass(slots=True)
class Hook:
    """A webhook of a repository; the secret signs the body."""

    repository: str
    url: str
    secret: str


@dataclass(slots=True)
class Delivery:
    """An event for a hook; `outcome` is an HTTP status, WAITING, or an error."""

    id: str
    repository: str
    url: str
    event: str
    body: str
    at: str
    outcome: str = WAITING


class Storage:
    """Records by kind and key, read at start and written at every change.

    A write survives a crash of the process immediately, and a power failure after SQLite's next
    checkpoint (WAL, `synchronous=NORMAL`).
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS records "
            "(kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
        )

    def put(self, key: str, record: Any) -> None:
        """Store a record under its kind and a key."""
        kind = type(record).__name__
        with self._lock:
            self._connection.execute(
                "INSERT INTO records VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
                (kind, key, json.dumps(asdict(record))),
            )

    def forget(self, kind: type, key: str) -> None:
        """Delete a record."""
        with self._lock:
            self._connection.execute(
                "DELETE FROM records WHERE kind = ? AND key = ?", (kind.__name__, key)
            )

    def load(self, kind: type) -> dict[str, dict[str, Any]]:
        """All records of a kind as JSON values by key, in order of creation."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT key, value FROM records WHERE kind = ? ORDER BY rowid", (kind.__name__,)
            ).fetchall()
        return {key: json.loads(value) for key, value in rows}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
