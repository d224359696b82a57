"""The bot's only door to pygit2: bare mirrors, read and written without a work tree.

`mirrors` and `mirror` are what the shell sees; behind them `remote` speaks with servers (with `ssh`
and `known_hosts` where there is a deploy key), `reading` walks trees, `writing` and `packs` make
commits, `history` looks back, `objects` holds Git's formats. Everything is synchronous and belongs
into threads. Nothing knows what the files mean.
"""

from bot.repos.errors import GitError, RepositoryRefusedError, TransientGitError
from bot.repos.history import CommitInfo
from bot.repos.limits import Limits
from bot.repos.mirror import Mirror
from bot.repos.mirrors import Mirrors
from bot.repos.remote import Access
from bot.repos.ssh import DeployKey, pin_hosts
from bot.repos.writing import Signature

__all__ = [
    "Access",
    "CommitInfo",
    "DeployKey",
    "GitError",
    "Limits",
    "Mirror",
    "Mirrors",
    "RepositoryRefusedError",
    "Signature",
    "TransientGitError",
    "pin_hosts",
]
