"""Checks merge requests on the fleet repo: the status `switchyard/fleet` says what `check` finds.

Documents with a mistake would hold up every rollout once they are merged.
"""

import structlog

from bot.context import Context
from bot.effects.model import SetStatus
from bot.effects.perform import perform
from bot.forges import (
    ForgeError,
    ForgeMergeRequest,
    Status,
    StatusState,
    TransientForgeError,
)
from bot.gather.documents import documents_at
from bot.gather.repository import fetch, fetch_request
from bot.report.plan_comment import DESCRIPTION_LENGTH
from bot.wording.fleet_requests import fleet_line

FLEET = "switchyard/fleet"

log = structlog.get_logger()


async def check_fleet_request(context: Context, request: ForgeMergeRequest) -> None:
    """Set the status on the head of an open merge request on the fleet repo.

    A bot without the right to do that reads on: nothing waits for this status.
    """
    repo, forge = context.fleet, context.forge(context.fleet)
    foreign = request.source_repository != repo.path
    if request.state != "open" or (foreign and not forge.statuses_for_forks):
        return
    checkout = await fetch(context, repo)
    if foreign:
        await fetch_request(context, checkout, request)
    loaded = await documents_at(context, checkout, request.head)
    problems, warnings = (list(map(str, each)) for each in (loaded.problems, loaded.warnings))
    state = StatusState.FAILURE if problems else StatusState.SUCCESS
    status = Status(FLEET, state, fleet_line(problems, warnings, DESCRIPTION_LENGTH))
    try:
        if status not in await forge.statuses(repo.path, request.head):
            await perform(context, [SetStatus(repo, request.head, status)])
    except TransientForgeError:
        raise
    except ForgeError as error:
        log.warning("no status set", repository=str(repo), number=request.number, error=str(error))
