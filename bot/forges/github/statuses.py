"""Reads and sets commit statuses on GitHub, and reads check runs.

Source: GitHub Docs, "REST API endpoints for commit statuses": 140 characters of description, and
at most a thousand statuses of a context on one commit.
"""

from urllib.parse import quote

import structlog

from bot.forges import ForgeError, Status
from bot.forges._rate_budget import Urgency
from bot.forges.github import parsing
from bot.forges.github.http import Http, ResponseError

UNPROCESSABLE = 422
LIMIT_REACHED = "maximum number of statuses"
MAX_DESCRIPTION = 140
PER_PAGE, MOST_PAGES = 100, 10

log = structlog.get_logger()


async def read(http: Http, repository: str, sha: str) -> tuple[Status, ...]:
    """The newest status of each context; GitHub lists the newest first."""
    path = f"/repos/{repository}/commits/{quote(sha, safe='')}/statuses"
    newest: dict[str, Status] = {}
    for each in await http.pages(repository, path):
        newest.setdefault(each["context"], parsing.status(each))
    return tuple(newest[context] for context in sorted(newest))


async def read_check_runs(http: Http, repository: str, sha: str) -> tuple[Status, ...]:
    """The newest check run of each name and app.

    Source: GitHub Docs, "REST API endpoints for check runs" (a run has a conclusion once it is
    completed; `filter` is `latest` by default; read access to checks is required).
    """
    path = f"/repos/{repository}/commits/{quote(sha, safe='')}/check-runs"
    found: list[Status] = []
    for page in range(1, MOST_PAGES + 1):
        listed = await http.get(repository, path, per_page=str(PER_PAGE), page=str(page))
        found += map(parsing.check_run, listed["check_runs"])
        if len(found) >= listed["total_count"] or not listed["check_runs"]:
            return tuple(found)
    raise ForgeError(f"{repository}@{sha[:12]} has more than {len(found)} check runs")


async def write(http: Http, repository: str, sha: str, status: Status) -> None:
    """Set a status; if the commit has reached GitHub's limit, log that and keep the last one."""
    fields = {
        "state": status.state.value,
        "context": status.context,
        "description": status.description[:MAX_DESCRIPTION],
        **({"target_url": status.url} if status.url else {}),
    }
    path = f"/repos/{repository}/statuses/{quote(sha, safe='')}"
    try:
        await http.send("POST", repository, path, fields, Urgency.STATUS)
    except ResponseError as error:
        if error.status != UNPROCESSABLE or LIMIT_REACHED not in str(error):
            raise
        log.warning("status not written", commit=sha, context=status.context, why=str(error))
