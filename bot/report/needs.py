"""What waits for a person, found in a rollout's view: the same list on every page."""

from collections.abc import Iterable, Iterator, Sequence

from bot.report.model import GateView, NeedView, RolloutView, WaveView
from bot.wording.markdown import plural

ORDER = ("AwaitsDependency", "AwaitsStep", "AwaitsReplacement")
REPAIR = "when the clusters report Ready, or the cluster is skipped, or a new revision is merged"
MISTAKE = "when the documents are corrected"
CANCELLED = "Cancelled"


def needs_of(view: RolloutView) -> tuple[NeedView, ...]:
    """What a rollout needs of people, what is due first."""
    if view.problems:
        return (NeedView((), view.problems[0], MISTAKE, view.at, due=True, request=view.home),)
    found = [*_failing(view), *gate_needs(view.waves, failing=view.holds)]
    return tuple(sorted(found, key=lambda each: not each.due))


def _failing(view: RolloutView) -> Iterator[NeedView]:
    """Clusters that failed, while nothing else makes the rollout go on."""
    waves = [wave for wave in view.waves if wave.failing]
    if view.holds and waves:
        count = sum(wave.failing for wave in waves)
        verb = "reports" if count == 1 else "report"
        reason = f"{plural(count, 'component')} {verb} a failure: {_messages(waves)}"
        names = tuple(wave.name for wave in waves)
        yield NeedView(names, reason, REPAIR, view.at, due=True, request=view.home)


def _messages(waves: Iterable[WaveView]) -> str:
    """The first unit that is not ready, and why."""
    pending = next((each for wave in waves if wave.failing for each in wave.pending), None)
    return f"{pending.unit}: {pending.reason}" if pending else "see the clusters"


def gate_needs(waves: Sequence[WaveView], *, failing: bool = False) -> Iterator[NeedView]:
    """Gates that stay closed until a person acts, once for all waves that have the same one.

    With `failing`, gates that wait for what failed are left out: that is told once. Of a cancelled
    rollout nobody needs anything.
    """
    if any(gate.kind == CANCELLED for wave in waves for gate in wave.gates):
        return
    found: dict[tuple[str, tuple[str, ...]], list[tuple[WaveView, GateView]]] = {}
    for wave in waves:
        for gate in wave.gates:
            order = gate.kind.startswith(ORDER)
            if gate.person and not (failing and order):
                found.setdefault((gate.reason, gate.who), []).append((wave, gate))
    for (reason, who), same in found.items():
        turn = [each for each in same if all(gate.person for gate in each[0].gates)]
        wave, gate = (turn or same)[0]
        names = dict.fromkeys((wave.name, *(each.name for each, _ in same)))
        yield NeedView(
            tuple(names), reason, gate.remedy, gate.since, bool(turn), who, wave.merge_request
        )


def concerns(need: NeedView, login: str) -> bool:
    """Whether it can be that user's to act: named, or nobody is, or a team that may have him."""
    names = [name.casefold() for name in need.who]
    return not names or login.casefold() in names or any("/" in name for name in names)
