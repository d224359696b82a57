"""Commit statuses by GitLab's rules of which state may follow which.

Source: GitLab Docs, "Commits API" (commit status). A status that is pending stays so, text and all,
until it ends; after an end, setting it makes a new one.
"""

from urllib.parse import quote

from bot.forges import Status
from bot.forges._rate_budget import Urgency
from bot.forges.gitlab import parsing
from bot.forges.gitlab.http import Http, ResponseError

BAD = 400
DESCRIPTION = 255


async def read(http: Http, project: str, sha: str) -> tuple[Status, ...]:
    """The newest of each name: without `all`, GitLab lists no others."""
    path = f"{project}/repository/commits/{quote(sha, safe='')}/statuses"
    found = [parsing.status(each) for each in await http.all(path)]
    return tuple(sorted(found, key=lambda each: each.context))


async def write(http: Http, project: str, sha: str, status: Status) -> None:
    """Set a status; to change the text of a pending one it is cancelled and made anew."""
    fields = {
        "state": parsing.STATE_NAMES[status.state],
        "name": status.context,
        "description": status.description[:DESCRIPTION],
        **({"target_url": status.url} if status.url else {}),
    }
    path = f"{project}/statuses/{quote(sha, safe='')}"
    try:
        await http.post(path, fields, Urgency.STATUS)
    except ResponseError as error:
        if error.status != BAD or "Cannot transition status" not in str(error):
            raise
        told = {(each.context, each.description) for each in await read(http, project, sha)}
        if (status.context, fields["description"]) not in told:
            await http.post(path, {**fields, "state": "canceled"}, Urgency.STATUS)
            await http.post(path, fields, Urgency.STATUS)
