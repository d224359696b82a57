"""The bot's only door to pygit2: bare mirrors, read and written without a work tree.

`mirrors` and `mirror` are what the shell sees; behind them `remote` speaks with servers (with `ssh`
and `known_hosts` where there is a deploy key), `reading` walks trees, `writing` and `packs` make
commits, `history` looks back, `objects` holds Git's formats. Everything is synchronous and belongs
into threads. Nothing knows what the files mean.
"""

from bot.git.errors import GitError, RepositoryRefusedError, TransientGitError
from bot.git.history import CommitInfo
from bot.git.limits import Limits
from bot.git.mirror import Mirror
from bot.git.mirrors import Mirrors
from bot.git.remote import Access
from bot.git.ssh import DeployKey, pin_hosts
from bot.git.writing import Signature

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
