"""What a simulation showed: a table of changes, and a picture of series and placement (SVG)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise

from bot.engine.play import Frame
from bot.wording.markdown import plural
from planners.model.rules import RuleKey, RuleState

WIDTH, HEIGHT, LEFT, TOP = 960, 120, 220, 30
INK, SOFT, LINE, FILL = "#1f2328", "#8c959f", "#0969da", "#ddf4ff"


def table(frames: Sequence[Frame]) -> Iterator[str]:
    """One line for each change of a rule's phase or steps, each new wait, and each placement."""
    yield f"{'time (UTC)':16}  {'rule':20}  {'state':14}  why"
    known: dict[RuleKey, tuple[object, int]] = {}
    waits: dict[RuleKey, str] = {}
    placed: tuple[object, ...] | None = None
    for frame in frames:
        for key, state in frame.states.items():
            now, wait = (state.phase, len(state.steps)), _wait(state)
            if known.get(key) == now and wait in {"", waits.get(key)}:
                continue
            known[key], waits[key] = now, wait
            name = f"{key.rule} {key.cluster}".strip()
            phase = f"{state.phase} {len(state.steps) or ''}".strip()
            yield f"{_time(frame.at)}  {name:20}  {phase:14}  {state.why}"
        if frame.units != placed:
            placed = frame.units
            yield f"{_time(frame.at)}  {'placement':20}  {'':14}  {_placement(frame)}"
    yield summary(frames)


def _wait(state: RuleState) -> str:
    """What a rule waits for, if that is more than how long its condition holds."""
    last = state.why.rpartition(": ")[2]
    return last if last.startswith("waits ") else ""


def summary(frames: Sequence[Frame]) -> str:
    """How often the placement changed."""
    changes = sum(before.units != after.units for before, after in pairwise(frames))
    return f"{plural(len(frames), 'step')}, {plural(changes, 'change')} of placement"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _placement(frame: Frame) -> str:
    components = sorted({unit.component for unit in frame.units})
    found = (
        f"{name} on {', '.join(u.cluster for u in frame.units if u.component == name)}"
        for name in components
    )
    return "; ".join(found) or "nothing runs"


def picture(frames: Sequence[Frame]) -> str:
    """One strip for each signal, one for each rule's steps, one for each component's clusters."""
    strips = [*_strips(frames)]
    height = TOP + len(strips) * HEIGHT + TOP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    )
    drawn = [
        _strip(TOP + number * HEIGHT, name, values) for number, (name, values) in enumerate(strips)
    ]
    first, last = _time(frames[0].at), _time(frames[-1].at)
    foot = (
        _text(LEFT, height - 10, first, SOFT),
        _text(WIDTH - 20, height - 10, last, SOFT, "end"),
    )
    return "\n".join([head, *drawn, *foot, "</svg>", ""])


def _strips(frames: Sequence[Frame]) -> Iterator[tuple[str, list[float | None]]]:
    signals = sorted({key for frame in frames for key in frame.values}, key=str)
    for signal in signals:
        yield str(signal), [frame.values.get(signal) for frame in frames]
    rules = sorted({k for f in frames for k in f.states}, key=lambda k: (k.rule, k.cluster))
    for rule in rules:
        name = f"steps of rule {rule.rule} {rule.cluster}".strip()
        yield name, [_steps(frame, rule) for frame in frames]
    for component in sorted({unit.component for frame in frames for unit in frame.units}):
        yield f"clusters of {component}", [_count(frame, component) for frame in frames]


def _steps(frame: Frame, key: RuleKey) -> float:
    return float(len(frame.states[key].steps)) if key in frame.states else 0.0


def _count(frame: Frame, component: str) -> float:
    return float(sum(unit.component == component for unit in frame.units))


def _strip(top: int, name: str, values: Sequence[float | None]) -> str:
    """A step line over time, with gaps where there is no value."""
    most = max((each for each in values if each is not None), default=0) or 1
    inner, wide = HEIGHT - 40, WIDTH - LEFT - 20
    parts = [
        _text(10, top + inner / 2, name, INK),
        _text(LEFT - 8, top + 10, f"{most:g}", SOFT, "end"),
        _text(LEFT - 8, top + inner, "0", SOFT, "end"),
        f'<rect x="{LEFT}" y="{top}" width="{wide}" height="{inner}" fill="{FILL}"/>',
    ]
    for begin, end, value in _runs(values):
        x, width = LEFT + wide * begin / len(values), wide * (end - begin) / len(values)
        tall = inner * max(0.0, value) / most
        parts.append(
            f'<rect x="{x:.1f}" y="{top + inner - tall:.1f}" width="{max(width, 0.5):.1f}" '
            f'height="{tall:.1f}" fill="{LINE}"/>'
        )
    return "\n".join(parts)


def _runs(values: Sequence[float | None]) -> Iterator[tuple[int, int, float]]:
    """The stretches of equal values."""
    begin = 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at] != values[begin]:
            value = values[begin]
            if value is not None:
                yield begin, at, value
            begin = at


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
