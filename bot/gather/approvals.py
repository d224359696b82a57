"""Who approved a merge request, and what gives their word weight: role, teams, ownership."""

import asyncio
from collections.abc import Iterable, Mapping

from bot.context import Context
from bot.forges import ForgeMergeRequest
from bot.gather.owners import owners_of, read_sections
from bot.gather.repository import Checkout
from planners.model import Fleet, Registration
from planners.model.snapshot import Approval

Owners = tuple[frozenset[str], ...]


async def read_approvals(
    context: Context,
    checkout: Checkout,
    request: ForgeMergeRequest,
    teams: Iterable[str],
    commanded: Mapping[str, tuple[str, str]],
) -> tuple[Approval, ...]:
    """The approvals by people; what they may do is asked anew each time, as it may have changed.

    `commanded` approved by a command: login -> their address, and the head whose content that was,
    empty for one that is gone.
    """
    forge, path = context.forge(checkout.repo), checkout.repo.path
    given = {
        review.user.login: (review.user.email, review.head)
        for review in await forge.reviews(path, request.number)
        if not review.user.bot
    }
    for login, (address, head) in commanded.items():
        email, reviewed = given.get(login, ("", ""))
        given[login] = (email or address, head or reviewed)
    asked, found = sorted(teams), []
    for login, (email, head) in sorted(given.items()):
        role = await forge.role(path, login)
        mine = frozenset([team for team in asked if await forge.member(team, login)])
        found.append(Approval(login, email, head, role, mine))
    return tuple(found)


def teams_of(fleet: Fleet, registration: Registration, owners: Owners) -> frozenset[str]:
    """Every team that a rule for this application names; an owner may be one."""
    rules = [rule for policy in fleet.policies for rule in policy.approvals]
    named = {team for rule in rules for team in rule.teams}
    tenant = fleet.tenant(registration.tenant)
    if tenant is not None:
        named |= set(tenant.approver_teams)
    return frozenset(named.union(*owners))


async def read_owners(checkout: Checkout, fleet: Fleet, paths: Iterable[str]) -> Owners:
    """The groups of owners of these files, where some policy asks for owners."""
    rules = (rule for policy in fleet.policies for rule in policy.approvals)
    if not any(rule.code_owners for rule in rules):
        return ()
    sections = await asyncio.to_thread(read_sections, checkout.mirror, checkout.head)
    return owners_of(sections, paths)
