"""What an API server refuses, by what can be done about it."""

from datetime import timedelta


class ClusterError(Exception):
    """An API server refused a request; the message says which cluster, what, and why."""


class ApiUnavailableError(ClusterError):
    """It cannot be reached, is too busy, or failed; `retry_after` if it says when to try again."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ForbiddenError(ClusterError):
    """The account may not do that."""


class ObjectNotFoundError(ClusterError):
    """There is no such object or path."""


class UnknownKindError(ClusterError):
    """The API server serves no such kind: its definition is missing or not established yet."""


class WriteConflictError(ClusterError):
    """Somebody else wrote the object in between, or it is another one than expected."""


class OwnershipError(ClusterError):
    """Server-side apply: other field managers own fields that the object states."""

    def __init__(self, message: str, managers: frozenset[str]) -> None:
        super().__init__(message)
        self.managers = managers


class ExpiredError(ClusterError):
    """The resource version is too old: list again."""
