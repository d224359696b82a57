"""Roles, team memberships and authors on GitHub.

Sources: GitHub Docs, "REST API endpoints for collaborators", "... for team members", "... for pull
requests" (commits).
"""

from urllib.parse import quote

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


async def authors(http: Http, repository: str, number: int) -> frozenset[str]:
    """The logins of its author and commit authors; GitHub maps e-mail addresses to users."""
    path = f"/repos/{repository}/pulls/{number}"
    opened = await http.get(repository, path)
    commits = await http.pages(repository, f"{path}/commits")
    found = [opened["user"], *(each.get("author") for each in commits)]
    return frozenset(each["login"] for each in found if each)
