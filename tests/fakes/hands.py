"""People of a world: they act on the forge itself, in this process, and push without `git`.

What they may do, and what follows from it, is the forge's to say; only HTTP and processes are left
out. `bot.sandbox.demo.people` has people who go the long way, for the demonstration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pygit2

from bot.git.remote import HEADS
from bot.sandbox.forge import conversation, merging, serialization
from bot.sandbox.forge.protection import ZERO, RefUpdate
from bot.sandbox.forge.pushes import pushed, refused_refs
from bot.sandbox.forge.records import MergeRequest, User
from bot.sandbox.forge.state import ForgeState
from tests.fakes.direct_git import commit_files

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody on a forge. Every verb raises RefusedError where they may not."""

    login: str
    forge: ForgeState

    @property
    def user(self) -> User:
        """Their account."""
        return self.forge.users[self.login]

    def push(
        self,
        repository: str,
        branch: str,
        files: Mapping[str, bytes | None],
        message: str,
        claims: str = "",
    ) -> str:
        """Commit files (None deletes) on a branch, made from main when it is new; the commit.

        In the commit stand the name and address of `claims` (a login, or an address of nobody),
        as Git lets everybody write what they want there.
        """
        sha = self.commit(repository, branch, files, message, claims=claims)
        self._move(repository, branch, sha)
        return sha

    def commit(
        self,
        repository: str,
        branch: str,
        files: Mapping[str, bytes | None],
        message: str,
        *,
        claims: str = "",
    ) -> str:
        """The same commit, on no branch yet."""
        git = self.forge.git
        parent = git.head(repository, branch) or git.head(repository, "main")
        return self._commit(repository, parent, files, message, claims)

    def replace_head(
        self,
        repository: str,
        branch: str,
        files: Mapping[str, bytes | None],
        message: str,
        claims: str = "",
    ) -> str:
        """Put another commit, made from main, in place of a branch's; the commit.

        The old one stays in the repository under the tag `before`.
        """
        git = self.forge.git
        before = git.head(repository, branch)
        assert before is not None
        git.open(repository).references.create("refs/tags/before", before)
        sha = self._commit(repository, git.head(repository, "main"), files, message, claims)
        self._move(repository, branch, sha)
        return sha

    def reset(self, repository: str, branch: str, sha: str) -> None:
        """Put a branch to a commit that the repository has."""
        self._move(repository, branch, sha)

    def update_branch(self, repository: str, branch: str, claims: str) -> str:
        """Merge main into a branch, in a commit that claims to be another's; the commit."""
        git, claimed = self.forge.git, self.forge.users[claims]
        ours, main = git.head(repository, branch), git.head(repository, "main")
        assert ours is not None
        assert main is not None
        opened = git.open(repository)
        tree = opened.merge_commits(ours, main).write_tree(opened)
        at = int(self.forge.clock().timestamp())
        who = pygit2.Signature(claimed.name, claimed.email, at, 0)
        sha = str(opened.create_commit(None, who, who, "Merge main", tree, [ours, main]))
        self._move(repository, branch, sha)
        return sha

    def delete_branch(self, repository: str, branch: str) -> None:
        """Delete a branch."""
        self._move(repository, branch, ZERO)

    def _commit(
        self,
        repository: str,
        parent: str | None,
        files: Mapping[str, bytes | None],
        message: str,
        claims: str = "",
    ) -> str:
        at = int(self.forge.clock().timestamp())
        claimed = self.forge.users.get(claims or self.login)
        name, email = (claimed.name, claimed.email) if claimed else ("Somebody", claims)
        who = pygit2.Signature(name, email, at, 0)
        return commit_files(self.forge.git.open(repository), parent, files, message, who)

    def _move(self, repository: str, branch: str, sha: str) -> None:
        """Let a branch point at a commit, as a push does; forty zeros delete it."""
        forge, user = self.forge, self.user
        forge.require(user, repository, "write")
        old = forge.git.head(repository, branch)
        command = RefUpdate(old or ZERO, sha, HEADS + branch)
        refused = refused_refs(forge, user, repository, [command])
        assert not refused, refused
        references = forge.git.open(repository).references
        if sha == ZERO:
            references.delete(HEADS + branch)
        else:
            references.create(HEADS + branch, sha, force=True)
        pushed(forge, user, repository, [command])

    def open(
        self, repository: str, branch: str, title: str, body: str = "", target: str = "main"
    ) -> int:
        """Open a merge request; its number."""
        made = merging.open_request(
            self.forge, self.user, repository, source=branch, target=target, title=title, body=body
        )
        return made.number

    def edit(self, repository: str, number: int, title: str, body: str) -> None:
        """Set title and description of a merge request."""
        merging.edit_request(self.forge, self.user, repository, number, title=title, body=body)

    def request(self, repository: str, number: int) -> Json:
        """A merge request."""
        self.forge.require(self.user, repository, "read")
        return self._shown(self.forge.request(repository, number))

    def requests(self, repository: str, state: str = "open") -> list[Json]:
        """Merge requests, oldest first."""
        self.forge.require(self.user, repository, "read")
        return [self._shown(each) for each in self.forge.requests_of(repository, state)[::-1]]

    def _shown(self, found: MergeRequest) -> Json:
        return serialization.request(self.forge, found)

    def comments(self, repository: str, number: int) -> list[Json]:
        """The comments of a merge request."""
        found = self.forge.request(repository, number)
        return [serialization.comment(self.forge, each) for each in found.comments]

    def comment(self, repository: str, number: int, body: str) -> None:
        """Write a comment on a merge request."""
        conversation.comment(self.forge, self.user, repository, number, body)

    def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """Replace a comment of one's own."""
        conversation.edit_comment(self.forge, self.user, repository, number, comment, body=body)

    def statuses(self, repository: str, sha: str) -> dict[str, Json]:
        """The statuses of a commit, by context."""
        found = self.forge.statuses(repository, sha)
        return {each.context: serialization.status(each) for each in found}

    def set_status(self, repository: str, sha: str, status: dict[str, str]) -> None:
        """Set a status; it has context, state, description and url."""
        conversation.set_status(self.forge, self.user, repository, sha, status)

    def approve(self, repository: str, number: int) -> None:
        """Approve a merge request as it stands."""
        conversation.review(self.forge, self.user, repository, number, approve=True)

    def decline(self, repository: str, number: int) -> None:
        """Remove oneself from the reviewers."""
        conversation.request_review(
            self.forge, self.user, repository, number, self.user.login, requested=False
        )

    def withdraw(self, repository: str, number: int) -> None:
        """Take an approval back."""
        conversation.review(self.forge, self.user, repository, number, approve=False)

    def merge(self, repository: str, number: int) -> str:
        """Merge; the merge commit."""
        request = self.forge.request(repository, number)
        message = f"Merge: {request.title}"
        return merging.merge(
            self.forge, self.user, repository, number, head=request.head, message=message
        )

    def set_state(self, repository: str, number: int, state: str) -> None:
        """Close or reopen."""
        merging.set_state(self.forge, self.user, repository, number, state)

    def label(self, repository: str, number: int, label: str, *, present: bool) -> None:
        """Add a label or take it away."""
        conversation.label(self.forge, self.user, repository, number, label, present=present)
