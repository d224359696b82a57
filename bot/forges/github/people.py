"""Users, their roles and team memberships on GitHub.

Sources: GitHub Docs, "REST API endpoints for collaborators", "... for team members", "... for
users".
"""

from urllib.parse import quote

from bot.forges import User
from bot.forges.github import parsing
from bot.forges.github.http import Http, ResponseError
from planners.model import Role

NOT_FOUND = frozenset({404, 410})


async def role(http: Http, repository: str, login: str) -> Role:
    """The role of a user in a repository."""
    path = f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission"
    try:
        return parsing.role(await http.get(repository, path))
    except ResponseError as error:
        if error.status in NOT_FOUND:
            return Role.NONE
        raise


async def member(http: Http, team: str, login: str) -> bool:
    """Whether a user is a member of `org/team`; a pending invitation does not count."""
    org, _, slug = team.partition("/")
    if not slug:
        return False
    names = (org, "teams", slug, "memberships", login)
    path = "/orgs/" + "/".join(quote(each, safe="") for each in names)
    try:
        return bool((await http.get(org, path))["state"] == "active")
    except ResponseError as error:
        if error.status in NOT_FOUND:
            return False
        raise


async def user(http: Http, repository: str, account: int) -> User | None:
    """The user of an account id, which never changes, under the login that it has now.

    Source: GitHub Docs, "Get a user using their ID".
    """
    try:
        return parsing.user(await http.get(repository, f"/user/{account}"))
    except ResponseError as error:
        if error.status in NOT_FOUND:
            return None
        raise
