"""Which component waits for which, as a Mermaid flowchart.

Source: the Mermaid documentation, "Flowcharts - Basic Syntax" (labels in quotes, entity codes such
as `#35;`). Node names are ours (`w0`), since words such as `end` break a chart.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from bot.wording.markdown import fence
from planners.model import Application
from planners.order import levels

MOST_NODES = 40
MOST_LABEL = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9 ._:,/()+-]")

Edge = tuple[str, str]


def graph(application: Application, placed: Iterable[str]) -> str:
    """A chart of the placed components, each after those it depends on.

    Empty where it is a straight line, which the names of the waves say as well, and where there are
    too many.
    """
    order = levels(application.components)
    known = sorted({*placed} & order.keys(), key=lambda name: (order[name], name))
    edges = _edges(application, known)
    if not _branches(edges) or len(known) > MOST_NODES:
        return ""
    names = {name: f"w{index}" for index, name in enumerate(known)}
    lines = [f'  {node}["{safe(name)}"]' for name, node in names.items()]
    lines += [f"  {names[one]} --> {names[other]}" for one, other in edges]
    return fence("\n".join(["flowchart LR", *lines]), "mermaid")


def safe(label: str) -> str:
    """A label that nothing in it can end, and that is not too long."""
    shown = label if len(label) <= MOST_LABEL else f"{label[: MOST_LABEL - 3]}..."
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", shown)


def _branches(edges: Iterable[Edge]) -> bool:
    """Whether a component has several others before or after it."""
    found = [*edges]
    sides = (Counter(one for one, _ in found), Counter(other for _, other in found))
    return any(count > 1 for side in sides for count in side.values())


def _edges(application: Application, known: Iterable[str]) -> list[Edge]:
    """Each component that another one needs directly, and not through a third one as well."""
    needs = _needs(application, frozenset(known))
    every: dict[str, set[str]] = {}
    edges: list[Edge] = []
    for name in known:
        through = {far for near in needs[name] for far in every[near]}
        every[name] = {*needs[name], *through}
        edges += [(each, name) for each in sorted(needs[name] - through)]
    return edges


def _needs(application: Application, known: frozenset[str]) -> Mapping[str, set[str]]:
    return {
        part.name: {each.component for each in part.depends_on if each.application is None} & known
        for part in application.components
    }
