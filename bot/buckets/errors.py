"""What an S3 server refuses, by what can be done about it."""

from datetime import timedelta


class BucketError(Exception):
    """The server refused a request; the message says which, why, and what to do."""


class BucketUnavailableError(BucketError):
    """It cannot be reached, is too busy, or failed; `retry_after` if it says when to try again."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ObjectMissingError(BucketError):
    """There is no such object."""
