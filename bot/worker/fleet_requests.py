"""Reviews merge requests on the fleet repo: are documents right, and which plans do they change?

The status `switchyard/fleet` says what `check` finds, since documents with a mistake would hold up
every rollout once they are merged. A comment says what becomes of the plans of all applications.
"""

from collections.abc import Iterable
from dataclasses import replace

import structlog

from bot.chatops.fork_requests import PlanRequest, find_plan_request
from bot.context import Context
from bot.effects.model import Effect
from bot.effects.perform import perform
from bot.forges import ForgeError, ForgeMergeRequest, TransientForgeError
from bot.gather.documents import documents_at, documents_merged, fleet_at
from bot.gather.errors import DocumentsError
from bot.gather.repository import Checkout, fetch, fetch_request
from bot.report.fleet_comment import MARKER, FleetPage
from bot.worker.fleet_plans import FleetPlans
from planners.fleet_changes import FleetChange

log = structlog.get_logger()


async def review_fleet_request(context: Context, request: ForgeMergeRequest) -> None:
    """Set the status on the head of an open merge request, and write the comment on plans.

    Of a fork, plans are compared when somebody who may write to the fleet repo names the head.
    """
    repo, forge = context.fleet, context.forge(context.fleet)
    if request.state != "open":
        return
    page = await FleetPage.read(context, repo, request)
    asked: PlanRequest | None = None
    if page.is_foreign:
        asked = await find_plan_request(context, repo, request, MARKER)
        page = replace(page, payload={"asked": asked.comment} if asked else {})
    requested = not page.is_foreign or (asked is not None and asked.head == request.head)
    checkout = await fetch(context, repo)
    if page.is_foreign and (requested or forge.statuses_for_forks):
        await fetch_request(context, checkout, request)
    if requested:
        await _compare(context, page, checkout)
        return
    if forge.statuses_for_forks:
        loaded = await documents_at(context, checkout, request.head)
        await _say(page, page.status(_texts(loaded.problems), _texts(loaded.warnings)))
    await _say(page, page.unrequested(asked.by if asked else ""))


async def _compare(context: Context, page: FleetPage, checkout: Checkout) -> None:
    """The status says what is wrong with documents at once, and what plans change when it is known.

    Plans are compared where something that decides has changed since the comment was written.
    """
    head = page.request.head
    proposed = await documents_merged(context, checkout, head)
    loaded = proposed.loaded
    if proposed.conflicts:
        loaded = await documents_at(context, checkout, head)
    problems, warnings = _texts(loaded.problems), _texts(loaded.warnings)
    if problems or not page.succeeded:
        await _say(page, page.status(problems, warnings))
    if problems:
        await _say(page, page.mistaken(problems))
        return
    if proposed.conflicts:
        await _say(page, page.conflicting(proposed.conflicts))
        return
    try:
        before = await fleet_at(context, checkout, checkout.head)
    except DocumentsError as error:
        await _say(page, page.mistaken(_texts(error.problems), " of the default branch"))
        return
    plans = FleetPlans(context, FleetChange(before, loaded.fleet), checkout, head)
    inputs = await plans.read()
    if page.shows(inputs):
        return
    compared = await plans.compare()
    comment = page.compared(compared, "" if plans.incomplete else inputs)
    await _say(page, (*comment, *page.status(problems, warnings, compared)))


def _texts(found: Iterable[object]) -> list[str]:
    return [str(each) for each in found]


async def _say(page: FleetPage, effects: Iterable[Effect]) -> None:
    """Perform effects; a bot without the right to do that reads on: nothing waits for them."""
    try:
        await perform(page.context, effects)
    except TransientForgeError:
        raise
    except ForgeError as error:
        where = {"repository": str(page.repo), "number": page.request.number}
        log.warning("not written", **where, error=str(error))
