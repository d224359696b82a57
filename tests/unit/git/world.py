"""A server with one repository and its mirror, for the tests of `bot/git`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.forges import GitCredentials
from bot.git import Mirror, Mirrors, Signature
from planners.model import Repo
from tests.fakes.githttp import GitServer, git

CREDENTIALS = GitCredentials("bot", "s3cret")
REPO = Repo("local", "shop/Deploy")
BOT = Signature("Switchyard", "switchyard@example.com")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """A server with one repository, and its mirror. `add` commits there as a person would."""

    server: GitServer
    remote: Path
    mirrors: Mirrors
    mirror: Mirror
    commits: int = 0

    @property
    def url(self) -> str:
        return self.server.url("deploy")

    def fetch(self) -> None:
        self.mirror.fetch(self.url, CREDENTIALS)

    def add(
        self,
        files: Mapping[str, bytes | None],
        *,
        branch: str = "main",
        message: str = "Change",
        email: str = "ada@example.com",
    ) -> str:
        """Commit on the server's branch with git's own fast-import; the new commit."""
        self.commits += 1
        head = git(self.remote, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        text = message.encode()
        lines = [
            b"commit refs/heads/%s" % branch.encode(),
            b"committer Ada <%s> %d +0000" % (email.encode(), 1_767_323_045 + self.commits),
            b"data %d\n%s" % (len(text), text),
            *([b"from %s" % head.encode()] if head else []),
        ]
        for path, content in files.items():
            if content is None:
                lines.append(b"D %s" % path.encode())
            else:
                lines.append(b"M 100644 inline %s" % path.encode())
                lines.append(b"data %d\n%s" % (len(content), content))
        git(self.remote, "fast-import", "--quiet", stdin=b"\n".join(lines) + b"\n")
        return self.at(branch)

    def at(self, branch: str) -> str:
        """The server's branch head."""
        return git(self.remote, "rev-parse", f"refs/heads/{branch}")

    def add_tree(self, raw: bytes, branch: str = "main") -> str:
        """Commit a tree of exactly these bytes, however odd."""
        tree = self.store("tree", raw)
        sha = git(self.remote, "commit-tree", "-m", "odd", tree)
        git(self.remote, "update-ref", f"refs/heads/{branch}", sha)
        return sha

    def store(self, kind: str, raw: bytes) -> str:
        """Store an object as it is, unchecked."""
        arguments = ("hash-object", "-t", kind, "--literally", "-w", "--stdin")
        return git(self.remote, *arguments, stdin=raw)


def entry(mode: str, name: bytes, oid: str) -> bytes:
    """One entry of a raw tree."""
    return mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid)
