"""The wave graph: the position and text of each wave, for a template to draw as SVG.

One column for each step, its waves from top to bottom by level; after six columns a new band
begins. The waves of a single step are laid out in lines. If there are too many waves, a node stands
for a step, or for several consecutive steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.report.model import WaveView
from bot.web.ui.badges import WAVES, wave_state
from bot.wording.markdown import plural

MAX_NODES = 60
COLUMNS = 6
WIDTH, HEIGHT = 176, 50
GAP, BETWEEN, HEAD = 22, 16, 26
MAX_LETTERS = 19
GROUP_STATES = ("failing", "people", "merging", "settling", "waiting", "cancelled")


@dataclass(frozen=True, slots=True)
class Box:
    """A link with two lines of text, each of which may be cut; `title` is the whole text."""

    name: str
    text: str
    state: str
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Node:
    """A box and the position of its upper left corner."""

    x: int
    y: int
    box: Box


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from one point to another, with an arrow head."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a column."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, slots=True)
class Graph:
    """All shapes, in pixels; `grouped` if nodes stand for steps."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    labels: tuple[Label, ...]
    grouped: bool


Waves = Sequence[WaveView]
Address = Callable[[str], str]


def graph(waves: Waves, address: Address) -> Graph:
    """Lay the waves out; `address` gives the address of a wave's row."""
    steps: dict[int, list[WaveView]] = {}
    for wave in waves:
        steps.setdefault(wave.step, []).append(wave)
    if len(waves) > MAX_NODES:
        return _grouped(list(steps.values()), address)
    if len(steps) == 1:
        return _flow([_box(wave, address) for wave in waves], grouped=False)
    return _columns(list(steps.values()), address)


def _columns(steps: Sequence[Waves], address: Address) -> Graph:
    nodes: list[Node] = []
    arrows: list[Arrow] = []
    labels: list[Label] = []
    top = 0
    for start in range(0, len(steps), COLUMNS):
        band = steps[start : start + COLUMNS]
        for place, step in enumerate(band):
            x = place * (WIDTH + GAP)
            labels.append(Label(x, top + 14, _short(_step(step), MAX_LETTERS)))
            for row, wave in enumerate(step):
                y = top + HEAD + row * (HEIGHT + BETWEEN)
                nodes.append(Node(x, y, _box(wave, address)))
                if row:
                    middle = x + WIDTH // 2
                    arrows.append(Arrow(middle, y - BETWEEN, middle, y))
            if start + place + 1 < len(steps):
                y = top + HEAD + HEIGHT // 2
                arrows.append(Arrow(x + WIDTH, y, x + WIDTH + GAP, y))
        top += HEAD + max(len(step) for step in band) * (HEIGHT + BETWEEN) + BETWEEN // 2
    return _graph(nodes, arrows, labels, grouped=False)


def _grouped(steps: Sequence[Waves], address: Address) -> Graph:
    each = -(-len(steps) // MAX_NODES)
    groups = [steps[start : start + each] for start in range(0, len(steps), each)]
    return _flow([_group(group, address) for group in groups], grouped=True)


def _flow(boxes: Sequence[Box], *, grouped: bool) -> Graph:
    """Boxes one after the other, in lines of six."""
    nodes: list[Node] = []
    arrows: list[Arrow] = []
    for place, box in enumerate(boxes):
        row, column = divmod(place, COLUMNS)
        x, y = column * (WIDTH + GAP), row * (HEIGHT + BETWEEN)
        nodes.append(Node(x, y, box))
        if place + 1 < len(boxes):
            arrows.append(Arrow(x + WIDTH, y + HEIGHT // 2, x + WIDTH + GAP, y + HEIGHT // 2))
    return _graph(nodes, arrows, [], grouped=grouped)


def _graph(
    nodes: Sequence[Node], arrows: Sequence[Arrow], labels: Sequence[Label], *, grouped: bool
) -> Graph:
    ends = [node.x + WIDTH for node in nodes] + [arrow.x2 for arrow in arrows]
    bottom = max((node.y for node in nodes), default=0) + HEIGHT
    return Graph(max(ends, default=0), bottom, tuple(nodes), tuple(arrows), tuple(labels), grouped)


def _box(wave: WaveView, address: Address) -> Box:
    name, state = wave.name, wave_state(wave)
    text = f"{plural(len(wave.clusters), 'cluster')} · {WAVES[state].text}"
    return Box(_short(name, MAX_LETTERS), text, state, address(name), f"{name}: {text}")


def _group(steps: Sequence[Waves], address: Address) -> Box:
    """A box for consecutive steps; it links to the first wave that is not done."""
    waves = [wave for step in steps for wave in step]
    states = [wave_state(wave) for wave in waves]
    left = [wave for wave, state in zip(waves, states, strict=True) if state != "done"]
    state = next((each for each in GROUP_STATES if each in states), "done")
    first, last = _step(steps[0]), _step(steps[-1])
    name = first if len(steps) == 1 else f"{first} to {last}"
    text = f"{len(waves) - len(left)}/{len(waves)} · {WAVES[state].text}"
    where = address((left or waves)[0].name)
    return Box(_short(name, MAX_LETTERS), text, state, where, f"{name}: {text}")


def _step(waves: Waves) -> str:
    """The label of a step: its waves' names without their levels."""
    return waves[0].name.rpartition(".")[0]


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "\u2026"
