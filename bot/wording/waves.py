"""Waves as a table, and everything they wait for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.engine.propose import Proposal
from bot.wording.diffs import counts, flags
from bot.wording.headline import needs_person
from bot.wording.markdown import code, fold, link, listing, natural, plural, table
from bot.wording.reasons import approvers, places, reason, remedy
from bot.wording.timetable import comes_after
from planners.gating.evaluate import WaveState, WaveStatus
from planners.model.gates import AwaitsApproval, Frozen, Gate, OutsideWindow
from renderers.diff.risks import Risk

OPEN_ROWS = 60
FEW_ROWS = 8
MOST_GATES = 50
HEAD = ["wave", "merge request", "clusters", "changes", "risks", "waits for", "state"]
AHEAD = ["wave", "clusters", "changes", "risks", "merges after"]


@dataclass(frozen=True, slots=True)
class Look:
    """What the table of waves shows besides them: the risks of each, by its name.

    `after` says what each will wait for, of a plan that is not merged yet. `sign` stands before the
    number of a merge request, as the forge writes it.
    """

    risks: Mapping[str, frozenset[Risk]]
    preview: bool
    sign: str = "!"
    after: Mapping[str, str] = field(default_factory=dict)


def look_of(
    proposal: Proposal, risks: Mapping[str, frozenset[Risk]], sign: str, *, preview: bool
) -> Look:
    """How the waves of a proposal are shown; of very many it is not told what each comes after."""
    wave_statuses = proposal.evaluation.wave_statuses
    if not preview or len(wave_statuses) > OPEN_ROWS:
        return Look(risks, preview, sign)
    after = {each.change.wave.name: _after(proposal, each) for each in wave_statuses}
    return Look(risks, preview, sign, after)


def _after(proposal: Proposal, wave_status: WaveStatus) -> str:
    found = comes_after(proposal.plan, proposal.application, wave_status.change.wave)
    for gate in wave_status.gates:
        if isinstance(gate, AwaitsApproval):
            found.append(f"approval by {approvers(gate)} ({gate.reason})")
        elif isinstance(gate, Frozen | OutsideWindow):
            found.append(reason(gate))
    return "; ".join(found)


def wave_table(wave_statuses: Sequence[WaveStatus], look: Look) -> str:
    """One row for each wave; of many, those that are ready and the last ones are folded."""
    if len(wave_statuses) <= FEW_ROWS:
        return _table(wave_statuses, look)
    ready = [each for each in wave_statuses if _is_still(each, look)]
    rest = [each for each in wave_statuses if not _is_still(each, look)]
    parts = [_table(rest[:OPEN_ROWS], look)] if rest else []
    more = plural(len(rest[OPEN_ROWS:]), "more wave")
    still = f"{plural(len(ready), 'wave')} that {_do_nothing(len(ready), look)}"
    for waves, summary in ((rest[OPEN_ROWS:], more), (ready, still)):
        if waves:
            parts.append(fold(summary, _table(waves, look)))
    return "\n\n".join(parts)


def _do_nothing(count: int, look: Look) -> str:
    if look.preview:
        return "changes nothing" if count == 1 else "change nothing"
    return "is ready" if count == 1 else "are ready"


def short_table(wave_statuses: Sequence[WaveStatus], look: Look, where: str) -> str:
    """The first rows of what is not ready; the others are counted, and `where` says where."""
    rest = [each for each in wave_statuses if not _is_still(each, look)]
    parts = [_table(rest[:OPEN_ROWS], look)] if rest else []
    left = len(wave_statuses) - len(rest[:OPEN_ROWS])
    return "\n\n".join([*parts, *([f"and {plural(left, 'more wave')}. {where}"] if left else [])])


def _is_still(wave_status: WaveStatus, look: Look) -> bool:
    return not wave_status.change.files if look.preview else wave_status.state is WaveState.DONE


def _table(wave_statuses: Sequence[WaveStatus], look: Look) -> str:
    if look.preview:
        return table(AHEAD, [_row_ahead(each, look) for each in wave_statuses])
    return table(HEAD, [_row(each, look) for each in wave_statuses])


def _row_ahead(wave_status: WaveStatus, look: Look) -> list[str]:
    """A wave of a plan that is not merged yet."""
    wave, after = wave_status.change.wave, look.after.get(wave_status.change.wave.name, "")
    return [
        *_about(wave_status),
        counts(wave_status.change) if wave_status.change.files else "no change",
        flags(look.risks.get(wave.name, ())),
        code(after, 300) if after else "",
    ]


def _row(wave_status: WaveStatus, look: Look) -> list[str]:
    request = wave_status.merge_request
    name, clusters = _about(wave_status)
    return [
        name,
        link(f"{look.sign}{request.number}", request.url) if request else "",
        clusters,
        counts(wave_status.change),
        flags(look.risks.get(wave_status.change.wave.name, ())),
        _first(wave_status.gates),
        state(wave_status),
    ]


def _first(gates: Sequence[Gate]) -> str:
    """The first closed gate, and how many more there are."""
    if not gates:
        return ""
    more = f" and {len(gates) - 1} more" if len(gates) > 1 else ""
    return f"{code(reason(gates[0]), 300)}{more}"


def _about(wave_status: WaveStatus) -> tuple[str, str]:
    """The wave with its components, and its clusters."""
    wave = wave_status.change.wave
    names = natural({unit.cluster for unit in wave.units})
    components = sorted({unit.component for unit in wave.units})
    return (
        f"{code(wave.name)} {code(listing(components, 5))}",
        f"{len(names)}: {code(listing(names))}",
    )


def state(wave_status: WaveStatus) -> str:
    """How far a wave is."""
    match wave_status.state:
        case WaveState.DONE:
            return "ready"
        case WaveState.SETTLING:
            return f"merged; {code(places(wave_status.pending))}"
        case WaveState.MERGING:
            return "its turn"
        case WaveState.WAITING:
            return "waits"
        case WaveState.CANCELLED:
            return "cancelled"


def gates(wave_statuses: Sequence[WaveStatus]) -> str:
    """Each closed gate once, with who clears it; those that need a person first."""
    found: dict[str, tuple[Gate, list[str]]] = {}
    for wave_status in wave_statuses:
        for gate in wave_status.gates:
            found.setdefault(reason(gate), (gate, []))[1].append(wave_status.change.wave.name)
    if not found:
        return ""
    ordered = sorted(found.items(), key=lambda item: not needs_person(item[1][0]))
    rows = [
        [code(listing(waves)), code(text, 300), code(remedy(gate))]
        for text, (gate, waves) in ordered
    ]
    more = len(rows) - MOST_GATES
    shown = table(["waves", "why it waits", "cleared by"], rows[:MOST_GATES])
    left = f"\n\nand {plural(more, 'more gate')}" if more > 0 else ""
    return fold(f"What it waits for ({plural(len(rows), 'gate')})", shown + left)
