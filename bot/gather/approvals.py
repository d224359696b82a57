"""Who approved a merge request, with the role, teams and ownership that make it count."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.context import Context
from bot.forges import Forge, ForgeMergeRequest, User
from bot.gather.owners import owners_of, read_sections
from bot.gather.repository import Checkout
from planners.model import Fleet, Registration, Repo, account_id
from planners.model.snapshot import Approval

Owners = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """Who approved, and at which head; empty for a command that approved other content."""

    user: User
    head: str


async def read_approvals(
    context: Context,
    checkout: Checkout,
    request: ForgeMergeRequest,
    teams: Iterable[str],
    commanded: Mapping[str, str],
) -> tuple[Approval, ...]:
    """The approvals by people; `commanded` are those by command, account -> approved head.

    Roles and teams are read each time, as they change, under the login that the account has now: a
    login can be given up and taken by somebody else. Bots approve nothing.
    """
    forge, path = context.forge(checkout.repo), checkout.repo.path
    given = {
        account_id(checkout.repo.forge, review.user.id): GivenApproval(review.user, review.head)
        for review in await forge.reviews(path, request.number)
        if not review.user.bot
    }
    for account, head in commanded.items():
        known = given.get(account)
        user = known.user if known else await _user(forge, checkout.repo, account)
        if user is not None and not user.bot:
            given[account] = GivenApproval(user, head or (known.head if known else ""))
    named, found = sorted(teams), []
    for account, approval in sorted(given.items(), key=lambda each: each[1].user.login):
        user = approval.user
        role = await forge.role(path, user.login)
        member_of = frozenset([team for team in named if await forge.member(team, user.login)])
        found.append(Approval(account, user.login, user.email, approval.head, role, member_of))
    return tuple(found)


async def _user(forge: Forge, repo: Repo, account: str) -> User | None:
    """The user of an account; None if it is another forge's, or gone."""
    of, _, number = account.partition(":")
    if of != repo.forge or not (number.isascii() and number.isdecimal()):
        return None
    return await forge.user(repo.path, int(number))


def teams_of(fleet: Fleet, registration: Registration, owners: Owners) -> frozenset[str]:
    """Every team that an approval rule for this application names; an owner may be a team."""
    rules = [rule for policy in fleet.policies for rule in policy.approvals]
    named = {team for rule in rules for team in rule.teams}
    tenant = fleet.tenant(registration.tenant)
    if tenant is not None:
        named |= set(tenant.approver_teams)
    return frozenset(named.union(*owners))


async def read_owners(checkout: Checkout, fleet: Fleet, paths: Iterable[str]) -> Owners:
    """The groups of owners of these files, where some policy asks for owners.

    Raises:
        OwnersError: they cannot be told.
    """
    rules = (rule for policy in fleet.policies for rule in policy.approvals)
    if not any(rule.code_owners for rule in rules):
        return ()
    sections = await asyncio.to_thread(read_sections, checkout.mirror, checkout.head)
    return owners_of(sections, paths)
