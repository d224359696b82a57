"""The accounts of the authors of commits, by GitLab's GraphQL: REST maps no address to an account.

Sources: GitLab's app/models/commit.rb (`lazy_author`: the account that has the author's address
confirmed), app/graphql/types/repositories/commit_type.rb (`author`; committers are not told),
types/tree/tree_type.rb (`lastCommit`, in every supported version), "GraphQL API resources" (limits:
a query of more than 250 points is refused; each `lastCommit` costs at least 10).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.forges.gitlab.http import Http

Json = Mapping[str, Any]

AT_ONCE = 10
_COMMIT = re.compile(r"[0-9a-z]{1,64}")
_USER = re.compile(r"gid://gitlab/User/(\d+)")


async def read(http: Http, repository: str, commits: Iterable[str]) -> dict[str, int | None]:
    """The authors' accounts by commit, None where GitLab knows none of the address.

    Commits that GitLab does not tell of are left out.
    """
    found: dict[str, int | None] = {}
    every = sorted(each for each in commits if _COMMIT.fullmatch(each))
    for start in range(0, len(every), AT_ONCE):
        some = every[start : start + AT_ONCE]
        answer = await http.graphql(_query(some), {"path": repository})
        told = (answer.get("project") or {}).get("repository") or {}
        found |= dict(_authors(told.values(), some))
    return found


def _query(commits: Iterable[str]) -> str:
    fields = "lastCommit { sha author { id } }"
    trees = " ".join(f'c{sha}: tree(ref: "{sha}") {{ {fields} }}' for sha in commits)
    return f"query($path: ID!) {{ project(fullPath: $path) {{ repository {{ {trees} }} }} }}"


def _authors(trees: Iterable[Json], asked: Iterable[str]) -> Iterable[tuple[str, int | None]]:
    """Those of commits that were asked for: an empty commit has the last commit of another."""
    wanted = set(asked)
    for tree in trees:
        commit = (tree or {}).get("lastCommit") or {}
        if commit.get("sha") in wanted:
            match = _USER.fullmatch((commit.get("author") or {}).get("id") or "")
            yield commit["sha"], int(match[1]) if match else None
