"""The bot's only door to pygit2: bare mirrors, read and written without a work tree.

Synchronous; the shell calls it in threads. A mirror serves one thread at a time.
"""

from bot.repos.errors import GitError, RepositoryRefusedError, TransientGitError
from bot.repos.mirror import Mirror, Mirrors
from bot.repos.objects import CommitInfo, Signature

__all__ = [
    "CommitInfo",
    "GitError",
    "Mirror",
    "Mirrors",
    "RepositoryRefusedError",
    "Signature",
    "TransientGitError",
]
