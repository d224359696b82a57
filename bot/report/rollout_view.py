"""What the pages show, kept in the database as a cache: made anew at the end of every pass."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.documents.application import FILE, read_application
from bot.engine.propose import Proposal
from bot.gather.snapshot import Gathered
from bot.report.summary_view import UNMERGED
from bot.wording.comment import headline
from bot.wording.diffs import counts
from bot.wording.reasons import not_ready_text, reason, remedy
from planners.gating.evaluate import Evaluation, WaveState, WaveStatus
from planners.gating.readiness import max_report_age, stale_at
from planners.model import Json, Unit
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsStep,
    Frozen,
    Gate,
    NotReadyReason,
)
from planners.model.snapshot import Snapshot

MERGED = {WaveState.SETTLING, WaveState.DONE}
ABSENT = str(read_application({}, None, None)[1][0])
NOTHING = (
    f"nothing is merged yet: the default branch has no {FILE}; open merge requests show their plans"
)


def rollout_view(gathered: Gathered, proposal: Proposal) -> dict[str, Json]:
    """One application's rollout as the page and the programming interface show it."""
    snapshot, plan = gathered.snapshot, proposal.plan
    home = gathered.app_request
    return {
        "application": plan.application,
        "tenant": snapshot.application.tenant,
        "headline": headline(proposal, preview=False) if not proposal.problems else "no plan",
        "done": proposal.evaluation.done and not proposal.problems,
        "digest": proposal.digest,
        "revision": plan.revision.sha,
        "app": str(plan.revision.repo),
        "fleet_revision": plan.fleet_revision.sha,
        "deploy": str(plan.deploy),
        "home": {"number": home.number, "url": home.url} if home else None,
        "problems": [str(problem) for problem in proposal.problems],
        "waves": [_wave(wave_status) for wave_status in proposal.evaluation.wave_statuses],
        "units": units_view(snapshot, proposal.evaluation, plan.units),
        "report_max_age": max_report_age(snapshot).total_seconds(),
        "at": _time(snapshot.now),
    }


def problem_view(application: str, problems: Sequence[str], now: datetime) -> dict[str, Json]:
    """An application that cannot be planned, and why.

    Where the default branch has no `switchyard.yaml` nobody made a mistake: none is told.
    """
    begun = [*problems] != [ABSENT]
    return {
        "application": application,
        "headline": "no plan" if begun else NOTHING,
        "done": False,
        "problems": [*problems] if begun else [],
        "at": _time(now),
    }


def _wave(wave_status: WaveStatus) -> Json:
    wave, request = wave_status.change.wave, wave_status.merge_request
    return {
        "name": wave.name,
        "state": wave_status.state.value,
        "step": wave.step,
        "level": wave.level,
        "failing": sum(each.reason is NotReadyReason.REPAIR for each in wave_status.pending),
        "components": [*sorted({unit.component for unit in wave.units})],
        "clusters": [*sorted({unit.cluster for unit in wave.units})],
        "changes": counts(wave_status.change),
        "digest": wave_status.change.digest,
        "merge_request": {"number": request.number, "url": request.url} if request else None,
        "gates": [_gate(gate) for gate in wave_status.gates],
        "pending": [
            {"unit": str(each.unit), "reason": not_ready_text(each)} for each in wave_status.pending
        ],
    }


def _gate(gate: Gate) -> Json:
    return {"kind": _kind(gate), "reason": reason(gate), "remedy": remedy(gate), "since": ""}


def _kind(gate: Gate) -> str:
    """What stays the same while a gate is closed, whatever clusters it waits for."""
    name = type(gate).__name__
    match gate:
        case AwaitsDependency(component=component, dependency=dependency):
            return f"{name} {component} {dependency}"
        case AwaitsStep(step=about) | Frozen(name=about) | AwaitsApproval(reason=about):
            return f"{name} {about}"
        case _:
            return name


def with_since(view: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The view, with the time at which each gate was first seen closed for this change.

    A merged wave keeps the merge request that it had when its turn came. `before` is the view of
    the pass before. Where that is lost, time begins anew and merged waves name no merge request.
    """
    requests = {
        wave["name"]: wave["merge_request"]
        for wave in before.get("waves", [])
        if wave["state"] in MERGED or (wave["state"] == WaveState.MERGING and not wave["gates"])
    }
    known = {
        (wave["digest"], gate.get("kind")): gate.get("since")
        for wave in before.get("waves", [])
        for gate in wave["gates"]
    }
    for wave in view.get("waves", []):
        if wave["state"] in MERGED:
            wave["merge_request"] = wave["merge_request"] or requests.get(wave["name"])
        for gate in wave["gates"]:
            gate["since"] = known.get((wave["digest"], gate["kind"])) or view["at"]
    return view


def units_view(snapshot: Snapshot, decision: Evaluation, planned: Iterable[Unit]) -> list[Json]:
    """What should run, and what runs until its removal is merged, sorted."""
    removals = (each.change for each in decision.wave_statuses if each.change.wave.removal)
    leaving = {unit for change in removals for unit in change.units}
    return [_unit(snapshot, unit) for unit in sorted({*planned, *leaving})]


def _unit(snapshot: Snapshot, unit: Unit) -> Json:
    """How one component stands on one cluster; a stale or missing report reads UNKNOWN.

    One of which main holds no file is UNMERGED: no cluster can run it. One that runs as an earlier
    revision has it, while its change waits, reads as its cluster reports it.
    """
    found: dict[str, Json] = {
        "component": unit.component,
        "cluster": unit.cluster,
        "readiness": "UNKNOWN",
        "message": "no report for the merged revision",
        "revision": "",
        "at": "",
    }
    if unit not in snapshot.base.entries:
        return found | {"readiness": UNMERGED, "message": "its first wave is not merged yet"}
    seen = snapshot.observations.get(unit)
    if seen is not None:
        found |= {"revision": seen.revision, "at": _time(seen.at)}
        if seen.current and snapshot.now < stale_at(snapshot, seen):
            found |= {"readiness": seen.readiness.value, "message": seen.message}
    return found


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
