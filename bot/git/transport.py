"""The interface between a mirror and the server of its repository.

The service has one transport, for HTTP and SSH. Tests pass another one, so that the service itself
has no code that reads from a local path.
"""

from collections.abc import Mapping
from typing import Protocol

import pygit2

from bot.git.limits import Limits
from bot.git.remote import Access, BranchUpdate


class Transport(Protocol):
    """Fetches and pushes. The module `bot.git.remote` is the transport of the service."""

    def check_url(self, url: str, access: Access | None, /) -> None:
        """Reject a URL that this transport does not serve. Raises GitError."""

    def fetch(
        self, repository: pygit2.Repository, url: str, access: Access | None, limits: Limits, /
    ) -> None:
        """Fetch all branches; see `bot.git.remote.fetch`."""

    def fetch_ref(
        self,
        repository: pygit2.Repository,
        url: str,
        access: Access | None,
        /,
        *,
        ref: str,
        limits: Limits,
    ) -> str:
        """Fetch one ref; see `bot.git.remote.fetch_ref`."""

    def push(
        self,
        repository: pygit2.Repository,
        url: str,
        access: Access | None,
        updates: Mapping[str, BranchUpdate],
        /,
    ) -> dict[str, str | None]:
        """Push branches; see `bot.git.remote.push`."""
