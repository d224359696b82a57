"""The errors of Git operations."""


class GitError(Exception):
    """A permanent failure of Git or its server; the message says what failed and what to do."""


class TransientGitError(GitError):
    """The server is unreachable or busy, or a mirror is damaged; a retry may succeed."""


class RepositoryRefusedError(GitError):
    """A repository has unsupported entries (links, submodules, unsafe names) or exceeds a limit."""


class DamagedError(Exception):
    """An object of a mirror is missing or unreadable; never raised outside this package."""
