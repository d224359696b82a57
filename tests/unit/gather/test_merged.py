"""A merge commit has the trailers of the bot's commit only where it brings that change alone."""

from collections.abc import Mapping
from pathlib import Path

import pygit2
import pytest

from bot.forges import GitCredentials
from bot.gather.merged import with_merged_trailers
from bot.git import Mirror, Mirrors
from planners.model import Repo
from tests.fakes.direct_git import FileGit, commit_files

WHO = pygit2.Signature("Somebody", "somebody@example.com", 1_790_000_000, 0)
OURS = "storefront all.1\n\nSwitchyard-Application: storefront"
REPO = Repo("local", "fleet/deploy")


class History:
    """A deploy repo in which the bot proposed `a: 2` while somebody else changed `b`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git = pygit2.init_repository(str(folder / "deploy.git"), bare=True)
        first = self.commit(None, {"a": b"1", "b": b"1"}, "Begin")
        self.main = self.commit(first, {"b": b"2"}, "Change b")
        self.proposed = self.commit(first, {"a": b"2"}, OURS)

    def commit(self, parent: str | None, files: Mapping[str, bytes | None], message: str) -> str:
        return commit_files(self.git, parent, files, message, WHO)

    def merge(self, head: str, edits: Mapping[str, bytes | None], message: str = "Merge") -> str:
        """Merge a head into main, and put these files beside what it brings."""
        tree = self.git.merge_commits(self.main, head).write_tree(self.git)
        merged = str(self.git.create_commit(None, WHO, WHO, message, tree, [self.main, head]))
        edited = self.git[self.commit(merged, edits, message)].peel(pygit2.Commit)
        parents = [pygit2.Oid(hex=self.main), pygit2.Oid(hex=head)]
        return str(self.git.create_commit(None, WHO, WHO, message, edited.tree_id, parents))

    def trailers(self, sha: str) -> Mapping[str, str]:
        self.git.references.create("refs/heads/main", sha)
        mirror: Mirror = Mirrors(self.folder / "mirrors", transport=FileGit()).of(REPO)
        mirror.fetch((self.folder / "deploy.git").as_uri(), GitCredentials("", ""))
        return with_merged_trailers(mirror, mirror.commit_info(sha)).trailers


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_a_merge_of_the_bots_commit_alone_has_its_trailers(history: History) -> None:
    merged = history.merge(history.proposed, {})

    assert history.trailers(merged) == {"Switchyard-Application": "storefront"}


def test_a_merge_that_was_edited_has_none(history: History) -> None:
    assert history.trailers(history.merge(history.proposed, {"c": b"1"})) == {}


def test_a_merge_that_resolved_the_change_otherwise_has_none(history: History) -> None:
    assert history.trailers(history.merge(history.proposed, {"a": b"3"})) == {}


@pytest.mark.parametrize("message", ["Add c", OURS])
def test_a_merge_of_a_commit_on_top_has_none(history: History, message: str) -> None:
    """Also where that commit claims to be the bot's."""
    on_top = history.commit(history.proposed, {"c": b"1"}, message)

    assert history.trailers(history.merge(on_top, {})) == {}
