"""Waves as tables: one row for each stage or batch, and every wave in a fold; closed gates.

A column in which every cell would be empty is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.engine.propose import Proposal
from bot.wording.diffs import counts, flags
from bot.wording.headline import needs_person
from bot.wording.markdown import code, columns, fold, link, natural, plural, table
from bot.wording.prose import NOTHING, Prose, join, names, say
from bot.wording.reasons import (
    STATE_NAMES,
    approval_rule,
    approvers,
    pending_clusters,
    reason,
    remedy,
    shown_gates,
)
from bot.wording.timetable import comes_after, earlier_step
from planners.gating.differences import ChangeKind
from planners.gating.evaluate import WaveState, WaveStatus
from planners.model.gates import (
    AwaitsAddress,
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Frozen,
    Gate,
    NotProposed,
    NotReadyReason,
    OutsideWindow,
)
from renderers.diff.risks import Risk

MOST_WAVES = 60
MOST_STEPS = 8
MOST_GATES = 50
FEW_CLUSTERS = 2
HEAD = ["wave", "merge request", "clusters", "changes", "risks", "state"]
PREVIEW_HEAD = ["wave", "clusters", "changes", "risks", "merges after"]
STEP_HEAD = ["stage", "clusters", "files", "state"]
PREVIEW_STEP_HEAD = ["stage", "clusters", "files", "merges"]


@dataclass(frozen=True, slots=True)
class WaveTableContext:
    """What the tables of waves show besides them: the risks of each, by its name.

    `after` says what each wave of a preview will merge after, `conditions` the same of its step.
    `sign` stands before the number of a merge request, as the forge writes it.
    """

    risks: Mapping[str, frozenset[Risk]]
    preview: bool
    sign: str = "!"
    after: Mapping[str, Prose] = field(default_factory=dict)
    conditions: Mapping[str, tuple[Prose, ...]] = field(default_factory=dict)


def table_context(
    proposal: Proposal, risks: Mapping[str, frozenset[Risk]], sign: str, *, preview: bool
) -> WaveTableContext:
    """The context for the waves of a proposal; previews with many waves do not say what is when."""
    wave_statuses = proposal.evaluation.wave_statuses
    if not preview or len(wave_statuses) > MOST_WAVES:
        return WaveTableContext(risks, preview, sign)
    after, conditions = {}, {}
    for each in wave_statuses:
        wave, required = each.change.wave, tuple(_required(each))
        found = comes_after(proposal.plan, proposal.application, wave)
        after[wave.name] = join("; ", [*found, *required])
        conditions[wave.name] = (*earlier_step(proposal.plan, wave), *required)
    return WaveTableContext(risks, preview, sign, after, conditions)


def _required(wave_status: WaveStatus) -> Iterator[Prose]:
    """What a wave requires besides earlier waves, as far as it is known before the merge."""
    for gate in wave_status.gates:
        if isinstance(gate, AwaitsApproval):
            yield say("approval by {} ({})", approvers(gate), approval_rule(gate))
        elif isinstance(gate, Frozen | OutsideWindow | AwaitsAddress):
            yield reason(gate)


def step_table(wave_statuses: Sequence[WaveStatus], context: WaveTableContext) -> str:
    """One row for each stage or batch that is not finished; the others are counted below."""
    rest, finished = list[list[WaveStatus]](), list[str]()
    for step in steps_of(wave_statuses):
        if all(_is_finished(each, context) for each in step):
            finished.append(label(step))
        else:
            rest.append(step)
    if not rest:
        return ""
    head = PREVIEW_STEP_HEAD if context.preview else STEP_HEAD
    parts = [columns(head, [_step_row(each, context) for each in rest[:MOST_STEPS]])]
    notes = []
    if len(rest) > MOST_STEPS:
        notes.append(f"{plural(len(rest) - MOST_STEPS, 'more stage')} to come")
    if finished:
        named = names(finished, MOST_STEPS).markdown()
        notes.append(f"{'no changes in' if context.preview else 'ready'}: {named}")
    return "\n\n".join([*parts, *([f"{'; '.join(notes)}."] if notes else [])])


def steps_of(wave_statuses: Sequence[WaveStatus]) -> list[list[WaveStatus]]:
    """The waves of each stage or batch, in order."""
    found: dict[tuple[int, str], list[WaveStatus]] = {}
    for each in wave_statuses:
        label = each.change.wave.name.rpartition(".")[0]
        found.setdefault((each.change.wave.step, label), []).append(each)
    return list(found.values())


def label(step: Sequence[WaveStatus]) -> str:
    """The name of a stage or batch; of a single wave its own."""
    name = step[0].change.wave.name
    return name if len(step) == 1 else name.rpartition(".")[0] or name


def _step_row(step: Sequence[WaveStatus], context: WaveTableContext) -> list[str]:
    clusters = natural({unit.cluster for each in step for unit in each.change.wave.units})
    few = len(clusters) <= FEW_CLUSTERS
    risks = (context.risks.get(each.change.wave.name, frozenset()) for each in step)
    about = [
        code(label(step)),
        names(clusters).markdown() if few else plural(len(clusters), "cluster"),
        " \u00b7 ".join(each for each in (_total(step), flags(frozenset().union(*risks))) if each),
    ]
    if context.preview:
        return [*about, _merges(step, context)]
    return [*about, _step_state(step, context.sign)]


def _total(step: Sequence[WaveStatus]) -> str:
    """The files of all its waves by kind of change."""
    kinds = {kind: sum(each.change.count(kind) for each in step) for kind in ChangeKind}
    found = [f"{count:,} {kind}" for kind, count in kinds.items() if count]
    waiting = ["more not known yet"] if any(each.awaits_address for each in step) else []
    return ", ".join([*found, *waiting])


def _merges(step: Sequence[WaveStatus], context: WaveTableContext) -> str:
    """When a step of a preview merges."""
    if not any(context.conditions.values()):
        return ""
    every = (
        each for status in step for each in context.conditions.get(status.change.wave.name, ())
    )
    found = join("; ", dict.fromkeys(every))
    return f"after {found.markdown()}" if found else "first"


def _in_turn(step: Sequence[WaveStatus]) -> list[WaveStatus]:
    """What is left of a step, first what nothing but people keep from merging."""
    return sorted((each for each in step if each.is_left), key=lambda each: not _is_persons(each))


def _step_state(step: Sequence[WaveStatus], sign: str) -> str:
    """How far a step is, and what the merge request of its next wave waits for."""
    left = _in_turn(step)
    if not left:
        pending = [unit for each in step for unit in each.pending]
        gate = next((gate for each in step for gate in each.gates), None)
        if pending:
            return f"merged; {pending_clusters(pending).markdown()}"
        return f"merged; {reason(gate).markdown()}" if gate else "ready"
    merged = sum(each.merged for each in step if not each.is_left)
    request = left[0].merge_request
    where = f"{link(f'{sign}{request.number}', request.url)} " if request else ""
    state = f"{where}{waits_for(left[0]).markdown()}"
    return f"{merged} of {merged + len(left)} merged; {state}" if merged else state


def _is_persons(wave_status: WaveStatus) -> bool:
    """Whether nothing but people keep it from merging."""
    return bool(wave_status.gates) and all(map(needs_person, wave_status.gates))


def waits_for(wave_status: WaveStatus) -> Prose:
    """What a wave that is not merged waits for, in a few words."""
    if wave_status.state is WaveState.CANCELLED:
        return say(STATE_NAMES[WaveState.CANCELLED])
    steps = [gate for gate in wave_status.gates if isinstance(gate, AwaitsStep)]
    return _brief(steps[-1]) if steps else _first(wave_status)


def _first(wave_status: WaveStatus) -> Prose:
    """The first closed gate of a wave that is not merged, and how many more there are."""
    gates = wave_status.gates
    if wave_status.state is WaveState.CANCELLED:
        return say(STATE_NAMES[WaveState.CANCELLED])
    if not gates:
        return say(STATE_NAMES[wave_status.state])
    first = _brief(gates[0])
    return say(f"{{}}; {plural(len(gates) - 1, 'more gate')}", first) if len(gates) > 1 else first


def _brief(gate: Gate) -> Prose:
    """Why a gate is closed, without what other parts of the comment say of it."""
    match gate:
        case AwaitsApproval():
            return say("waits for approval")
        case AwaitsStep(step=step):
            return say("after {}", step)
        case AwaitsDependency(pending=pending) | AwaitsReplacement(pending=pending):
            if all(each.reason is NotReadyReason.MERGE for each in pending):
                return say("after {}", names(natural({each.message for each in pending})))
            clusters = names(natural({each.unit.cluster for each in pending}), FEW_CLUSTERS)
            what = names(sorted({each.unit.component for each in pending}))
            return say("waits for {} on {}", what, clusters)
        case NotProposed(refusal="", is_open=is_open):
            verb = "is updated" if is_open else "opens"
            return say(f"its merge request {verb} in the next pass")
        case _:
            return reason(gate)


def every_wave(
    wave_statuses: Sequence[WaveStatus], context: WaveTableContext, most: int | None, where: str
) -> str:
    """One row for each wave; with `most` the finished ones and the last ones are counted."""
    shown = list(wave_statuses)
    if most is not None and len(shown) > most:
        shown = [each for each in shown if not _is_finished(each, context)][:most]
    row, head = (_preview_row, PREVIEW_HEAD) if context.preview else (_row, HEAD)
    left = len(wave_statuses) - len(shown)
    more = [f"and {plural(left, 'more wave')}. {where}"] if left else []
    return "\n\n".join([columns(head, [row(each, context) for each in shown]), *more])


def _is_finished(wave_status: WaveStatus, context: WaveTableContext) -> bool:
    """Whether it is ready, or in a preview changes nothing."""
    return not wave_status.is_left if context.preview else wave_status.state is WaveState.DONE


def _preview_row(wave_status: WaveStatus, context: WaveTableContext) -> list[str]:
    """A wave of a plan that is not merged yet."""
    wave = wave_status.change.wave
    return [
        *_about(wave_status),
        what_changes(wave_status) if wave_status.is_left else "no change",
        flags(context.risks.get(wave.name, ())),
        context.after.get(wave.name, NOTHING).markdown(),
    ]


def _row(wave_status: WaveStatus, context: WaveTableContext) -> list[str]:
    request = wave_status.merge_request
    name, clusters = _about(wave_status)
    return [
        name,
        link(f"{context.sign}{request.number}", request.url) if request else "",
        clusters,
        what_changes(wave_status) if wave_status.is_left else "",
        flags(context.risks.get(wave_status.change.wave.name, ())),
        _first(wave_status).markdown() if wave_status.is_left else state(wave_status),
    ]


def _about(wave_status: WaveStatus) -> tuple[str, str]:
    """The wave with its components, and its clusters."""
    wave = wave_status.change.wave
    clusters = natural({unit.cluster for unit in wave.units})
    components = sorted({unit.component for unit in wave.units})
    return (
        f"{code(wave.name)} {names(components, 5).markdown(1_000)}",
        f"{len(clusters)}: {names(clusters).markdown()}",
    )


def what_changes(wave_status: WaveStatus) -> str:
    """The number of files by kind of change."""
    return "not known yet" if wave_status.awaits_address else counts(wave_status.change)


def state(wave_status: WaveStatus) -> str:
    """How far a wave is; of a merged one, which clusters are not ready yet."""
    name = STATE_NAMES[wave_status.state]
    if wave_status.state is WaveState.SETTLING and wave_status.pending:
        return f"{name}; {pending_clusters(wave_status.pending).markdown()}"
    return name


@dataclass(frozen=True, slots=True)
class EqualGates:
    """A closed gate, and the waves that are held in the same words."""

    gate: Gate
    reason: Prose
    remedy: Prose
    waves: tuple[WaveStatus, ...]

    @property
    def names(self) -> list[str]:
        """The names of the waves."""
        return [each.change.wave.name for each in self.waves]


def equal_gates(
    wave_statuses: Iterable[WaveStatus],
    *,
    preview: bool = False,
    counts: Callable[[Gate], bool] | None = None,
) -> list[EqualGates]:
    """Each closed gate once, in the order of the waves; only those that `counts` says, if given."""
    found: dict[tuple[Prose, Prose], tuple[Gate, list[WaveStatus]]] = {}
    for wave_status in wave_statuses:
        for gate in shown_gates(wave_status.gates, preview=preview):
            if counts is None or counts(gate):
                key = reason(gate), remedy(gate)
                found.setdefault(key, (gate, []))[1].append(wave_status)
    return [EqualGates(gate, *key, tuple(waves)) for key, (gate, waves) in found.items()]


def gates(wave_statuses: Sequence[WaveStatus]) -> str:
    """Each closed gate once, with how it clears; those that need a person first."""
    found = sorted(equal_gates(wave_statuses), key=lambda each: not needs_person(each.gate))
    if not found:
        return ""
    rows = [
        [names(each.names).markdown(), each.reason.markdown(), each.remedy.markdown()]
        for each in found
    ]
    more = len(rows) - MOST_GATES
    shown = table(["waves", "gate", "clears"], rows[:MOST_GATES])
    left = f"\n\nand {plural(more, 'more gate')}" if more > 0 else ""
    return fold(f"Closed gates ({len(rows)})", shown + left)
