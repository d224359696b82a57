"""GitLab's GraphQL, as far as the bot asks it: the last commits of trees, and their authors.

Sources: app/graphql/types/tree/tree_type.rb, types/repositories/commit_type.rb (`author`),
app/models/commit.rb: the account that has the author's address confirmed, else null; a private
commit address belongs to its account too. "GraphQL API resources": a query that costs more than 250
points is refused, `lastCommit` costs at least 10.
"""

import re

import pygit2
from fastapi import APIRouter, Request

from tests.fakes.gitlab.state import GitLab, Json

TREE = re.compile(r'(\w+): tree\(ref: "([0-9a-f]+)"\)')
MAX_POINTS, POINTS = 250, 16


def routes(gitlab: GitLab) -> APIRouter:
    routes = APIRouter()

    @routes.post("/api/graphql")
    async def query(request: Request) -> Json:
        asked = await request.json()
        path, trees = asked["variables"]["path"], TREE.findall(asked["query"])
        if len(trees) * POINTS > MAX_POINTS:
            points = len(trees) * POINTS
            message = f"Query has complexity of {points}, which exceeds max complexity of 250"
            return {"errors": [{"message": message}]}
        if not gitlab.forge.may(gitlab.signed_in(request), path, "read"):
            return {"data": {"project": None}}
        told = {name: {"lastCommit": _commit(gitlab, path, sha)} for name, sha in trees}
        return {"data": {"project": {"repository": told}}}

    return routes


def _commit(gitlab: GitLab, path: str, sha: str) -> Json | None:
    repository = gitlab.forge.git.open(path)
    if sha not in repository:
        return None
    email = repository[sha].peel(pygit2.Commit).author.email
    for user in gitlab.forge.users.values():
        private = re.fullmatch(rf"{user.id}-[^@]+@users\.noreply\.gitlab\.com", email)
        if (email == user.email or private) and email not in gitlab.unverified:
            author = {"id": f"gid://gitlab/User/{user.id}"}
            return {"sha": sha, "author": author}
    return {"sha": sha, "author": None}
