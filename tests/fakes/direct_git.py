"""Git without a server: a transport that reaches the bare repositories of a forge by their path.

It keeps the forge's rules: who may read and push, which branches are protected, and what follows
from a push. `bot/git/remote` does the rest, over libgit2's own local transport.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pygit2

from bot.forges import GitCredentials
from bot.git import GitError, Limits, remote
from bot.git.remote import HEADS, Access, BranchUpdate
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.protection import ZERO, RefUpdate
from bot.sandbox.forge.pushes import pushed, refused_refs
from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState


class DirectGit:
    """The transport to one forge, whatever host its URLs name; `user_of` reads credentials."""

    def __init__(
        self, forge: ForgeState, user_of: Callable[[GitCredentials], User | None] | None = None
    ) -> None:
        self._forge = forge
        self._user_of = user_of or self._signed_in

    def _signed_in(self, credentials: GitCredentials) -> User | None:
        return self._forge.authenticate(credentials.username, credentials.password)

    def check_url(self, url: str, access: Access | None) -> None:
        """Any address: the path alone counts."""

    def fetch(
        self, repository: pygit2.Repository, url: str, access: Access | None, limits: Limits
    ) -> None:
        """See `bot.git.remote.fetch`; libgit2 is asked only if there is something to fetch."""
        file = self._admitted(url, access, "read")[1]
        fetched = {
            each.name.removeprefix(remote.REMOTE): str(each.target)
            for each in repository.references.iterator()
            if each.name.startswith(remote.REMOTE)
        }
        if fetched != self._forge.git.branches(path_of(url)):
            remote.fetch(repository, file, None, limits)

    def fetch_ref(
        self,
        repository: pygit2.Repository,
        url: str,
        access: Access | None,
        *,
        ref: str,
        limits: Limits,
    ) -> str:
        """See `bot.git.remote.fetch_ref`."""
        file = self._admitted(url, access, "read")[1]
        return remote.fetch_ref(repository, file, None, ref=ref, limits=limits)

    def push(
        self,
        repository: pygit2.Repository,
        url: str,
        access: Access | None,
        updates: Mapping[str, BranchUpdate],
    ) -> dict[str, str | None]:
        """See `bot.git.remote.push`; nothing is taken where the forge refuses a part."""
        user, file = self._admitted(url, access, "write")
        path = path_of(url)
        commands = [
            RefUpdate(each.expected or ZERO, each.new or ZERO, HEADS + name)
            for name, each in updates.items()
        ]
        refused = refused_refs(self._forge, user, path, commands)
        if refused:
            other = "rejected together with another ref"
            return {each.branch or "": refused.get(each.ref, other) for each in commands}
        outcome = remote.push(repository, file, None, updates)
        taken = [each for each in commands if outcome[each.branch or ""] is None]
        pushed(self._forge, user, path, taken)
        return outcome

    def _admitted(self, url: str, access: Access | None, role: str) -> tuple[User, str]:
        """The user, and where the repository is. Raises GitError for everybody else."""
        if not isinstance(access, GitCredentials):
            raise GitError(f"{url} asks for credentials, and there are none for it")
        user = self._user_of(access)
        path = path_of(url)
        try:
            self._forge.require(user, path, role)
        except RequestError as error:
            raise GitError(f"{url}: {error}") from error
        assert user is not None
        return user, self._forge.git.folder(path).as_uri()


class SharedGit(DirectGit):
    """For mirrors that clusters share: they borrow the objects of the forge's repository.

    As `git clone --shared` does (gitrepository-layout, `objects/info/alternates`).
    """

    def fetch(
        self, repository: pygit2.Repository, url: str, access: Access | None, limits: Limits
    ) -> None:
        """Have all objects, and note where the branches are."""
        del limits
        self._admitted(url, access, "read")
        alternates = Path(repository.path) / "objects/info/alternates"
        if not alternates.exists():
            objects = self._forge.git.folder(path_of(url)) / "objects"
            alternates.write_text(f"{objects}\n")
            repository.odb.add_disk_alternate(str(objects))
        branches = self._forge.git.branches(path_of(url))
        known = {each for each in repository.references if each.startswith(remote.REMOTE)}
        for name in known - {remote.REMOTE + each for each in branches}:
            repository.references.delete(name)
        for name, commit in branches.items():
            repository.references.create(remote.REMOTE + name, commit, force=True)


class FileGit:
    """The transport to `file://` addresses, for mirrors of repositories that no forge has."""

    check_url = DirectGit.check_url
    fetch = staticmethod(remote.fetch)
    fetch_ref = staticmethod(remote.fetch_ref)
    push = staticmethod(remote.push)


def path_of(url: str) -> str:
    """The repository that a clone address names."""
    return urlsplit(url).path.strip("/").removesuffix(".git")


def commit_files(
    repository: pygit2.Repository,
    parent: str | None,
    files: Mapping[str, bytes | None],
    message: str,
    who: pygit2.Signature,
) -> str:
    """Write a commit on `parent` that holds these files too (None deletes one); the commit."""
    index = pygit2.Index()
    parents: Sequence[pygit2.Oid] = []
    if parent is not None:
        commit = repository[parent].peel(pygit2.Commit)
        index.read_tree(commit.tree)
        parents = [commit.id]
    for path, content in files.items():
        if content is None:
            index.remove(path)
        else:
            blob = repository.create_blob(content)
            index.add(pygit2.IndexEntry(path, blob, pygit2.enums.FileMode.BLOB))
    tree = index.write_tree(repository)
    return str(repository.create_commit(None, who, who, f"{message}\n", tree, list(parents)))
