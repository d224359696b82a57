"""The required status of open merge requests while their application has no plan."""

from bot.context import Context
from bot.effects.model import SetStatus
from bot.effects.status import order_status
from bot.gather.errors import GatherError
from bot.gather.fleet import read_fleet_at
from bot.gather.repository import fetch, our_requests
from planners.gating.merge_requests import branch_prefix
from planners.model.gates import InvalidPlan


async def held_requests(context: Context, application: str, problem: str) -> tuple[SetStatus, ...]:
    """The statuses that keep people from merging what was planned for another revision.

    None where not even the fleet can be read: then nobody knows where the merge requests are.

    Raises:
        ForgeError, GitError: something cannot be read now.
    """
    try:
        fleet, _ = await read_fleet_at(context)
        registration = fleet.registration(application)
        if registration is None:
            return ()
        deploy = await fetch(context, registration.deploy)
    except GatherError:
        return ()
    prefix, page = branch_prefix(application), context.page(application)
    held: list[SetStatus] = []
    for each in await our_requests(context, deploy):
        if each.state == "open" and each.source_branch.startswith(prefix):
            known = await context.forge(deploy.repo).statuses(deploy.repo.path, each.head)
            held += order_status(deploy.repo, each.head, (InvalidPlan(problem),), page, known)
    return tuple(held)
