"""Snapshots: of an application's rollout, or of a revision that somebody proposes to merge."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.commandlog.entry import CommandLogEntry
from bot.commandlog.log import CommandLog, LogLocation
from bot.context import Context
from bot.documents.addresses import needs_addresses, with_addresses
from bot.documents.merged_replicas import with_merged_replicas
from bot.documents.tenants import tenant_applications
from bot.documents.trust import TrustError, with_trust
from bot.forges import Comment, ForgeMergeRequest, Status
from bot.gather.authors import with_authors
from bot.gather.conversations import Conversation, read_conversation, read_wave_conversations
from bot.gather.deploy import read_base
from bot.gather.documents import application_at, fleet_at
from bot.gather.errors import GatherError, NotRegisteredError
from bot.gather.facts import read_addresses, read_reported
from bot.gather.gates import with_gates
from bot.gather.ledger import read_ledger
from bot.gather.observe import failures, observe
from bot.gather.pauses import Paused, read_pauses
from bot.gather.peers import read_peers
from bot.gather.previous import read_previous
from bot.gather.repository import Checkout, Checkouts, fetch, fetch_for_all, fetch_request
from bot.gather.requests import Proposed, read_proposed
from bot.gather.rules import RuleReading, with_decisions, with_last_decisions
from bot.gather.statuses import read_statuses
from bot.gather.upstream import read_upstream
from planners.model import Application, Fleet, OfflineMode, Registration, Repo, Revision
from planners.model.snapshot import (
    DeployBase,
    MergeRequest,
    MergeRequestState,
    PreviousDeployment,
    Snapshot,
)

Hints: TypeAlias = Mapping[str, str] | None
"""The hints that were newest before a pass; None where other passes take nothing from it."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A Snapshot, with everything else that was read for it.

    The plan comment belongs on `app_request`. `conversations` are the comments of that merge
    request, first, and of the open ones of waves. `statuses` has those of each proposed commit.
    `paused` is what the deploy repo says is paused, `fleet` the newest fleet.
    """

    snapshot: Snapshot
    fleet: Fleet
    app: Checkout
    deploy: Checkout
    app_request: ForgeMergeRequest | None
    conversations: tuple[Conversation, ...] = ()
    statuses: Mapping[str, tuple[Status, ...]] = field(default_factory=dict)
    paused: Paused = field(default_factory=Paused)

    def conversation(self, repo: Repo, number: int) -> Conversation | None:
        """That of a merge request, if it was read."""
        found = (each for each in self.conversations if (each.repo, each.number) == (repo, number))
        return next(found, None)

    @property
    def comments(self) -> tuple[Comment, ...]:
        """Those of the app merge request."""
        return self.conversations[0].comments if self.app_request is not None else ()

    @property
    def command_log(self) -> CommandLog | None:
        """The rollout's command log, on the app merge request."""
        return self.conversations[0].command_log if self.app_request is not None else None


@dataclass(frozen=True, slots=True)
class _Fleets:
    """The fleet as it is now, and as the rollout under way pinned it, at commit `sha`."""

    newest: Fleet
    pinned: Fleet
    sha: str

    @property
    def policed(self) -> Fleet:
        """The pinned fleet with the newest policies, which always hold."""
        return replace(self.pinned, policies=self.newest.policies)


@dataclass(frozen=True, slots=True)
class _DeployReading:
    """The deploy repo: what is merged there of an application, and what is proposed."""

    checkout: Checkout
    registration: Registration
    base: DeployBase
    proposed: Proposed


async def gather_rollout(context: Context, application: str, hints: Hints = None) -> Gathered:
    """The Snapshot of an application at the newest revision of its default branch.

    Raises:
        GatherError: documents are wrong, or the application is not registered.
        ForgeError, GitError: something cannot be read.
    """
    fleet_repo = await fetch(context, context.fleet)
    newest = await fleet_at(context, fleet_repo, fleet_repo.head)
    registration = _registration(newest, application)
    app = await fetch(context, registration.app)
    deploy = await _deploy_repo(context, registration.deploy, hints)
    app_request = await context.forge(app.repo).merge_request_of(app.repo.path, app.head)
    conversations = await _app_conversation(context, app.repo, app_request, application)
    entries = conversations[0].command_log.entries if conversations else ()
    proposed = await read_proposed(context, deploy, newest, registration, entries)
    base = await asyncio.to_thread(read_base, context.results, deploy, registration)
    fleets = await _pinned_fleet(
        context, fleet_repo, newest, app_sha=app.head, deploy=deploy, proposed=proposed
    )
    reading = _DeployReading(deploy, registration, base, proposed)
    snapshot = await _snapshot(context, registration, fleets, app=app, sha=app.head, deploy=reading)
    paused = await read_pauses(context, deploy)
    snapshot = _with_proposed(snapshot, proposed, paused)
    snapshot = await with_decisions(RuleReading(context, deploy), snapshot)
    snapshot = await with_gates(context, deploy, snapshot)
    conversations += await read_wave_conversations(
        context, deploy.repo, application, proposed.requests
    )
    return Gathered(
        snapshot=await with_authors(context, app, snapshot),
        fleet=newest,
        app=app,
        deploy=deploy,
        app_request=app_request,
        conversations=conversations,
        statuses=await read_statuses(context, deploy.repo, proposed.requests),
        paused=paused,
    )


async def _deploy_repo(context: Context, repo: Repo, hints: Hints) -> Checkout:
    """The deploy repo; with hints it is known to the passes of other applications from then on."""
    if hints is None:
        return await fetch(context, repo)
    return await fetch_for_all(context, repo, hints.get(str(repo), ""))


async def with_commands(
    context: Context, gathered: Gathered, entries: tuple[CommandLogEntry, ...]
) -> Gathered:
    """The same, after commands that act: approvals, overrides and pauses are read again."""
    snapshot, deploy = gathered.snapshot, gathered.deploy
    paused = await read_pauses(context, deploy)
    registration = snapshot.registration
    proposed = await read_proposed(context, deploy, gathered.fleet, registration, entries)
    return replace(gathered, snapshot=_with_proposed(snapshot, proposed, paused), paused=paused)


def _with_proposed(snapshot: Snapshot, proposed: Proposed, paused: Paused) -> Snapshot:
    return replace(
        snapshot,
        overrides=replace(proposed.overrides, pauses=paused.pauses),
        merge_requests=proposed.requests,
        branches=proposed.branches,
        foreign_branches=proposed.foreign_branches,
        refused_branches=proposed.refused,
    )


async def _app_conversation(
    context: Context, repo: Repo, request: ForgeMergeRequest | None, application: str
) -> tuple[Conversation, ...]:
    if request is None:
        return ()
    return (await read_conversation(context, LogLocation(repo, request.number, application)),)


async def gather_review(
    checkouts: Checkouts, application: str, request: ForgeMergeRequest
) -> Gathered:
    """The Snapshot of an application at the head of a merge request on its app repo.

    Raises:
        GatherError, ForgeError, GitError: as `gather_rollout`.
    """
    context = checkouts.context
    fleet_repo = await checkouts.of(context.fleet)
    newest = await fleet_at(context, fleet_repo, fleet_repo.head)
    registration = _registration(newest, application)
    app = await checkouts.of(registration.app)
    if request.source_repository != registration.app.path:
        await fetch_request(context, app, request)
    deploy = await checkouts.of(registration.deploy)
    snapshot = await snapshot_with(
        context, newest, fleet_repo.head, registration, app=app, sha=request.head, deploy=deploy
    )
    statuses = await context.forge(app.repo).statuses(app.repo.path, request.head)
    return Gathered(
        snapshot=snapshot,
        fleet=newest,
        app=app,
        deploy=deploy,
        app_request=request,
        conversations=await _app_conversation(context, app.repo, request, application),
        statuses={request.head: statuses},
    )


async def snapshot_with(
    context: Context,
    fleet: Fleet,
    fleet_sha: str,
    registration: Registration,
    *,
    app: Checkout,
    sha: str,
    deploy: Checkout,
) -> Snapshot:
    """The Snapshot of an application as a fleet and commit `sha` of its app repo would have it.

    It is for a plan alone: what is proposed and approved for the present rollout is no part of it.

    Raises:
        GatherError, ForgeError, GitError: as `gather_rollout`.
    """
    base = await asyncio.to_thread(read_base, context.results, deploy, registration)
    reading = _DeployReading(deploy, registration, base, Proposed())
    fleets = _Fleets(fleet, fleet, fleet_sha)
    snapshot = await _snapshot(context, registration, fleets, app=app, sha=sha, deploy=reading)
    return await with_last_decisions(RuleReading(context, deploy), snapshot)


def _registration(fleet: Fleet, application: str) -> Registration:
    registration = fleet.registration(application)
    if registration is None:
        raise NotRegisteredError(f"application {application} is not registered in the fleet repo")
    return registration


async def _pinned_fleet(
    context: Context,
    fleet_repo: Checkout,
    newest: Fleet,
    *,
    app_sha: str,
    deploy: Checkout,
    proposed: Proposed,
) -> _Fleets:
    """The fleet of a rollout under way: the members of a wave are fixed when it opens."""
    sha = _pinned_sha(fleet_repo, app_sha, deploy, proposed.requests) or fleet_repo.head
    pinned = newest if sha == fleet_repo.head else await fleet_at(context, fleet_repo, sha)
    return _Fleets(newest, pinned, sha)


def _pinned_sha(
    fleet: Checkout, app_sha: str, deploy: Checkout, requests: tuple[MergeRequest, ...]
) -> str | None:
    """The fleet revision that an open merge request of the app revision `app_sha` was made for."""
    for request in requests:
        branch = request.branch
        if request.state is not MergeRequestState.OPEN or branch is None:
            continue
        info = deploy.mirror.commit_info(branch.head)
        source = info.trailers.get("Switchyard-Source", "").rpartition("@")[2]
        known = branch.fleet_sha and fleet.mirror.contains(fleet.head, branch.fleet_sha)
        if source == app_sha and known:
            return branch.fleet_sha
    return None


async def _snapshot(
    context: Context,
    registration: Registration,
    fleets: _Fleets,
    *,
    app: Checkout,
    sha: str,
    deploy: _DeployReading,
) -> Snapshot:
    newest, pinned, proposed = fleets.newest, fleets.pinned, deploy.proposed
    read = await application_at(context, app, sha, fleets.policed, registration)
    application, tenant = read.application, read.tenant_of(pinned)
    facts = await asyncio.to_thread(read_reported, context.store.views)
    ledger = await read_ledger(context, newest, application, tenant, facts, own=deploy.checkout)
    snapshot = Snapshot(
        now=context.clock(),
        application=application,
        registration=registration,
        tenant=tenant,
        clusters=pinned.clusters,
        revision=Revision(registration.app, sha),
        fleet_revision=Revision(context.fleet, fleets.sha),
        base=deploy.base,
        policies=newest.policies,
        departed_clusters=_names(pinned) - _names(newest),
        sources=read.sources,
        files=read.files,
        facts=facts,
        claims=tuple(ledger.claims),
        owned=tuple(ledger.owned),
        upstream_applications=await read_upstream(context, newest, application),
        peers=await read_peers(context, newest, application),
        previous=await asyncio.to_thread(_previous, context, deploy, application, sha),
        overrides=proposed.overrides,
        merge_requests=proposed.requests,
        branches=proposed.branches,
        foreign_branches=proposed.foreign_branches,
        tenant_applications=tenant_applications(pinned, registration),
    )
    return await asyncio.to_thread(_with_reports, context, deploy, snapshot)


def _with_trust(deploy: _DeployReading, snapshot: Snapshot) -> Snapshot:
    """The Snapshot with what makes a tenant's clusters trust each other.

    Raises:
        GatherError: an issuer is missing that is still in use.
    """
    try:
        return with_trust(snapshot, deploy.checkout.mirror.blob)
    except TrustError as error:
        raise GatherError(str(error)) from error


def _with_reports(context: Context, deploy: _DeployReading, snapshot: Snapshot) -> Snapshot:
    """The Snapshot with what clusters have reported.

    Raises:
        GatherError: see `_with_trust`.
    """
    snapshot = _with_trust(deploy, snapshot)
    if needs_addresses(snapshot):
        names = [each.name for each in snapshot.clusters]
        addresses = read_addresses(context.store.views, names)
        snapshot = with_addresses(snapshot, addresses, deploy.checkout.mirror.blob)
    snapshot = with_merged_replicas(snapshot, deploy.checkout.mirror.blob)
    application = snapshot.application
    failover = any(policy.failover for policy in snapshot.policies)
    waits = application.offline is OfflineMode.WAIT and not failover
    reported = context.store.reports.read(application.name, last=not waits)
    return replace(
        snapshot,
        observations=observe(deploy.checkout.mirror, deploy.base.changes, reported.application),
        last_reports=reported.last,
        cluster_failures=failures(reported.clusters),
        listening_since=context.listening_since,
    )


def _names(fleet: Fleet) -> frozenset[str]:
    return frozenset(each.name for each in fleet.clusters)


def _previous(
    context: Context, deploy: _DeployReading, application: Application, sha: str
) -> PreviousDeployment | None:
    overrides = deploy.proposed.overrides
    requested = overrides.reverts(sha)
    to = overrides.restored if requested else ""
    return read_previous(
        context.results,
        deploy.checkout,
        deploy.registration,
        application,
        sha,
        requested=requested,
        to=to,
    )
