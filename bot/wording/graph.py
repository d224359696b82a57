"""The waves as a Mermaid flowchart: what merges after what.

Source: the Mermaid documentation, "Flowcharts - Basic Syntax" (labels in quotes, entity codes such
as `#35;`). Node names are ours (`w0`), since words such as `end` break a chart.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from bot.wording.markdown import fence, plural
from bot.wording.reasons import STATE_NAMES
from planners.gating.evaluate import WaveStatus
from planners.model import Application
from planners.order import Wave

MOST_WAVES = 12
MOST_NODES = 40
MOST_LABEL = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._:,/()+-]")

Edge = tuple[int, int]


def graph(application: Application, wave_statuses: Sequence[WaveStatus], *, preview: bool) -> str:
    """A chart of all waves, or of all steps where there are many; nothing for a single wave."""
    if len(wave_statuses) < 2:  # noqa: PLR2004 - one node is no graph
        return ""
    if len(wave_statuses) <= MOST_WAVES:
        labels = [_label(each, preview=preview) for each in wave_statuses]
        edges = _edges(application, [each.change.wave for each in wave_statuses])
    else:
        labels = _steps(wave_statuses, preview=preview)
        edges = [(index, index + 1) for index in range(len(labels) - 1)]
    lines = [f'  w{index}["{safe(label)}"]' for index, label in enumerate(labels)]
    lines += [f"  w{one} --> w{other}" for one, other in edges]
    return fence("\n".join(["flowchart LR", *lines]), "mermaid")


def _label(wave_status: WaveStatus, *, preview: bool) -> str:
    return f"{wave_status.change.wave.name}: {_state(wave_status, preview=preview)}"


def _state(wave_status: WaveStatus, *, preview: bool) -> str:
    if preview:
        return "to merge" if wave_status.is_left else "no change"
    return STATE_NAMES[wave_status.state]


def safe(label: str) -> str:
    """A label that nothing in it can end, and that is not too long."""
    shown = label if len(label) <= MOST_LABEL else f"{label[: MOST_LABEL - 3]}..."
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", shown)


def _steps(wave_statuses: Sequence[WaveStatus], *, preview: bool) -> list[str]:
    """One label for each step, with the number of its waves in each state; the last are counted."""
    by_step: dict[tuple[int, str], list[str]] = {}
    for each in wave_statuses:
        label = each.change.wave.name.rpartition(".")[0]
        state = _state(each, preview=preview)
        by_step.setdefault((each.change.wave.step, label), []).append(state)
    labels = [f"{label}: {_count_states(states)}" for (_, label), states in by_step.items()]
    if len(labels) <= MOST_NODES:
        return labels
    more = len(labels) - MOST_NODES + 1
    return [*labels[: MOST_NODES - 1], f"{plural(more, 'more step')}"]


def _count_states(states: Sequence[str]) -> str:
    found = {each: states.count(each) for each in states}
    return ", ".join(f"{count} {state}" for state, count in found.items())


def _edges(application: Application, waves: Sequence[Wave]) -> list[Edge]:
    """The waves that a wave needs in its own step, or else the last waves of the step before."""
    needs = {
        part.name: {need.component for need in part.depends_on if need.application is None}
        for part in application.components
    }
    inside: dict[int, set[int]] = {}
    every: dict[int, set[int]] = {}
    for index in range(len(waves)):
        direct = _needed(index, waves, needs)
        through = {far for near in direct for far in every[near]}
        inside[index], every[index] = direct - through, direct | through
    edges = {(one, index) for index, ones in inside.items() for one in ones}
    ends = _ends(waves, edges)
    for index, wave in enumerate(waves):
        before = [step for step in ends if step < wave.step]
        if not inside[index] and before:
            edges |= {(end, index) for end in ends[max(before)]}
    return sorted(edges)


def _ends(waves: Sequence[Wave], edges: Iterable[Edge]) -> dict[int, list[int]]:
    """The waves of each step that none of the same step waits for."""
    awaited = {one for one, _ in edges}
    found: dict[int, list[int]] = {}
    for index, wave in enumerate(waves):
        if index not in awaited:
            found.setdefault(wave.step, []).append(index)
    return found


def _needed(index: int, waves: Sequence[Wave], needs: Mapping[str, set[str]]) -> set[int]:
    """The earlier waves of its step that a wave waits for.

    A removal takes dependants away first: each waits for the one before it.
    """
    wave = waves[index]
    peers = [other for other in range(index) if waves[other].step == wave.step]
    if wave.removal:
        return set(peers[-1:])
    wanted = {name for unit in wave.units for name in needs.get(unit.component, ())}
    return {other for other in peers if wanted & {unit.component for unit in waves[other].units}}
