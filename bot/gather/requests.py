"""The bot's merge requests in a deploy repo: what they propose, and their approvals."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.commandlog.entry import CommandLogEntry
from bot.commandlog.standing import standing_overrides
from bot.context import Context
from bot.forges import ForgeMergeRequest
from bot.gather.approvals import Owners, read_approvals, read_owners, teams_of
from bot.gather.deploy import FILE, changed_by, rejected
from bot.gather.owners import OwnersError
from bot.gather.repository import Checkout, our_requests
from bot.gather.rules import proposed_records, rule_steps, rules_of
from bot.git import CommitInfo
from planners.gating.change_sets import change_digest
from planners.gating.merge_requests import branch_prefix
from planners.model import Fleet, Registration, Repo
from planners.model.overrides import Overrides
from planners.model.snapshot import (
    Approval,
    Branch,
    ForeignBranch,
    MergeRefusal,
    MergeRequest,
    MergeRequestState,
)
from renderers.layout import Layout

MARKER = "wave"

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to read an application's merge requests; `fleet` has the newest policies.

    `queue_commits` are those on which the forge's merge queue tests each merge request.
    """

    context: Context
    checkout: Checkout
    fleet: Fleet
    registration: Registration
    queue_commits: Mapping[int, tuple[str, ...]]
    overrides: Overrides


@dataclass(frozen=True, slots=True)
class Proposed:
    """The bot's merge requests for an application, its branches, and foreign ones among them.

    `overrides` is the meaning of the commands that people gave, `refused` why the forge refused
    the last push of a branch.
    """

    requests: tuple[MergeRequest, ...] = ()
    branches: Mapping[str, str] = field(default_factory=dict)
    foreign_branches: Mapping[str, ForeignBranch] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=Overrides)
    refused: Mapping[str, str] = field(default_factory=dict)


async def is_wave(context: Context, repo: Repo, request: ForgeMergeRequest) -> bool:
    """Whether it is the bot's own merge request of a wave, by its author and its signed marker."""
    marker = context.markers.read(MARKER, repo, request.body)
    return marker is not None and request.author.id == (await context.forge(repo).me()).id


async def read_proposed(
    context: Context,
    checkout: Checkout,
    fleet: Fleet,
    registration: Registration,
    entries: tuple[CommandLogEntry, ...],
) -> Proposed:
    """All open merge requests of the bot, and the newest closed one of each change of each wave.

    `entries` are those of the rollout's command log.
    """
    forge, repo = context.forge(registration.deploy), registration.deploy
    me, overrides = await forge.me(), standing_overrides(entries)
    prefix = branch_prefix(registration.application)
    queue_commits = forge.merge_queue_commits(await asyncio.to_thread(checkout.mirror.branches))
    reading = Reading(context, checkout, fleet, registration, queue_commits, overrides)
    requests: list[MergeRequest] = []
    foreign: dict[str, ForeignBranch] = {}
    closed: set[tuple[str, str | None]] = set()
    for each in await our_requests(context, checkout):
        if not each.source_branch.startswith(prefix):
            continue
        marker = context.markers.read(MARKER, repo, each.body)
        wave = each.source_branch.removeprefix(prefix)
        by_bot = each.author.id == me.id
        if not by_bot or marker is None or marker.get("wave") != wave:
            if not by_bot and _would_merge(each, checkout):
                foreign[each.source_branch] = _foreign(each)
        elif each.state == MergeRequestState.OPEN:
            requests.append(await _open(reading, each, wave, marker))
        elif each.state == MergeRequestState.CLOSED and (wave, marker.get("digest")) not in closed:
            closed.add((wave, marker.get("digest")))
            closed_by = None if each.closed_by == me.login else each.closed_by
            requests.append(_closed(each, wave, marker, closed_by=closed_by))
    branches = await asyncio.to_thread(checkout.mirror.branches, prefix)
    proposed = {each.branch_name for each in requests if each.state is MergeRequestState.OPEN}
    left = {name: head for name, head in branches.items() if name not in proposed}
    foreign = await asyncio.to_thread(_foreign_branches, reading, left) | foreign
    by_number = tuple(sorted(requests, key=lambda request: request.number))
    return Proposed(by_number, branches, foreign, overrides, _refused(context, repo))


def _refused(context: Context, repo: Repo) -> dict[str, str]:
    """Why the forge refused the last push of branches there."""
    return {name: why for (on, name), why in context.refused_branches.items() if on == repo}


def _foreign(each: ForgeMergeRequest) -> ForeignBranch:
    return ForeignBranch(each.author.login, each.head, each.number)


def _would_merge(each: ForgeMergeRequest, checkout: Checkout) -> bool:
    """Whether it is open, into the branch that clusters pull."""
    to_main = each.target_branch == checkout.info.default_branch
    return each.state == MergeRequestState.OPEN and to_main


def _foreign_branches(reading: Reading, branches: Mapping[str, str]) -> dict[str, ForeignBranch]:
    """The authors of branches without a merge request that the bot did not write and main lacks."""
    found, checkout = {}, reading.checkout
    prefix = branch_prefix(reading.registration.application)
    for name, head in branches.items():
        if checkout.mirror.contains(checkout.head, head):
            continue
        branch, _ = _branch(reading, name, name.removeprefix(prefix))
        if branch is not None and branch.foreign_author is not None:
            found[name] = ForeignBranch(branch.foreign_author, head)
    return found


def _closed(
    each: ForgeMergeRequest, wave: str, marker: Mapping[str, str], closed_by: str | None
) -> MergeRequest:
    return MergeRequest(
        number=each.number,
        wave=wave,
        branch_name=each.source_branch,
        state=MergeRequestState(each.state),
        url=each.url,
        head=each.head,
        described_digest=marker.get("digest"),
        closed_by=closed_by,
    )


async def _open(
    reading: Reading, each: ForgeMergeRequest, wave: str, marker: Mapping[str, str]
) -> MergeRequest:
    context, checkout = reading.context, reading.checkout
    branch, paths = await asyncio.to_thread(_branch, reading, each.source_branch, wave)
    owners, unknown_owners = await _owners(reading, paths)
    teams = teams_of(reading.fleet, reading.registration, owners)
    digest = branch.digest if branch is not None else None
    stale = reading.overrides.stale_approvers(wave, digest or "")
    approved = reading.overrides.approvers(wave, digest or "")
    commanded = dict.fromkeys(stale, "") | dict.fromkeys(approved, each.head)
    approvals = await read_approvals(context, checkout, each, teams, commanded)
    return MergeRequest(
        number=each.number,
        wave=wave,
        branch_name=each.source_branch,
        state=MergeRequestState.OPEN,
        url=each.url,
        head=each.head,
        branch=branch,
        labels=each.labels,
        approvals=await asyncio.to_thread(_carried_over, reading, wave, branch, approvals),
        described_digest=marker.get("digest"),
        conflicts=each.conflicts,
        behind=each.behind,
        refusal=_refusal(reading, each),
        merge_queue_commits=reading.queue_commits.get(each.number, ()),
        owners=owners,
        unknown_owners=unknown_owners,
        wrong_target=each.target_branch != checkout.info.default_branch,
    )


def _carried_over(
    reading: Reading, wave: str, branch: Branch | None, approvals: tuple[Approval, ...]
) -> tuple[Approval, ...]:
    """Approvals of an earlier head count for the present one if both have the same digest."""
    if branch is None or branch.foreign_author is not None:
        return approvals
    heads = {each.head for each in approvals} - {branch.head}
    same = {head for head in heads if _has_digest(reading, head, wave, branch.digest)}
    return tuple(
        replace(each, head=branch.head) if each.head in same else each for each in approvals
    )


def _has_digest(reading: Reading, head: str, wave: str, digest: str | None) -> bool:
    """Whether a commit is Switchyard's with that digest; a commit that the mirror lacks is not."""
    if not reading.checkout.mirror.contains(head, head):
        return False
    earlier, _ = _branch_at(reading, head, wave)
    return earlier.foreign_author is None and earlier.digest == digest


async def _owners(reading: Reading, paths: Paths) -> tuple[Owners, str]:
    """The groups of owners of these files, or why they are not known."""
    try:
        return await read_owners(reading.checkout, reading.fleet, paths), ""
    except OwnersError as error:
        return (), str(error)


def _refusal(reading: Reading, each: ForgeMergeRequest) -> MergeRefusal | None:
    """The forge's refusal to merge it, while nothing has changed and it is not time to try again.

    What was said of another head, or beside another word of the forge's, does not count any more.
    """
    context = reading.context
    known = context.refusals.get((reading.checkout.repo, each.number))
    if known is None or (known.head, known.mergeable) != (each.head, each.mergeable):
        return None
    waits = context.clock() < known.until
    return MergeRefusal(known.reason, known.until, known.times) if waits else None


def _branch(reading: Reading, name: str, wave: str) -> tuple[Branch | None, Paths]:
    """The branch as Git has it, and the files it changes.

    It is ours when its one commit above main is what its trailers say. The digest is computed anew
    from the commit's difference to its parent, so that nobody can add a change, or edit one, and
    keep the approval.
    """
    head = reading.checkout.mirror.head(name)
    return (None, ()) if head is None else _branch_at(reading, head, wave)


def _branch_at(reading: Reading, head: str, wave: str) -> tuple[Branch, Paths]:
    """The same for a branch whose head is that commit."""
    checkout, registration = reading.checkout, reading.registration
    info = checkout.mirror.commit_info(head)
    on_main = len(info.parents) == 1 and checkout.mirror.contains(checkout.head, info.parents[0])
    return reading.context.results.get(
        ("branch", checkout.repo, head, wave, on_main, registration),
        lambda: _read_branch(reading, info, wave, on_main=on_main),
        lambda read: FILE * (1 + len(read[1])),
    )


def _read_branch(
    reading: Reading, info: CommitInfo, wave: str, *, on_main: bool
) -> tuple[Branch, Paths]:
    """The same; `on_main`: its only parent is on the default branch."""
    layout, head = Layout.of(reading.registration), info.sha
    digest = info.trailers.get("Switchyard-Digest")
    results = reading.context.results
    changed = changed_by(results, reading.checkout, head)
    ours = (
        on_main
        and change_digest(wave, changed, info.trailers.get("Switchyard-Conditions", "")) == digest
    )
    written = (layout.unit_of(path) for path, _, new in changed if new is not None)
    branch = Branch(
        head=head,
        digest=digest,
        fleet_sha=info.trailers.get("Switchyard-Fleet", "").rpartition("@")[2] or None,
        foreign_author=None if ours else info.author_name,
        units=frozenset(unit for unit in written if unit is not None) if ours else frozenset(),
        rolls_back=rejected(info) if ours else None,
        base=info.parents[0] if info.parents else "",
        rules=rules_of(info.trailers) if ours else frozenset(),
        rule_steps=rule_steps(info.trailers) if ours else {},
        records=proposed_records(results, reading.checkout, reading.registration, changed)
        if ours
        else {},
    )
    return branch, tuple(path for path, _, _ in changed)
