"""Commits, who pushed them, and the pull requests that brought them, in GitHub's JSON.

Sources: GitHub Docs. "REST API endpoints for commits": `author` and `committer` are the accounts on
which the address in the commit is verified, else null ("Why are my commits linked to the wrong
user?": anybody can set any address); what people do on GitHub's pages is committed by `web-flow`
("About commit signature verification"). "List repository activities": who moved which branch;
forty zeros stand for none. "List pull requests associated with a commit": of a commit on the
default branch only the merged pull request that introduced it, of others the merged and open ones.
"List commits on a pull request": at most 250, oldest first.
"""

import pygit2

from bot.sandbox.forge.protection import ZERO
from bot.sandbox.forge.records import MergeRequest
from bot.sandbox.forge.state import ForgeState
from tests.fakes.github import shapes
from tests.fakes.github.state import GitHub, Json

MAX_OF_PULL = 250
WEB_FLOW = {"login": "web-flow", "id": 19864447, "node_id": "U_web", "type": "User"}


def commit(github: GitHub, path: str, sha: str) -> Json:
    """A commit, with the accounts of its verified addresses."""
    forge = github.forge
    found = forge.git.open(path)[sha].peel(pygit2.Commit)
    merged = any(each.merge_sha == sha for each in forge.requests_of(path, "merged"))
    by_page = merged and len(found.parents) > 1
    author = _account(github, found.author.email)
    committer = _account(github, found.committer.email)
    if by_page:
        committer = {**shapes.user(forge.users[github.bot], github.web), **WEB_FLOW}
    return {
        "sha": sha,
        "author": author,
        "committer": committer,
        "parents": [{"sha": str(each)} for each in found.parent_ids],
    }


def _account(github: GitHub, email: str) -> Json | None:
    for user in github.forge.users.values():
        noreply = f"{user.id}+{user.login}@users.noreply.github.com"
        if email in {user.email, noreply} and email not in github.unverified:
            return shapes.user(user, github.web)
    return None


def activity(github: GitHub, path: str) -> list[Json]:
    """Who moved the branches of a repository, newest first."""
    forge = github.forge
    users = {each.id: each for each in forge.users.values()}
    merges = {each.merge_sha for each in forge.requests_of(path, "merged")}
    told = []
    for each in forge.updates(path):
        kind = "pr_merge" if each.new in merges and each.old != ZERO else "push"
        if ZERO in {each.old, each.new}:
            kind = "branch_creation" if each.old == ZERO else "branch_deletion"
        told.append(
            {
                "id": each.number,
                "before": each.old,
                "after": each.new,
                "ref": f"refs/heads/{each.branch}",
                "activity_type": kind,
                "timestamp": shapes.time(forge.now()),
                "actor": shapes.user(users[each.by], github.web),
            }
        )
    return told[::-1]


def activity_of_fork(github: GitHub, path: str) -> list[Json] | None:
    """Nothing is known of pushes to forks here; None for other repositories."""
    return [] if path in github.forks.values() else None


def pulls_of(forge: ForgeState, path: str, sha: str) -> list[MergeRequest]:
    """The pull requests that GitHub associates with a commit."""
    main = forge.repository(path).default_branch
    tip = forge.git.head(path, main)
    every = [
        each
        for each in forge.requests_of(path)
        if sha == each.merge_sha or sha in shapes.proposed(forge, each)
    ]
    if tip is not None and forge.git.contains(path, tip, sha):
        return [each for each in every if each.state == "merged" and each.target == main][:1]
    return [each for each in every if each.state in {"merged", "open"}]
