"""What can go wrong with a repository."""


class GitError(Exception):
    """Git or its server refused for good; the text says what, where, and what to do next."""


class TransientGitError(GitError):
    """The server is unreachable or busy, or a mirror is damaged; the same pass may work later."""


class RepositoryRefusedError(GitError):
    """A repository holds what is not followed (a link, a submodule, an odd name) or too much."""


class DamagedError(Exception):
    """An object that must be in a mirror is missing or unreadable; never leaves this package."""
