"""What waits for a person, found in a rollout's view: the same list on every page."""

from collections.abc import Iterator, Sequence

from bot.report.model import GateView, NeedView, RolloutHead, WaveView
from bot.wording.markdown import plural

REPAIR = "when the clusters report Ready, or the cluster is skipped, or a new revision is merged"
ROLL_BACK = ", or this one is rolled back"
MISTAKE = "when the documents are corrected"
CANCELLED = "Cancelled"
PEOPLE, MINE = "people", "me"
"""Filters of pages: what waits for anybody, and for the visitor."""


def needs_of(view: RolloutHead) -> tuple[NeedView, ...]:
    """What a rollout needs of people, what is due first."""
    if view.problems:
        since = view.stopped_since or view.at
        return (NeedView((), view.problems[0], MISTAKE, since, due=True, request=view.home),)
    found = [*_failing(view), *gate_needs(view.waves)]
    return tuple(sorted(found, key=lambda each: not each.due))


def _failing(view: RolloutHead) -> Iterator[NeedView]:
    """Clusters that failed, while nothing else makes the rollout go on."""
    waves = [wave for wave in view.waves if wave.failing]
    if view.holds and waves:
        names, since = tuple(wave.name for wave in waves), view.stopped_since or view.at
        remedy = REPAIR + ROLL_BACK if view.can_roll_back else REPAIR
        yield NeedView(names, _failure(waves), remedy, since, due=True, request=view.home)


def _failure(waves: Sequence[WaveView]) -> str:
    """The first unit that failed and why, and how many more there are."""
    more = sum(wave.failing for wave in waves) - 1
    others = f", and {plural(more, 'other component')} failed" if more else ""
    pending = next((each for wave in waves for each in wave.pending), None)
    if pending is None:
        return f"{plural(more + 1, 'component')} failed: see the clusters"
    return f"{pending.unit.rpartition('@')[2]}: {pending.reason}{others}"


def gate_needs(waves: Sequence[WaveView]) -> Iterator[NeedView]:
    """Gates that stay closed until a person acts, once for all waves that have the same one.

    Of a cancelled rollout nobody needs anything.
    """
    if any(gate.kind == CANCELLED for wave in waves for gate in wave.gates):
        return
    found: dict[tuple[str, tuple[str, ...]], list[tuple[WaveView, GateView]]] = {}
    for wave in waves:
        for gate in wave.gates:
            if gate.person:
                found.setdefault((gate.reason, gate.who), []).append((wave, gate))
    for (reason, who), same in found.items():
        turn = [each for each in same if all(gate.person for gate in each[0].gates)]
        wave, gate = (turn or same)[0]
        names = dict.fromkeys((wave.name, *(each.name for each, _ in same)))
        yield NeedView(
            tuple(names), reason, gate.remedy, gate.since, bool(turn), who, wave.merge_request
        )


def concerns(need: NeedView | GateView, login: str) -> bool:
    """Whether it can be that user's to act: named, or nobody is, or a team that may have him."""
    names = [name.casefold() for name in need.who]
    return not names or login.casefold() in names or any("/" in name for name in names)
