"""Users, their roles, team memberships and requested reviews on GitHub.

Sources: GitHub Docs, "REST API endpoints for collaborators", "... for team members", "... for
users", "... for review requests".
"""

from collections.abc import Sequence
from urllib.parse import quote

from bot.forges import User
from bot.forges.github import parsing
from bot.forges.github.http import Http, ResponseError
from planners.model import Role

NOT_FOUND, UNPROCESSABLE = frozenset({404, 410}), 422


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


async def request_reviews(http: Http, repository: str, number: int, names: Sequence[str]) -> None:
    """Request reviews of users and teams.

    GitHub refuses the whole request for the sake of one who is no collaborator, or the author: then
    each is requested on its own.
    """
    owner = repository.partition("/")[0].lower()
    mine = [each for each in names if "/" not in each or each.lower().startswith(f"{owner}/")]
    for some in (mine, *([each] for each in mine if len(mine) > 1)):
        try:
            await _request(http, repository, number, some)
        except ResponseError as error:
            if error.status != UNPROCESSABLE:
                raise
        else:
            if some is mine:
                return


async def _request(http: Http, repository: str, number: int, names: Sequence[str]) -> None:
    teams = [each.partition("/")[2] for each in names if "/" in each]
    users = [each for each in names if "/" not in each]
    if users or teams:
        path = f"/repos/{repository}/pulls/{number}/requested_reviewers"
        await http.send("POST", repository, path, {"reviewers": users, "team_reviewers": teams})
