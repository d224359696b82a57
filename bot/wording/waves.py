"""Waves as a table, and everything they wait for."""

from collections.abc import Mapping, Sequence

from bot.wording.diffs import counts, flags
from bot.wording.headline import PEOPLE
from bot.wording.markdown import code, fold, link, listing, plural, table
from bot.wording.reasons import places, reason, remedy
from planners.gate import Standing, WaveState
from planners.gates import Gate
from renderers.risks import Risk

OPEN_ROWS = 60
MOST_GATES = 50
HEAD = ["wave", "merge request", "clusters", "changes", "risks", "waits for", "state"]

Risks = Mapping[str, frozenset[Risk]]


def wave_table(standings: Sequence[Standing], risks: Risks, *, preview: bool) -> str:
    """One row for each wave; of many, those that are ready and the last ones are folded."""
    if len(standings) <= OPEN_ROWS:
        return _table(standings, risks, preview=preview)
    ready = [each for each in standings if _is_still(each, preview=preview)]
    rest = [each for each in standings if not _is_still(each, preview=preview)]
    word = " that change nothing" if preview else " that are ready"
    parts = [_table(rest[:OPEN_ROWS], risks, preview=preview)] if rest else []
    folded = ((rest[OPEN_ROWS:], "more wave", ""), (ready, "wave", word))
    for waves, noun, which in folded:
        if waves:
            shown = _table(waves, risks, preview=preview)
            parts.append(fold(f"{plural(len(waves), noun)}{which}", shown))
    return "\n\n".join(parts)


def short_table(standings: Sequence[Standing], risks: Risks, where: str, *, preview: bool) -> str:
    """The first rows of what is not ready; the others are counted, and `where` says where."""
    rest = [each for each in standings if not _is_still(each, preview=preview)]
    parts = [_table(rest[:OPEN_ROWS], risks, preview=preview)] if rest else []
    left = len(standings) - len(rest[:OPEN_ROWS])
    return "\n\n".join([*parts, *([f"and {plural(left, 'more wave')}. {where}"] if left else [])])


def _is_still(standing: Standing, *, preview: bool) -> bool:
    return not standing.change.files if preview else standing.state is WaveState.DONE


def _table(standings: Sequence[Standing], risks: Risks, *, preview: bool) -> str:
    rows = [_row(each, risks, preview=preview) for each in standings]
    if preview:
        return table([HEAD[0], *HEAD[2:5], HEAD[6]], [[row[0], *row[2:5], row[6]] for row in rows])
    return table(HEAD, rows)


def _row(standing: Standing, risks: Risks, *, preview: bool) -> list[str]:
    wave, request = standing.change.wave, standing.merge_request
    names = sorted({unit.cluster for unit in wave.units})
    components = sorted({unit.component for unit in wave.units})
    return [
        f"{code(wave.name)} {code(listing(components, 5))}",
        link(f"!{request.number}", request.url) if request else "",
        f"{len(names)}: {code(listing(names))}",
        counts(standing.change),
        flags(risks.get(wave.name, ())),
        code(reason(standing.gates[0]), 300) if standing.gates else "",
        ("to merge" if standing.change.files else "no change") if preview else state(standing),
    ]


def state(standing: Standing) -> str:
    """How far a wave is."""
    match standing.state:
        case WaveState.DONE:
            return "ready"
        case WaveState.SETTLING:
            return f"merged; {code(places(standing.pending))}"
        case WaveState.MERGING:
            return "its turn"
        case WaveState.WAITING:
            return "waits"
        case WaveState.CANCELLED:
            return "cancelled"


def gates(standings: Sequence[Standing]) -> str:
    """Each closed gate once, with who clears it; those that need a person first."""
    found: dict[str, tuple[Gate, list[str]]] = {}
    for standing in standings:
        for gate in standing.gates:
            found.setdefault(reason(gate), (gate, []))[1].append(standing.change.wave.name)
    if not found:
        return ""
    ordered = sorted(found.items(), key=lambda item: not isinstance(item[1][0], PEOPLE))
    rows = [
        [code(listing(waves)), code(text, 300), code(remedy(gate))]
        for text, (gate, waves) in ordered
    ]
    more = len(rows) - MOST_GATES
    shown = table(["waves", "why it waits", "cleared by"], rows[:MOST_GATES])
    left = f"\n\nand {plural(more, 'more gate')}" if more > 0 else ""
    return fold(f"What it waits for ({plural(len(rows), 'gate')})", shown + left)
