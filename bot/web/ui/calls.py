"""The picture of who may call whom: callers to the left of what they call, for a template to draw.

Calls that close a circle are drawn backwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.report.model import CallView

MAX_NODES = 60
WIDTH, HEIGHT, GAP, BETWEEN = 176, 36, 60, 16
MAX_LETTERS = 20


@dataclass(frozen=True, slots=True)
class CallNode:
    """A box with a name, of which `text` is what fits, and the position of its corner."""

    x: int
    y: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class CallArrow:
    """A line from a caller to what it calls."""

    x1: int
    y1: int
    x2: int
    y2: int
    crosses: bool


@dataclass(frozen=True, slots=True)
class CallGraph:
    """All shapes, in pixels."""

    width: int
    height: int
    nodes: tuple[CallNode, ...]
    arrows: tuple[CallArrow, ...]


def call_graph(calls: Sequence[CallView]) -> CallGraph | None:
    """Lay the calls out in columns; None if there are none, or too many to see anything."""
    columns = _columns(calls)
    if not columns or sum(map(len, columns)) > MAX_NODES:
        return None
    nodes = {
        name: CallNode(
            column * (WIDTH + GAP),
            row * (HEIGHT + BETWEEN),
            name,
            name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…",
        )
        for column, names in enumerate(columns)
        for row, name in enumerate(names)
    }
    arrows = tuple(_arrow(nodes[each.caller], nodes[each.callee], each) for each in calls)
    bottom = max(node.y for node in nodes.values()) + HEIGHT
    return CallGraph(len(columns) * (WIDTH + GAP) - GAP, bottom, tuple(nodes.values()), arrows)


def _arrow(caller: CallNode, callee: CallNode, call: CallView) -> CallArrow:
    """From the side of the caller that faces what it calls."""
    middle, target = caller.y + HEIGHT // 2, callee.y + HEIGHT // 2
    if caller.x < callee.x:
        return CallArrow(caller.x + WIDTH, middle, callee.x, target, call.crosses)
    return CallArrow(caller.x, middle, callee.x + WIDTH, target, call.crosses)


def _columns(calls: Sequence[CallView]) -> list[list[str]]:
    """Each name one column to the right of its last caller, apart from calls in a circle."""
    below: dict[str, set[str]] = {}
    for each in calls:
        below.setdefault(each.caller, set())
        below.setdefault(each.callee, set())
        if not _reaches(below, each.callee, each.caller):
            below[each.caller].add(each.callee)
    level = dict.fromkeys(below, 0)
    for _, _ in pairwise(below):
        for name, callees in below.items():
            for callee in callees:
                level[callee] = max(level[callee], level[name] + 1)
    found: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name, column in level.items():
        found[column].append(name)
    return found


def _reaches(below: dict[str, set[str]], start: str, end: str) -> bool:
    pending, seen = [start], set[str]()
    while pending:
        name = pending.pop()
        if name == end:
            return True
        if name not in seen:
            seen.add(name)
            pending += below[name]
    return False
