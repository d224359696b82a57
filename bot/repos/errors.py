"""What can go wrong with a repository."""


class GitError(Exception):
    """Git refused, or a repository is not as it must be; the text says which and why."""


class TransientGitError(GitError):
    """The server could not be reached or broke off; the same call may work later."""


class RepositoryRefusedError(GitError):
    """A repository holds what is not followed: a link, a submodule, an odd name, too much."""
