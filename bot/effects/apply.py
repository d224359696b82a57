"""Performs what the core decided for a rollout: branches, merge requests, statuses and merges.

Called by `reconcile` in every pass. What a forge refuses is not repeated here: the next pass reads
everything again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from bot.context import Context, Refused
from bot.effects.perform import perform
from bot.effects.push import BOT, push
from bot.effects.status import order_status
from bot.engine.propose import Proposal, uncollected
from bot.forges import NotMerged
from bot.gather.requests import MARKER
from bot.gather.snapshot import Gathered
from bot.git import BranchUpdate, NewCommit
from bot.metrics.catalogue import EFFECTS_DONE, MERGES, PUSHES, label_of
from bot.store.audit import AuditEntry
from bot.tracing import trace_id, traced_effect
from bot.wording import merge_requests as words
from bot.wording.diffs import Blobs, DiffReader, diffs_of
from planners.gating.change_sets import ChangeSet
from planners.gating.declared_gates import actions_of
from planners.gating.effects import (
    AskGate,
    CloseMergeRequest,
    Effect,
    Merge,
    OpenMergeRequest,
    PushBranch,
    RequeueAt,
    SetOrderStatus,
    UpdateMergeRequest,
)

AFTER_REFUSAL = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=10)
MOST_DOUBLINGS = 6
STALE = "stale:"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Applied:
    """`changed`: the world moved, so another pass is due now; `requeue_at`: one is due then."""

    changed: bool
    requeue_at: datetime | None


@dataclass(frozen=True, slots=True)
class Writing:
    """One pass of writing for one application; `reader` compares files for all its waves."""

    context: Context
    gathered: Gathered
    proposal: Proposal
    reader: DiffReader


async def apply(context: Context, gathered: Gathered, proposal: Proposal) -> Applied:
    """Perform a proposal's effects: all pushes as one, then the rest in their order."""
    writing = Writing(context, gathered, proposal, DiffReader(_Blobs(gathered, proposal)))
    effects = proposal.evaluation.effects
    pushes = [effect for effect in effects if isinstance(effect, PushBranch)]
    known = dict(context.refused_branches)
    refused = await _push(writing, pushes)
    told = context.refused_branches != known
    changed, requeue_at = told or len(refused) < len(pushes), None
    if refused:
        requeue_at = context.clock() + AFTER_REFUSAL
    for effect in effects:
        if isinstance(effect, OpenMergeRequest) and effect.branch in refused:
            continue
        done = await _perform(writing, effect)
        changed = changed or done is True
        if isinstance(done, datetime):
            requeue_at = min(done, requeue_at or done)
    return Applied(changed, requeue_at)


async def _perform(writing: Writing, effect: Effect) -> bool | datetime:
    """Do one effect; whether the world moved, or when to look at it again."""
    match effect:
        case PushBranch() | AskGate():
            return False  # performed before, all of a kind together
        case RequeueAt(at):
            return at
        case SetOrderStatus():
            return await _set_order(writing, effect) or False
        case OpenMergeRequest() | UpdateMergeRequest() | CloseMergeRequest() | Merge():
            name = label_of(effect)
            counted = writing.context.metrics.counted(EFFECTS_DONE, effect=name, outcome="failed")
            with counted as told, traced_effect(name, writing.context.clock, told):
                changed = await _write(writing, effect)
                told["outcome"] = "done"
            return changed
        case unreachable:
            assert_never(unreachable)


async def _write(
    writing: Writing, effect: OpenMergeRequest | UpdateMergeRequest | CloseMergeRequest | Merge
) -> bool:
    match effect:
        case OpenMergeRequest():
            return await _open(writing, effect)
        case UpdateMergeRequest():
            return await _update(writing, effect)
        case CloseMergeRequest():
            return await _close(writing, effect)
        case Merge():
            return await _merge(writing, effect)
        case unreachable:
            assert_never(unreachable)


async def _push(writing: Writing, pushes: Sequence[PushBranch]) -> set[str]:
    """Write one commit for each branch and push them together; the branches that were refused."""
    if not pushes:
        return set()
    context, deploy = writing.context, writing.gathered.deploy
    written = await asyncio.to_thread(_commit, writing, pushes)
    updates = {each.branch: BranchUpdate(written[each.branch], each.expected) for each in pushes}
    with traced_effect("push", context.clock, {"branches": len(updates)}):
        outcome = await push(context, deploy, updates)
    entries: list[AuditEntry] = []
    for each in pushes:
        refused, key = outcome[each.branch], (deploy.repo, each.branch)
        context.refused_branches.pop(key, None)
        stale = refused is not None and refused.startswith(STALE)
        told = "pushed" if refused is None else "stale" if stale else "refused"
        context.metrics.count(PUSHES, outcome=told)
        if refused is not None and not stale:
            context.refused_branches[key] = refused
            log.warning("not pushed", branch=each.branch, reason=refused)
        entries.append(_entry(writing, "push", each.change, branch=each.branch, refused=refused))
    await asyncio.to_thread(context.store.audit.append, *entries)
    return {branch for branch, refusal in outcome.items() if refusal is not None}


@uncollected()
def _commit(writing: Writing, pushes: Sequence[PushBranch]) -> dict[str, str]:
    """Each branch's one commit: the same inputs give the same commit id, after any crash."""
    proposal, app = writing.proposal, writing.gathered.app
    at = app.mirror.commit_info(proposal.plan.revision.sha).at
    commits = [
        NewCommit(
            each.base,
            {file.path: proposal.contents[file.new] if file.new else None for file in change.files},
            words.commit_message(proposal.plan, proposal.digest, change, _actions(writing, change)),
            BOT,
            at,
        )
        for each in pushes
        for change in [each.change]
    ]
    ids = writing.gathered.deploy.mirror.commits(commits)
    return dict(zip((each.branch for each in pushes), ids, strict=True))


async def _open(writing: Writing, effect: OpenMergeRequest) -> bool:
    """Open it; one of ours that is there and lost its mark gets it again."""
    deploy = writing.gathered.deploy
    title, body = await _describe(writing, effect.change)
    context, path = writing.context, deploy.repo.path
    forge, target = context.forge(deploy.repo), deploy.info.default_branch
    opened = await forge.open_merge_request(
        path, branch=effect.branch, target=target, title=title, body=body
    )
    marked = context.markers.read(MARKER, deploy.repo, opened.body) is not None
    if not marked and opened.author.id == (await forge.me()).id:
        await forge.update_merge_request(path, opened.number, title=title, body=body)
    await _audit(writing, "open", effect.change, number=opened.number)
    return True


async def _update(writing: Writing, effect: UpdateMergeRequest) -> bool:
    deploy = writing.gathered.deploy
    title, body = await _describe(writing, effect.change)
    await writing.context.forge(deploy.repo).update_merge_request(
        deploy.repo.path, effect.number, title=title, body=body
    )
    await _audit(writing, "update", effect.change, number=effect.number)
    return True


def _actions(writing: Writing, change: ChangeSet) -> tuple[str, ...]:
    """What a wave does to its units."""
    return actions_of(writing.gathered.snapshot.base, writing.proposal.plan, change)


async def _describe(writing: Writing, change: ChangeSet) -> tuple[str, str]:
    """Title and body of a wave's merge request."""
    context, proposal = writing.context, writing.proposal
    repo = writing.gathered.deploy.repo
    payload = {
        "application": proposal.plan.application,
        "wave": change.wave.name,
        "digest": change.digest,
    }
    home = writing.gathered.app_request
    links = f"[Status page]({context.page(proposal.plan.application)})."
    if home is not None:
        sign = context.forge(writing.gathered.app.repo).number_prefix
        links += f" It comes from [{home.source_repository}{sign}{home.number}]({home.url})."
    diffs = await asyncio.to_thread(diffs_of, [change], writing.reader.blobs, writing.reader)
    text = words.body(
        proposal.plan,
        proposal.digest,
        change,
        diffs,
        links=links,
        marker=context.markers.write(MARKER, repo, payload),
    )
    return words.title(proposal.plan, change), text


class _Blobs(dict[str, bytes]):
    """The bytes of blobs that changes name: new ones from the plan, old ones read when needed."""

    def __init__(self, gathered: Gathered, proposal: Proposal) -> None:
        super().__init__()
        self._contents = proposal.contents
        self._mirror = gathered.deploy.mirror

    def __missing__(self, name: str) -> bytes:
        found = self._contents.get(name)
        return self.setdefault(name, self._mirror.blob(name) if found is None else found)


def blobs_of(gathered: Gathered, proposal: Proposal, changes: Sequence[ChangeSet]) -> Blobs:
    """The bytes of every blob the changes name: new ones from the plan, old ones from Git."""
    found, mirror = _Blobs(gathered, proposal), gathered.deploy.mirror
    old = {file.old for change in changes for file in change.files if file.old}
    found.update({name: mirror.blob(name) for name in old})
    return found


async def _close(writing: Writing, effect: CloseMergeRequest) -> bool:
    repo = writing.gathered.deploy.repo
    await writing.context.forge(repo).set_merge_request_state(
        repo.path, effect.number, state="closed"
    )
    return True


async def _set_order(writing: Writing, effect: SetOrderStatus) -> datetime | None:
    repo, known = writing.gathered.deploy.repo, writing.gathered.statuses
    page = writing.context.page(writing.proposal.plan.application)
    found = order_status(repo, effect.head, effect.gates, page, known.get(effect.head, ()))
    return await perform(writing.context, found)


async def _merge(writing: Writing, effect: Merge) -> bool:
    """Merge; after a refusal the next try comes later each time, or when the forge says otherwise.

    Either way another pass is due now: it sees what the merge brought, or says what was refused. A
    refused merge request is not the world's last word: rules of its own, a queue, a moved base.
    """
    context, proposal, deploy = writing.context, writing.proposal, writing.gathered.deploy
    message = words.merge_message(
        proposal.plan,
        proposal.digest,
        effect.change,
        _actions(writing, effect.change),
        effect.number,
    )
    outcome = await context.forge(deploy.repo).merge(
        deploy.repo.path,
        effect.number,
        head=effect.head,
        message=message,
        method=effect.method,
    )
    refused = outcome.reason if isinstance(outcome, NotMerged) else None
    await _audit(writing, "merge", effect.change, number=effect.number, refused=refused)
    context.metrics.count(MERGES, outcome="merged" if refused is None else "refused")
    key = (deploy.repo, effect.number)
    if refused is None:
        context.refusals.pop(key, None)
        return True
    log.warning("not merged", number=effect.number, reason=refused)
    now = await context.forge(deploy.repo).merge_request(deploy.repo.path, effect.number)
    times = context.refusals[key].times + 1 if key in context.refusals else 0
    until = context.clock() + min(AFTER_REFUSAL * 2 ** min(times, MOST_DOUBLINGS), LONGEST_WAIT)
    context.refusals[key] = Refused(now.head, now.mergeable, refused, times, until)
    return True


async def _audit(
    writing: Writing, kind: str, change: ChangeSet, **fields: str | int | None
) -> None:
    entry = _entry(writing, kind, change, **fields)
    await asyncio.to_thread(writing.context.store.audit.append, entry)


def _entry(
    writing: Writing, kind: str, change: ChangeSet, **fields: str | int | None
) -> AuditEntry:
    """What the audit log keeps of an effect, which is logged here."""
    facts = {"wave": change.wave.name, "digest": change.digest, **fields}
    if change.ruled.rules:
        facts["rules"] = words.rules_text(writing.proposal.plan, change)
    plan = writing.proposal.plan
    log.info(
        "effect",
        effect=kind,
        application=plan.application,
        revision=plan.revision.sha,
        trace_id=trace_id(plan.application, plan.revision.sha),
        wave=change.wave.name,
        **fields,
    )
    return AuditEntry(writing.context.clock(), kind, f"application/{plan.application}", facts)
