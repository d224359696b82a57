"""Merge requests from forks: a head that stands on no branch of the repository it is for."""

from typing import TYPE_CHECKING

import pygit2

from bot.sandbox.demo.site import APP
from bot.sandbox.forge.records import MergeRequest
from tests.fakes.direct_git import commit_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.world import World

FORK = "mallory/storefront"
STRANGER, TOKEN = "mallory", "token-of-mallory-for-tests"


def propose_from_fork(world: "World", files: "Mapping[str, bytes | None]", path: str = APP) -> int:
    """Open a merge request from a stranger's fork, on the app repo or another one; its number."""
    forge = world.site.made.forge
    world.site.tokens[STRANGER] = TOKEN
    foreign_branch = forge.create_user(STRANGER, TOKEN)
    forge.repositories[path].roles[STRANGER] = "read"
    repository = forge.repository(path)
    number, repository.next_number = repository.next_number, repository.next_number + 1
    base = forge.git.head(path, "main")
    assert base is not None
    made = MergeRequest(
        path, number, "Please", "", STRANGER, "main", "main", base, forge.now(), base=base
    )
    forge.add_request(made)
    world.own.forks[path, number] = FORK
    move_fork(world, number, files, path, say=False)
    forge.note(made, foreign_branch, "opened", "opened this")
    return number


def move_fork(
    world: "World",
    number: int,
    files: "Mapping[str, bytes | None]",
    path: str = APP,
    *,
    say: bool = True,
) -> str:
    """Let the fork's branch have one more commit; the commit."""
    forge = world.site.made.forge
    found = forge.request(path, number)
    repository = forge.git.open(path)
    who = pygit2.Signature("Mallory", "mallory@example.com", int(forge.clock().timestamp()), 0)
    sha = commit_files(repository, found.head, files, "Please", who)
    for ref in (f"refs/pull/{number}/head", f"refs/merge-requests/{number}/head"):
        repository.references.create(ref, sha, force=True)
    found.head = sha
    forge.save(found)
    if say:
        forge.note(found, forge.users[STRANGER], "updated", "pushed")
    return sha
