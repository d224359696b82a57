"""Reads and sets commit statuses within GitLab's allowed state transitions.

Source: GitLab Docs, "Commits API" (commit status). A pending status cannot be updated, not even
its description, until it finishes; after that, a new status is created.
"""

from urllib.parse import quote

from bot.forges import Status
from bot.forges._rate_budget import Urgency
from bot.forges.gitlab import parsing
from bot.forges.gitlab.http import Http, ResponseError

BAD_REQUEST = 400
MAX_DESCRIPTION = 255


async def read(http: Http, project: str, sha: str) -> tuple[Status, ...]:
    """The newest status of each name; GitLab lists only those by default."""
    path = f"{project}/repository/commits/{quote(sha, safe='')}/statuses"
    found = [parsing.status(each) for each in await http.all(path)]
    return tuple(sorted(found, key=lambda each: each.context))


async def write(http: Http, project: str, sha: str, status: Status) -> None:
    """Set a status; to change a pending one it is cancelled and created again."""
    fields = {
        "state": parsing.STATE_NAMES[status.state],
        "name": status.context,
        "description": status.description[:MAX_DESCRIPTION],
        **({"target_url": status.url} if status.url else {}),
    }
    path = f"{project}/statuses/{quote(sha, safe='')}"
    try:
        await http.post(path, fields, Urgency.STATUS)
    except ResponseError as error:
        if error.status != BAD_REQUEST or "Cannot transition status" not in str(error):
            raise
        existing = {(each.context, each.description) for each in await read(http, project, sha)}
        if (status.context, fields["description"]) not in existing:
            await http.post(path, {**fields, "state": "canceled"}, Urgency.STATUS)
            await http.post(path, fields, Urgency.STATUS)
