"""The ledger: what every unit of every application requests, merged or proposed.

Read from the deploy repos' own files, so that it holds after any loss of the database. A deploy
repo that is gone, suspended or empty has no claims for applications that can be planned without.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from bot.context import Context, HoldingsKey, KnownHoldings
from bot.engine.usage import UsageReader
from bot.forges import ForgeError, TransientForgeError
from bot.gather.errors import EmptyRepositoryError, GatherError
from bot.gather.holdings import Holdings, read_holdings
from bot.gather.repository import Checkout, fetch_known, last_known, read_hints
from bot.git import GitError, TransientGitError
from planners.model import Application, Fleet, Registration, Repo, Tenant
from planners.model.snapshot import OwnedObjects, ReportedFacts, ResourceClaim

MOST_REMEMBERED = 100_000
Held: TypeAlias = tuple[tuple[ResourceClaim, ...], tuple[OwnedObjects, ...]]
TRANSIENT = (TransientForgeError, TransientGitError)

log = structlog.get_logger()


@dataclass(slots=True)
class Ledger:
    """What units request and which objects they have, merged or proposed, for an application."""

    application: str
    claims: list[ResourceClaim] = field(default_factory=list)
    owned: list[OwnedObjects] = field(default_factory=list)

    async def add_own(self, context: Context, own: Checkout, fleet: Fleet) -> None:
        """Add the application's own merged objects, if others propose any: they may be the same."""
        if any(each.number and each.application != self.application for each in self.owned):
            mine = [each for each in fleet.registrations if each.application == self.application]
            self.owned += await asyncio.to_thread(Holdings(context, own, mine, ()).owned)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of the ledger: what it adds up to depends on these."""

    context: Context
    fleet: Fleet
    reader: UsageReader
    timed: frozenset[str]
    own: Checkout
    fresh: bool

    async def add(
        self, ledger: Ledger, repo: Repo, registrations: list[Registration], hint: str
    ) -> None:
        """Add what one deploy repo holds of these applications."""
        if repo == self.own.repo:
            holdings = await read_holdings(self.context, self.own, registrations)
            ledger.claims += await asyncio.to_thread(holdings.claims, self.reader, self.timed)
            ledger.owned += await asyncio.to_thread(holdings.owned, ledger.application)
            return
        known = None if self.fresh else self._known(repo, hint)
        claims, owned = known or await self._read(repo, registrations, hint)
        ledger.claims += claims
        ledger.owned += owned

    def _known(self, repo: Repo, hint: str) -> Held | None:
        """What was read before, if the repository, the fleet and the tenant are the same.

        A pass looks at all repositories of all applications, of which few have changed.
        """
        held = self.context.holdings.get(self._key(repo))
        if (
            held is None
            or self.context.results.verify
            or held.known is not self.context.repositories.get(repo)
            or held.known.hint != hint
            or held.fleet is not self.fleet
            or held.tenant != self.reader.tenant
        ):
            return None
        return held.claims, held.owned

    async def _read(self, repo: Repo, registrations: list[Registration], hint: str) -> Held:
        context = self.context
        read = fetch_known if self.fresh else last_known
        checkout = await read(context, repo, hint)
        holdings = await read_holdings(context, checkout, registrations)
        claims = tuple(await asyncio.to_thread(holdings.claims, self.reader, self.timed))
        owned = tuple(await asyncio.to_thread(holdings.owned))
        known = context.repositories.get(repo)
        if known is not None and [known.requests] == checkout.proposed:
            if len(context.holdings) >= MOST_REMEMBERED:
                context.holdings.clear()
            context.holdings[self._key(repo)] = KnownHoldings(
                known, self.fleet, self.reader.tenant, claims, owned
            )
        return claims, owned

    def _key(self, repo: Repo) -> HoldingsKey:
        return repo, self.reader.tenant.name if self.reader.tenant else "", self.timed


async def read_ledger(
    context: Context,
    fleet: Fleet,
    application: Application,
    tenant: Tenant,
    facts: Mapping[str, ReportedFacts],
    *,
    own: Checkout,
    fresh: bool = False,
) -> Ledger:
    """Claims and objects of all registered applications; the tenant's claims with their usage.

    `own` is the deploy repo that this pass has fetched; others are read as this process knows them,
    or fetched, to be `fresh`. The time of merging is read for units on the clusters alone that
    report what is free; elsewhere it does not matter and is long ago.

    Raises:
        GatherError: a deploy repo cannot be read and the application cannot be planned without it.
        ForgeError, GitError: a deploy repo cannot be read now, or `own` cannot.
    """
    _forget_many(context)
    counted = tenant if tenant.quota else None
    reader = UsageReader(fleet, counted, context.usage_by_blob)
    timed = frozenset(name for name, each in facts.items() if each.free)
    ledger = Ledger(application.name)
    hints = await read_hints(context)
    reading = _Reading(context, fleet, reader, timed, own, fresh)
    for repo, registered in sorted(_by_deploy_repo(fleet).items()):
        try:
            await reading.add(ledger, repo, registered, hints.get(str(repo), ""))
        except EmptyRepositoryError:
            continue
        except (ForgeError, GitError) as error:
            if repo == own.repo or isinstance(error, TRANSIENT):
                raise
            _check_dispensable(repo, registered, application, tenant, error)
            log.warning("claims not counted", repo=str(repo), error=str(error))
    await ledger.add_own(context, own, fleet)
    return ledger


def _forget_many(context: Context) -> None:
    for known in (context.usage_by_blob, context.identities_by_blob):
        if len(known) >= MOST_REMEMBERED:
            known.clear()


def _by_deploy_repo(fleet: Fleet) -> dict[Repo, list[Registration]]:
    found: dict[Repo, list[Registration]] = {}
    for each in fleet.registrations:
        found.setdefault(each.deploy, []).append(each)
    return found


def _check_dispensable(
    repo: Repo,
    registrations: Iterable[Registration],
    application: Application,
    tenant: Tenant,
    error: Exception,
) -> None:
    """Check that the application can be planned without the claims in a deploy repo.

    The tenant's quota counts all its claims, its set-up stays where it has applications, and
    affinity follows the claims of the application it names. Free resources may be overestimated.

    Raises:
        GatherError: it cannot.
    """
    named = {rule.application for each in application.placements for rule in each.affinity}
    counted = bool(tenant.quota) or application.is_tenant_setup
    for each in registrations:
        if each.application in named or (counted and each.tenant == tenant.name):
            raise GatherError(
                f"{repo} cannot be read, but application {each.application} there counts for "
                f"{application.name}: {error}"
            ) from error
