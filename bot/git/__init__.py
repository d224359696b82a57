"""Bare Git mirrors, read and written without a work tree. The only importer of pygit2 in the bot.

The shell uses `mirrors` and `mirror`. Behind them, `remote` fetches and pushes (with `ssh` and
`known_hosts` for deploy keys; `transport` is its interface), `reading` walks trees, `writing` and
`packs` create commits, `signing` signs them, `history` inspects commits, and `objects` implements
Git's formats. Everything is synchronous and must run in threads. Nothing here interprets the
content of files.
"""

from bot.git.errors import GitError, RepositoryRefusedError, TransientGitError
from bot.git.history import CommitInfo
from bot.git.limits import Limits
from bot.git.mirror import Mirror
from bot.git.mirrors import Mirrors
from bot.git.reading import FileDifference
from bot.git.remote import Access, BranchUpdate
from bot.git.signing import CommitSigner
from bot.git.ssh import DeployKey, pin_hosts
from bot.git.writing import NewCommit, Signature

__all__ = [
    "Access",
    "BranchUpdate",
    "CommitInfo",
    "CommitSigner",
    "DeployKey",
    "FileDifference",
    "GitError",
    "Limits",
    "Mirror",
    "Mirrors",
    "NewCommit",
    "RepositoryRefusedError",
    "Signature",
    "TransientGitError",
    "pin_hosts",
]
