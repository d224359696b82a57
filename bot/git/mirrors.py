"""All mirrors of one process, by repository. Created once, by the composition root."""

import re
import threading
from hashlib import sha256
from pathlib import Path

from bot.git import remote
from bot.git.limits import Limits
from bot.git.mirror import Mirror
from bot.git.signing import CommitSigner
from bot.git.transport import Transport
from planners.model import Repo


class Mirrors:
    """All mirrors below one folder, which one process owns.

    `ca_files` are trusted in addition to the system's CAs, by every mirror of the process.
    `transport` reaches the servers; the default uses HTTP and SSH. `signer` signs all commits.
    """

    def __init__(
        self,
        root: Path,
        *,
        transport: Transport = remote,
        limits: Limits | None = None,
        ca_files: tuple[Path, ...] = (),
        signer: CommitSigner | None = None,
    ) -> None:
        remote.configure_libgit2(ca_files)
        self._root = root.absolute()
        self._transport = transport
        self._limits = limits or Limits()
        self._signer = signer
        self._known: dict[Repo, Mirror] = {}
        self._lock = threading.Lock()

    def of(self, repo: Repo) -> Mirror:
        """The mirror of a repository, the same one each time."""
        with self._lock:
            if repo not in self._known:
                folder = self._root / _folder_name(repo)
                self._known[repo] = Mirror(
                    repo, folder, self._limits, self._transport, self._signer
                )
            return self._known[repo]


def _folder_name(repo: Repo) -> str:
    """A folder name that is readable, portable and unique for each repository."""
    words = re.sub(r"[^a-z0-9]+", "-", str(repo).lower()).strip("-")[:60]
    return f"{words}-{sha256(str(repo).encode()).hexdigest()[:16]}.git"
