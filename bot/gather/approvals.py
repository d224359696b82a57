"""Who approved a merge request, with the role, teams and ownership that make it count."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.context import Context
from bot.forges import ForgeMergeRequest
from bot.gather.owners import owners_of, read_sections
from bot.gather.repository import Checkout
from planners.model import Fleet, Registration
from planners.model.snapshot import Approval

Owners = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """Whose address, and at which head; empty for a command that approved other content."""

    email: str
    head: str


async def read_approvals(
    context: Context,
    checkout: Checkout,
    request: ForgeMergeRequest,
    teams: Iterable[str],
    commanded: Mapping[str, GivenApproval],
) -> tuple[Approval, ...]:
    """The approvals by people, `commanded` ones by login; roles are read each time, as they change.

    Bots approve nothing.
    """
    forge, path = context.forge(checkout.repo), checkout.repo.path
    given = {
        review.user.login: GivenApproval(review.user.email, review.head)
        for review in await forge.reviews(path, request.number)
        if not review.user.bot
    }
    for login, each in commanded.items():
        review = given.get(login, GivenApproval("", ""))
        given[login] = GivenApproval(review.email or each.email, each.head or review.head)
    named, found = sorted(teams), []
    for login, approval in sorted(given.items()):
        role = await forge.role(path, login)
        member_of = frozenset([team for team in named if await forge.member(team, login)])
        found.append(Approval(login, approval.email, approval.head, role, member_of))
    return tuple(found)


def teams_of(fleet: Fleet, registration: Registration, owners: Owners) -> frozenset[str]:
    """Every team that an approval rule for this application names; an owner may be a team."""
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
