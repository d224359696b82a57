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


@dataclass(frozen=True, slots=True)
class Proposed:
    """The files that an open merge request changes for an application, path -> blob id.

    None stands for a file that it deletes.
    """

    registration: Registration
    number: int
    changed: Mapping[str, str | None]

    @property
    def written(self) -> dict[str, str]:
        """Those that it writes."""
        return {path: blob for path, blob in self.changed.items() if blob is not None}

    def after(self, merged: Mapping[str, str]) -> dict[str, str]:
        """All files of the changed units, as they are once it is merged."""
        layout = Layout.of(self.registration)
        units = {layout.unit_of(path) for path in self.changed} - {None}
        kept = {path: blob for path, blob in merged.items() if layout.unit_of(path) in units}
        files = {**kept, **self.changed}
        return {path: blob for path, blob in files.items() if blob is not None}


@dataclass(slots=True)
class Ledger:
    """What units request and which objects they have, merged or proposed, for an application."""

    application: str
    claims: list[ResourceClaim] = field(default_factory=list)
    owned: list[OwnedObjects] = field(default_factory=list)

    async def add(
        self,
        context: Context,
        reader: UsageReader,
        checkout: Checkout,
        registrations: list[Registration],
        timed: frozenset[str],
    ) -> None:
        """Add what one deploy repo holds of these applications."""
        proposed = await _proposed(context, checkout, registrations)
        self.claims += await asyncio.to_thread(
            _claims, reader, checkout, registrations, timed, proposed
        )
        others = [each for each in registrations if each.application != self.application]
        self.owned += await asyncio.to_thread(_owned, context, checkout, others, proposed)

    async def add_own(self, context: Context, own: Checkout, fleet: Fleet) -> None:
        """Add the application's own merged objects, if others propose any: they may be the same."""
        if any(each.number and each.application != self.application for each in self.owned):
            mine = [each for each in fleet.registrations if each.application == self.application]
            self.owned += await asyncio.to_thread(_owned, context, own, mine, ())


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
    reader = UsageReader(fleet, tenant, context.usage_by_blob)
    timed = frozenset(name for name, each in facts.items() if each.free)
    ledger = Ledger(application.name)
    for repo in sorted({each.deploy for each in fleet.registrations}):
        registered = [each for each in fleet.registrations if each.deploy == repo]
        try:
            checkout = own if repo == own.repo else await fetch(context, repo)
            await ledger.add(context, reader, checkout, registered, timed)
        except EmptyRepositoryError:
            continue
        except (ForgeError, GitError) as error:
            if repo == own.repo or isinstance(error, TRANSIENT):
                raise
            _check_dispensable(repo, registered, application, tenant, error)
            log.warning("claims not counted", repo=str(repo), error=str(error))
    await ledger.add_own(context, own, fleet)
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


def _claims(
    reader: UsageReader,
    checkout: Checkout,
    registrations: Iterable[Registration],
    timed: frozenset[str],
    proposed: Iterable[Proposed],
) -> list[ResourceClaim]:
    """The claims in one deploy repo: merged ones, then what proposed ones request beyond them."""
    blobs = {each.application: _blobs(checkout, each) for each in registrations}
    merged = _merged(reader, checkout, registrations, timed, blobs)
    claims = [
        claim(each.registration, unit, each.usage, each.at) for (_, unit), each in merged.items()
    ]
    for each in proposed:
        after = each.after(blobs[each.registration.application])
        units = reader.by_unit(each.registration, after, checkout.mirror.blob)
        for unit, usage in sorted(units.items()):
            now = merged.get((each.registration.application, unit))
            more = usage.excess_over(now.usage if now is not None else ResourceUsage())
            claims.append(claim(each.registration, unit, more, None, each.number))
    return claims


def _owned(
    context: Context,
    checkout: Checkout,
    registrations: Iterable[Registration],
    proposed: Iterable[Proposed],
) -> list[OwnedObjects]:
    """The objects of applications in one deploy repo."""
    reader, read = OwnershipReader(context.identities_by_blob), checkout.mirror.blob
    found: list[OwnedObjects] = []
    for registration in registrations:
        found += reader.owned(registration, _blobs(checkout, registration), read)
    for each in proposed:
        found += reader.owned(each.registration, each.written, read, each.number)
    return found


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
    blobs: Mapping[str, Mapping[str, str]],
) -> Merged:
    mirror, sha = checkout.mirror, checkout.head
    merged: Merged = {}
    for registration in registrations:
        layout = Layout.of(registration)
        units = reader.by_unit(registration, blobs[registration.application], mirror.blob)
        folders = {u: (layout.objects_folder(u),) for u in units if u.cluster in timed}
        times = {unit: info.at for unit, info in mirror.last_changes(sha, folders).items()}
        for unit, usage in sorted(units.items()):
            at = times.get(unit, LONG_AGO)
            merged[registration.application, unit] = MergedUsage(registration, usage, at)
    return merged


async def _proposed(
    context: Context, checkout: Checkout, registrations: Iterable[Registration]
) -> list[Proposed]:
    """What the open merge requests of these applications write."""
    forge = context.forge(checkout.repo)
    me = await forge.me()
    known = {each.application: each for each in registrations}
    found = []
    for request in await our_requests(context, checkout):
        if request.state != MergeRequestState.OPEN:
            continue
        marker = context.markers.read(MARKER, checkout.repo, request.body)
        registration = known.get(request.source_branch.split("/")[1]) if marker else None
        if registration is None or request.author.id != me.id:
            continue
        changed = await asyncio.to_thread(_changed, checkout, request.source_branch)
        found.append(Proposed(registration, request.number, changed))
    return found


def _changed(checkout: Checkout, name: str) -> dict[str, str | None]:
    """The files that the one commit of a branch changes, path -> blob id, or None: deleted."""
    mirror = checkout.mirror
    head = mirror.head(name)
    info = mirror.commit_info(head) if head is not None else None
    if head is None or info is None or len(info.parents) != 1:
        return {}
    changed = mirror.changed_files(info.parents[0], head)
    return {path: new for path, _, new in changed}
