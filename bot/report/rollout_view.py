"""The view of a rollout: made again at the end of every pass."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.context import Context
from bot.documents.application import FILE, read_application
from bot.engine.propose import Proposal, uncollected
from bot.gather.repository import Checkout
from bot.gather.snapshot import Gathered
from bot.report.model import (
    GateView,
    MergeRequestView,
    PendingUnitView,
    RolloutView,
    UnitState,
    UnitView,
    WaveView,
)
from bot.wording.headline import headline, needs_person, stopping
from bot.wording.needs import ORDER
from bot.wording.reasons import not_ready_text, reason, remedy
from bot.wording.rules import state_lines
from bot.wording.waves import waits_for, what_changes
from planners.gating.evaluate import Evaluation, WaveState, WaveStatus
from planners.gating.readiness import stale_at
from planners.model import Readiness, Unit
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsStep,
    Frozen,
    Gate,
    HeldByCommand,
    NotReadyReason,
    PausedByCommand,
)
from planners.model.snapshot import Snapshot

MERGED = {WaveState.SETTLING, WaveState.DONE}
NO_DOCUMENTS = str(read_application({}, None, None).problems[0])
NO_PLAN = "no plan"
NOT_MERGED = "its first wave is not merged yet"
NO_REPORT = "no report for the merged revision"
NOT_STARTED = f"the default branch has no {FILE}; open merge requests show their plans"
STATES: dict[Readiness, UnitState] = {
    Readiness.READY: "READY",
    Readiness.PROGRESSING: "PROGRESSING",
    Readiness.STALLED: "STALLED",
    Readiness.UNKNOWN: "UNKNOWN",
}


@uncollected()
def rollout_view(context: Context, gathered: Gathered, proposal: Proposal) -> RolloutView:
    """The view after a pass. Gates count as seen first now: see `carry_over`."""
    snapshot, plan = gathered.snapshot, proposal.plan
    home, now = gathered.app_request, _to_seconds(snapshot.now)
    holds = bool(stopping(proposal))
    return RolloutView(
        application=plan.application,
        tenant=snapshot.application.tenant,
        headline=NO_PLAN if proposal.problems else str(headline(proposal, preview=False)),
        done=proposal.evaluation.done and not proposal.problems,
        digest=proposal.digest,
        revision=plan.revision.sha,
        app=str(plan.revision.repo),
        fleet_revision=plan.fleet_revision.sha,
        deploy=str(plan.deploy),
        home=MergeRequestView(home.number, home.url) if home else None,
        problems=tuple(str(problem) for problem in proposal.problems),
        waves=wave_views(proposal.evaluation, now, holds=holds),
        units=unit_views(snapshot, proposal.evaluation, plan.units),
        report_max_ages={
            name: snapshot.max_report_age(name)
            for name in sorted({unit.cluster for unit in plan.units})
        },
        at=now,
        rules=tuple(state_lines(snapshot.rule_states)),
        holds=holds,
        can_roll_back=proposal.evaluation.can_roll_back,
        rolls_back=plan.restores is not None,
        committed=gathered.app.mirror.commit_info(plan.revision.sha).at,
        app_commits=_commits(context, gathered.app),
        deploy_commits=_commits(context, gathered.deploy),
    )


def _commits(context: Context, checkout: Checkout) -> str:
    return f"{checkout.info.web_url}{context.forge(checkout.repo).commit_path}"


def problem_view(application: str, problems: Sequence[str], now: datetime) -> RolloutView:
    """The view of an application that cannot be planned.

    A default branch without `switchyard.yaml` is no mistake and has no problems: the application
    has not started yet.
    """
    started = [*problems] != [NO_DOCUMENTS]
    return RolloutView(
        application=application,
        headline=NO_PLAN if started else NOT_STARTED,
        done=False,
        problems=tuple(problems) if started else (),
        at=_to_seconds(now),
    )


def wave_views(
    evaluation: Evaluation, now: datetime, *, holds: bool = False
) -> tuple[WaveView, ...]:
    """The waves of a plan; gates count as seen first now.

    If it `holds`, the waves that wait for what failed ask nobody: the failure is told once.
    """
    return tuple(_wave(status, now, holds=holds) for status in evaluation.wave_statuses)


def _wave(status: WaveStatus, now: datetime, *, holds: bool) -> WaveView:
    wave, request = status.change.wave, status.merge_request
    return WaveView(
        name=wave.name,
        state=status.state,
        step=wave.step,
        level=wave.level,
        failing=sum(each.reason is NotReadyReason.REPAIR for each in status.pending),
        components=tuple(sorted({unit.component for unit in wave.units})),
        clusters=tuple(sorted({unit.cluster for unit in wave.units})),
        changes=what_changes(status),
        digest=status.change.digest,
        merge_request=MergeRequestView(request.number, request.url) if request else None,
        gates=tuple(_gate(gate, now, holds=holds) for gate in status.gates),
        pending=tuple(
            PendingUnitView(str(each.unit), str(not_ready_text(each))) for each in status.pending
        ),
        waits_for=str(waits_for(status)) if status.gates else "",
    )


def _gate(gate: Gate, now: datetime, *, holds: bool) -> GateView:
    return GateView(
        _kind(gate),
        str(reason(gate)),
        str(remedy(gate)),
        now,
        person=needs_person(gate) and not (holds and isinstance(gate, ORDER)),
        who=_who(gate),
    )


def _who(gate: Gate) -> tuple[str, ...]:
    """The users and teams who can clear it, where only they can."""
    match gate:
        case AwaitsApproval(users=users, given=given):
            return tuple(each for each in users if each not in given)
        case HeldByCommand(by=by) | PausedByCommand(by=by):
            return (by,)
        case _:
            return ()


def _kind(gate: Gate) -> str:
    name = type(gate).__name__
    match gate:
        case AwaitsDependency(component=component, dependency=dependency):
            return f"{name} {component} {dependency}"
        case AwaitsStep(step=about) | Frozen(name=about) | AwaitsApproval(reason=about):
            return f"{name} {about}"
        case _:
            return name


def carry_over(view: RolloutView, before: RolloutView | None) -> RolloutView:
    """The view with what only the view of the previous pass knows.

    That is the time at which each gate was first seen closed for the same change, at which it
    stopped, and the merge requests of merged waves. Without a previous view, times begin anew and
    merged waves have no merge request.
    """
    view = replace(view, stopped_since=_stopped_since(view, before))
    if before is None:
        return view
    requests = {wave.name: wave.merge_request for wave in before.waves if _was_merging(wave)}
    since = {(wave.digest, gate.kind): gate.since for wave in before.waves for gate in wave.gates}
    return replace(view, waves=tuple(_carry_over(wave, requests, since) for wave in view.waves))


def _stopped_since(view: RolloutView, before: RolloutView | None) -> datetime | None:
    if not (view.holds or view.problems):
        return None
    same = before and before.holds == view.holds and bool(before.problems) == bool(view.problems)
    return (before.stopped_since if before and same else None) or view.at


def _carry_over(
    wave: WaveView,
    requests: dict[str, MergeRequestView | None],
    since: dict[tuple[str, str], datetime],
) -> WaveView:
    request = wave.merge_request
    if wave.state in MERGED and request is None:
        request = requests.get(wave.name)
    gates = tuple(
        replace(gate, since=since.get((wave.digest, gate.kind), gate.since)) for gate in wave.gates
    )
    return replace(wave, merge_request=request, gates=gates)


def _was_merging(wave: WaveView) -> bool:
    """Whether the merge request that a wave had is the one it was merged by."""
    return wave.state in MERGED or (wave.state is WaveState.MERGING and not wave.gates)


def unit_views(
    snapshot: Snapshot, evaluation: Evaluation, planned: Iterable[Unit]
) -> tuple[UnitView, ...]:
    """What should run, and what runs until its removal is merged, sorted."""
    removals = (each.change for each in evaluation.wave_statuses if each.change.wave.removal)
    leaving = {unit for change in removals for unit in change.units}
    return tuple(_unit(snapshot, unit) for unit in sorted({*planned, *leaving}))


def _unit(snapshot: Snapshot, unit: Unit) -> UnitView:
    """A unit that main has no file of is UNMERGED: no cluster can run it.

    Without a current report a merged unit is UNKNOWN. While an update waits, the unit keeps the
    readiness that its cluster reports for the revision that runs.
    """
    if unit not in snapshot.base.entries:
        return UnitView(unit.component, unit.cluster, "UNMERGED", NOT_MERGED, "", "")
    seen, revision, at = snapshot.observations.get(unit), "", ""
    if seen is not None:
        revision, at = seen.revision, _to_seconds(seen.at).isoformat()
        if seen.current and snapshot.now < stale_at(snapshot, unit, seen):
            state = STATES[seen.readiness]
            return UnitView(unit.component, unit.cluster, state, seen.message, revision, at)
    message = snapshot.cluster_failure(unit.cluster) or NO_REPORT
    return UnitView(unit.component, unit.cluster, "UNKNOWN", message, revision, at)


def _to_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
