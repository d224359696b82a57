"""Waves as a table, and their closed gates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.engine.propose import Proposal
from bot.wording.diffs import counts, flags
from bot.wording.headline import needs_person
from bot.wording.markdown import code, fold, link, natural, plural, table
from bot.wording.prose import NOTHING, Prose, join, names, say
from bot.wording.reasons import (
    STATE_NAMES,
    approval_rule,
    approvers,
    pending_clusters,
    reason,
    remedy,
)
from bot.wording.timetable import comes_after
from planners.gating.evaluate import WaveState, WaveStatus
from planners.model.gates import AwaitsAddress, AwaitsApproval, Frozen, Gate, OutsideWindow
from renderers.diff.risks import Risk

OPEN_ROWS = 60
FEW_ROWS = 8
MOST_GATES = 50
HEAD = ["wave", "merge request", "clusters", "changes", "risks", "closed gate", "state"]
PREVIEW_HEAD = ["wave", "clusters", "changes", "risks", "merges after"]


@dataclass(frozen=True, slots=True)
class WaveTableContext:
    """What the table of waves shows besides them: the risks of each, by its name.

    `after` says what each wave of a preview will merge after. `sign` stands before the number of
    a merge request, as the forge writes it.
    """

    risks: Mapping[str, frozenset[Risk]]
    preview: bool
    sign: str = "!"
    after: Mapping[str, Prose] = field(default_factory=dict)


def table_context(
    proposal: Proposal, risks: Mapping[str, frozenset[Risk]], sign: str, *, preview: bool
) -> WaveTableContext:
    """The context for the waves of a proposal; `after` is left out of previews with many waves."""
    wave_statuses = proposal.evaluation.wave_statuses
    if not preview or len(wave_statuses) > OPEN_ROWS:
        return WaveTableContext(risks, preview, sign)
    after = {each.change.wave.name: _after(proposal, each) for each in wave_statuses}
    return WaveTableContext(risks, preview, sign, after)


def _after(proposal: Proposal, wave_status: WaveStatus) -> Prose:
    found = comes_after(proposal.plan, proposal.application, wave_status.change.wave)
    for gate in wave_status.gates:
        if isinstance(gate, AwaitsApproval):
            found.append(say("approval by {} ({})", approvers(gate), approval_rule(gate)))
        elif isinstance(gate, Frozen | OutsideWindow | AwaitsAddress):
            found.append(reason(gate))
    return join("; ", found)


def wave_table(wave_statuses: Sequence[WaveStatus], context: WaveTableContext) -> str:
    """One row for each wave; of many, those that are ready and the last ones are folded."""
    if len(wave_statuses) <= FEW_ROWS:
        return _table(wave_statuses, context)
    ready = [each for each in wave_statuses if _is_finished(each, context)]
    rest = [each for each in wave_statuses if not _is_finished(each, context)]
    parts = [_table(rest[:OPEN_ROWS], context)] if rest else []
    more = plural(len(rest[OPEN_ROWS:]), "more wave")
    unchanged = "without changes" if context.preview else "ready"
    for waves, summary in (
        (rest[OPEN_ROWS:], more),
        (ready, f"{plural(len(ready), 'wave')} {unchanged}"),
    ):
        if waves:
            parts.append(fold(summary, _table(waves, context)))
    return "\n\n".join(parts)


def short_table(wave_statuses: Sequence[WaveStatus], context: WaveTableContext, where: str) -> str:
    """The first rows of what is not ready; the others are counted, and `where` says where."""
    rest = [each for each in wave_statuses if not _is_finished(each, context)]
    parts = [_table(rest[:OPEN_ROWS], context)] if rest else []
    left = len(wave_statuses) - len(rest[:OPEN_ROWS])
    return "\n\n".join([*parts, *([f"and {plural(left, 'more wave')}. {where}"] if left else [])])


def _is_finished(wave_status: WaveStatus, context: WaveTableContext) -> bool:
    """Whether it is ready, or in a preview changes nothing."""
    return not wave_status.is_left if context.preview else wave_status.state is WaveState.DONE


def _table(wave_statuses: Sequence[WaveStatus], context: WaveTableContext) -> str:
    if context.preview:
        return table(PREVIEW_HEAD, [_preview_row(each, context) for each in wave_statuses])
    return table(HEAD, [_row(each, context) for each in wave_statuses])


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
        what_changes(wave_status),
        flags(context.risks.get(wave_status.change.wave.name, ())),
        _first(wave_status.gates),
        state(wave_status),
    ]


def _first(gates: Sequence[Gate]) -> str:
    """The first closed gate, and how many more there are."""
    if not gates:
        return ""
    more = f" and {len(gates) - 1} more" if len(gates) > 1 else ""
    return f"{reason(gates[0]).markdown()}{more}"


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
    if wave_status.state is WaveState.SETTLING:
        return f"{name}; {pending_clusters(wave_status.pending).markdown()}"
    return name


def gates(wave_statuses: Sequence[WaveStatus]) -> str:
    """Each closed gate once, with how it clears; those that need a person first."""
    found: dict[Prose, tuple[Gate, list[str]]] = {}
    for wave_status in wave_statuses:
        for gate in wave_status.gates:
            found.setdefault(reason(gate), (gate, []))[1].append(wave_status.change.wave.name)
    if not found:
        return ""
    ordered = sorted(found.items(), key=lambda item: not needs_person(item[1][0]))
    rows = [
        [names(waves).markdown(), text.markdown(), remedy(gate).markdown()]
        for text, (gate, waves) in ordered
    ]
    more = len(rows) - MOST_GATES
    shown = table(["waves", "gate", "clears"], rows[:MOST_GATES])
    left = f"\n\nand {plural(more, 'more gate')}" if more > 0 else ""
    return fold(f"Closed gates ({len(rows)})", shown + left)
