"""The ledger: what every unit of every application requests, merged or proposed.

Read from the deploy repos' own files, so that it holds after any loss of the database. A deploy
repo that is gone, suspended or empty has no claims for applications that can be planned without.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from bot.context import Context
from bot.engine.ownership import OwnershipReader
from bot.engine.usage import ResourceUsage, UsageReader, claim
from bot.forges import ForgeError, TransientForgeError
from bot.gather.errors import EmptyRepositoryError, GatherError
from bot.gather.repository import Checkout, fetch, our_requests
from bot.git import GitError, TransientGitError
from planners.model import Application, Fleet, Registration, Repo, Tenant, Unit
from planners.model.snapshot import MergeRequestState, OwnedObjects, ReportedFacts, ResourceClaim
from renderers.layout import Layout

MARKER = "wave"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MOST_REMEMBERED = 100_000
TRANSIENT = (TransientForgeError, TransientGitError)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MergedUsage:
    """What a merged unit requests, and since when."""

    registration: Registration
    usage: ResourceUsage
    at: datetime


Merged = dict[tuple[str, Unit], MergedUsage]


@dataclass(slots=True)
class Ledger:
    """What units request, merged or proposed, and the merged objects of other applications."""

    claims: list[ResourceClaim] = field(default_factory=list)
    owned: list[OwnedObjects] = field(default_factory=list)


async def read_ledger(
    context: Context,
    fleet: Fleet,
    application: Application,
    tenant: Tenant,
    facts: Mapping[str, ReportedFacts],
    *,
    own: Checkout,
) -> Ledger:
    """Claims and objects of all registered applications; the tenant's claims with their usage.

    `own` is the deploy repo that this pass has fetched: one pass reads a repository once.
    The time of merging is read for units on the clusters alone that report what is free; elsewhere
    it does not matter and is long ago.

    Raises:
        GatherError: a deploy repo cannot be read and the application cannot be planned without it.
        ForgeError, GitError: a deploy repo cannot be read now, or `own` cannot.
    """
    for known in (context.usage_by_blob, context.identities_by_blob):
        if len(known) >= MOST_REMEMBERED:
            known.clear()
    reader = UsageReader(tenant, context.usage_by_blob)
    timed = frozenset(name for name, each in facts.items() if each.free)
    ledger = Ledger()
    for repo in sorted({each.deploy for each in fleet.registrations}):
        registered = [each for each in fleet.registrations if each.deploy == repo]
        try:
            checkout = own if repo == own.repo else await fetch(context, repo)
            ledger.claims += await _claims(context, reader, checkout, registered, timed)
            others = [each for each in registered if each.application != application.name]
            ledger.owned += await asyncio.to_thread(_owned, context, checkout, others)
        except EmptyRepositoryError:
            continue
        except (ForgeError, GitError) as error:
            if repo == own.repo or isinstance(error, TRANSIENT):
                raise
            _check_dispensable(repo, registered, application, tenant, error)
            log.warning("claims not counted", repo=str(repo), error=str(error))
    return ledger


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


async def _claims(
    context: Context,
    reader: UsageReader,
    checkout: Checkout,
    registrations: list[Registration],
    timed: frozenset[str],
) -> list[ResourceClaim]:
    """The claims in one deploy repo, merged ones first."""
    merged = await asyncio.to_thread(_merged, reader, checkout, registrations, timed)
    claims = [
        claim(each.registration, unit, each.usage, each.at) for (_, unit), each in merged.items()
    ]
    return claims + await _proposed(context, reader, checkout, registrations, merged)


def _owned(
    context: Context, checkout: Checkout, registrations: Iterable[Registration]
) -> list[OwnedObjects]:
    """The objects of applications on the default branch of a deploy repo."""
    reader = OwnershipReader(context.identities_by_blob)
    return [
        each
        for registration in registrations
        for each in reader.owned(registration, _blobs(checkout, registration), checkout.mirror.blob)
    ]


def _blobs(checkout: Checkout, registration: Registration) -> Mapping[str, str]:
    """The object files of an application on the default branch, path -> blob id."""
    layout, mirror, sha = Layout.of(registration), checkout.mirror, checkout.head
    folders = map(layout.application_folder, mirror.folders(sha, "clusters"))
    return mirror.entries(sha, tuple(folders))


def _merged(
    reader: UsageReader,
    checkout: Checkout,
    registrations: Iterable[Registration],
    timed: frozenset[str],
) -> Merged:
    mirror, sha = checkout.mirror, checkout.head
    merged: Merged = {}
    for registration in registrations:
        layout = Layout.of(registration)
        units = reader.by_unit(registration, _blobs(checkout, registration), mirror.blob)
        folders = {u: (layout.objects_folder(u),) for u in units if u.cluster in timed}
        times = {unit: info.at for unit, info in mirror.last_changes(sha, folders).items()}
        for unit, usage in sorted(units.items()):
            at = times.get(unit, LONG_AGO)
            merged[registration.application, unit] = MergedUsage(registration, usage, at)
    return merged


async def _proposed(
    context: Context,
    reader: UsageReader,
    checkout: Checkout,
    registrations: Iterable[Registration],
    merged: Merged,
) -> list[ResourceClaim]:
    """What open merge requests request beyond what is merged."""
    forge = context.forge(checkout.repo)
    me = await forge.me()
    known = {each.application: each for each in registrations}
    claims = []
    for request in await our_requests(context, checkout):
        if request.state != MergeRequestState.OPEN:
            continue
        marker = context.markers.read(MARKER, checkout.repo, request.body)
        registration = known.get(request.source_branch.split("/")[1]) if marker else None
        if registration is None or request.author.id != me.id:
            continue
        units = await asyncio.to_thread(
            _branch, reader, checkout, registration, request.source_branch
        )
        for unit, usage in sorted(units.items()):
            now = merged.get((registration.application, unit))
            more = usage.excess_over(now.usage if now is not None else ResourceUsage())
            claims.append(claim(registration, unit, more, None, request.number))
    return claims


def _branch(
    reader: UsageReader, checkout: Checkout, registration: Registration, name: str
) -> dict[Unit, ResourceUsage]:
    """What the units on a branch request, as far as it writes their files."""
    mirror = checkout.mirror
    head = mirror.head(name)
    info = mirror.commit_info(head) if head is not None else None
    if head is None or info is None or len(info.parents) != 1:
        return {}
    changed = mirror.changed_files(info.parents[0], head)
    written = {path: new for path, _, new in changed if new is not None}
    return reader.by_unit(registration, written, mirror.blob)
