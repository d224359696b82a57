"""How far a rollout is, in what metrics need of it: its state, times, and what it waits for."""

from collections.abc import Iterable

from bot.report.model import (
    GateView,
    ProgressView,
    RolloutState,
    RolloutView,
    WaitView,
    WaveProgressView,
)
from planners.gating.evaluate import WaveState


def progress(view: RolloutView, before: ProgressView | None) -> ProgressView:
    """The progress after a pass; `before` is that after the previous one.

    A revision begins anew: what it replaced was never done. So does a rollout of the same revision
    that was done, as when the fleet changed.
    """
    state, now = _state(view), view.at
    begun = (
        before is not None
        and before.revision == view.revision
        and (before.state not in {"done", "idle"} or state == "done")
    )
    since, failed = now, False
    if before is not None and begun:
        since, failed = before.since, before.failed
    failing = state == "failing"
    still = before.failing_since if before is not None else None
    return ProgressView(
        state=state,
        revision=view.revision,
        at=now,
        since=since,
        failed=failed or failing,
        failing_since=(still or now) if failing else None,
        waits=_waits(gate for wave in view.waves for gate in wave.gates),
        waves=_waves(view, before if begun else None),
    )


def _state(view: RolloutView) -> RolloutState:
    if view.problems:
        return "invalid"
    if not view.revision:
        return "idle"
    if view.done:
        return "done"
    return "failing" if any(wave.failing for wave in view.waves) else "progressing"


def _waves(view: RolloutView, before: ProgressView | None) -> dict[str, WaveProgressView]:
    """The waves that are not done."""
    found: dict[str, WaveProgressView] = {}
    for wave in view.waves:
        if wave.state is not WaveState.DONE:
            known = before.waves.get(wave.name) if before is not None else None
            merged = known.merged if known is not None else None
            if wave.state is WaveState.SETTLING:
                merged = merged or view.at
            found[wave.name] = WaveProgressView(known.since if known else view.at, merged)
    return found


def _waits(gates: Iterable[GateView]) -> dict[str, WaitView]:
    """The gates by the name of their class, the first word of their kind."""
    found: dict[str, WaitView] = {}
    for gate in gates:
        name = gate.kind.partition(" ")[0]
        known = found.get(name, WaitView(0, gate.since))
        found[name] = WaitView(known.count + 1, min(known.since, gate.since))
    return found
