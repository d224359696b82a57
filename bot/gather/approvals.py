"""Who approved a merge request, and what gives their word weight: role, teams, ownership."""

import asyncio
from collections.abc import Iterable

from bot.forges import Forge, User
from bot.gather.owners import owners_of, read_sections
from bot.gather.repository import Checkout
from bot.shell import Shell
from planners.model import Fleet, Registration
from planners.snapshot import Approval

Owners = tuple[frozenset[str], ...]


async def read_approvals(
    shell: Shell, checkout: Checkout, number: int, teams: Iterable[str]
) -> tuple[Approval, ...]:
    """The approvals by people; what they may do is asked anew each time, as it may have changed."""
    forge, path = shell.forge(checkout.repo), checkout.repo.path
    asked = sorted(teams)
    found = []
    for review in await forge.reviews(path, number):
        if review.user.bot:
            continue
        user = review.user
        role = await forge.role(path, user.login)
        mine = await _teams(forge, user, asked)
        found.append(Approval(user.login, user.email, review.head, role, mine))
    return tuple(found)


async def _teams(forge: Forge, user: User, asked: Iterable[str]) -> frozenset[str]:
    return frozenset([team for team in asked if await forge.member(team, user.login)])


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
