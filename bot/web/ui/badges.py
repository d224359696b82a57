"""The words and colours of states, the same on every page."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.report.history import Outcome
from bot.report.model import RolloutHead, SummaryView, UnitCounts, WaveView
from bot.web.ui.fleet import ClusterState
from planners.gating.evaluate import WaveState


@dataclass(frozen=True, slots=True)
class Badge:
    """A word with a class of the style sheet: good, wait, ask, bad or idle."""

    style: str
    text: str


WAVES: Mapping[str, Badge] = {
    "done": Badge("good", "ready"),
    "settling": Badge("wait", "merged"),
    "merging": Badge("wait", "merging"),
    "people": Badge("ask", "needs people"),
    "waiting": Badge("idle", "waiting"),
    "cancelled": Badge("idle", "cancelled"),
    "failing": Badge("bad", "failing"),
}
CLUSTERS: Mapping[ClusterState, Badge] = {
    "READY": Badge("good", "ready"),
    "PROGRESSING": Badge("wait", "progressing"),
    "UNKNOWN": Badge("idle", "unknown"),
    "STALLED": Badge("bad", "stalled"),
    "UNMERGED": Badge("idle", "not merged yet"),
    "IDLE": Badge("idle", "no components"),
}


OUTCOMES: Mapping[Outcome, Badge] = {
    "under way": Badge("wait", "under way"),
    "rolled out": Badge("good", "rolled out"),
    "rolled back": Badge("bad", "rolled back"),
    "replaced": Badge("idle", "replaced"),
}


def wave_state(wave: WaveView) -> str:
    """A key of `WAVES`: its state, failing while a cluster reports a failure, or people's turn."""
    if wave.failing:
        return "failing"
    waits = wave.state is WaveState.WAITING and bool(wave.gates)
    if waits and all(gate.person for gate in wave.gates):
        return "people"
    return wave.state.value


def rollout_badge(view: RolloutHead | SummaryView, totals: UnitCounts) -> Badge:
    """How far a rollout is."""
    if view.done:
        return Badge("good", "rolled out")
    if view.problems:
        return Badge("bad", "no plan")
    if not view.revision:
        return Badge("idle", "not started")
    return Badge("bad", "failing") if totals["STALLED"] else Badge("wait", "in progress")
