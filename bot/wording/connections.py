"""Who may call whom after a plan is merged, and may not before: `new: cart may call payment`.

What is merged is read from the objects in the deploy repo: each derived object lists the intents
that it comes from.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

from bot.wording.graph import MOST_NODES, safe
from bot.wording.markdown import code, fence, fold, natural, sentence
from planners.connect import Link
from planners.gating.change_sets import ChangeSet
from planners.model import Unit, listing
from renderers.derived import intents_in

MOST_LINES, MOST_CLUSTERS = 20, 3
_LINE = re.compile(
    r"((?:new: |no longer: )?(?:namespace )?)(\S+)( may call )(\S+)(?:( as )(\S+))?"
    r"(?:( \()(\S+)(\)))?( on )(.+?)(?:( from )(.+))?"
)
_LISTED = re.compile(r"(, | and [0-9]+ more$)")
_NAMES, _LISTINGS = frozenset({2, 4, 6, 8}), frozenset({11, 13})
"""The groups of `_LINE` with one name, and with several."""


class Piece(NamedTuple):
    """A part of a sentence: a name, or words of ours."""

    text: str
    is_name: bool


def pieces(line: str) -> tuple[Piece, ...]:
    """The names and the words in a line about a connection; any other line is words."""
    found = _LINE.fullmatch(line)
    return tuple(_pieces(found)) if found else (Piece(line, is_name=False),)


def _pieces(found: re.Match[str]) -> Iterator[Piece]:
    for number, text in enumerate(found.groups(), start=1):
        if number in _LISTINGS:
            parts = _LISTED.split(text or "")
            shown = [Piece(each, not index % 2) for index, each in enumerate(parts)]
        else:
            shown = [Piece(text or "", number in _NAMES)]
        yield from (each for each in shown if each.text)


@dataclass(frozen=True, slots=True)
class ConnectionChanges:
    """The intents that units gain and lose in their derived objects, and the units that are new."""

    gained: Mapping[Unit, frozenset[str]] = field(default_factory=dict)
    lost: Mapping[Unit, frozenset[str]] = field(default_factory=dict)
    created: frozenset[Unit] = frozenset()


def connection_changes(
    changes: Sequence[ChangeSet], blobs: Mapping[str, bytes]
) -> ConnectionChanges:
    """What the changes add to derived objects, and take from them."""
    files = [file for change in changes for file in change.files]
    names = {name for file in files for name in (file.old, file.new) if name}
    read = {name: intents_in(blobs[name]) for name in names}
    known = {name: intents for name, intents in read.items() if intents}
    before: dict[Unit, set[str]] = {}
    after: dict[Unit, set[str]] = {}
    for file in files if known else ():
        if file.old in known:
            before.setdefault(file.unit, set()).update(known[file.old])
        if file.new in known:
            after.setdefault(file.unit, set()).update(known[file.new])
    created = {file.unit for file in files if file.old is None}
    existing = {file.unit for file in files if file.old is not None} if created else set[Unit]()
    none: frozenset[str] = frozenset()
    return ConnectionChanges(
        gained={unit: frozenset(found - before.get(unit, none)) for unit, found in after.items()},
        lost={unit: frozenset(found - after.get(unit, none)) for unit, found in before.items()},
        created=frozenset(created - existing),
    )


def connections(links: Sequence[Link], changes: ConnectionChanges) -> tuple[str, ...]:
    """One line for each intent with new pairs, then for each that a unit no longer has."""
    lines = [*_opened(links, changes), *_closed(changes)]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
    return tuple(lines)


def calls(links: Sequence[Link]) -> dict[tuple[str, str], bool]:
    """Each caller and callee, and whether some of their connections cross from cluster to cluster.

    Ports do not count: a picture shows an arrow for each pair of components.
    """
    found: dict[tuple[str, str], bool] = {}
    for link in links:
        callee = replace(link.intent.callee, port="")
        names = str(link.intent.caller), str(callee)
        found[names] = found.get(names, False) or link.case.crosses
    return found


def chart(links: Sequence[Link]) -> str:
    """Who may call whom as a Mermaid flowchart, dotted across clusters; none for many."""
    found = calls(links)
    names = {name: f"c{index}" for index, name in enumerate(dict.fromkeys(chain(*found)))}
    if not 1 < len(names) <= MOST_NODES:
        return ""
    lines = [f'  {node}["{safe(name)}"]' for name, node in names.items()]
    for (caller, callee), crosses in found.items():
        arrow = "-.->" if crosses else "-->"
        lines.append(f"  {names[caller]} {arrow} {names[callee]}")
    return fence("\n".join(["flowchart LR", *lines]), "mermaid")


def section(links: Sequence[Link], changes: ConnectionChanges) -> str:
    """What the plan opens and closes, with the picture of all that is open then; else empty."""
    lines = connections(links, changes)
    if not lines:
        return ""
    shown = "\n".join(f"- {_marked(each)}" for each in lines)
    picture = chart(links)
    return f"{shown}\n\n{fold('Who may call whom', picture)}" if picture else shown


def _marked(line: str) -> str:
    if _LINE.fullmatch(line) is None:
        return sentence(line, 400)
    return "".join(code(each.text) if each.is_name else each.text for each in pieces(line))


def all_connections(links: Sequence[Link]) -> tuple[str, ...]:
    """One line for each intent and way: who may call whom, on which clusters."""
    return tuple(_lines(links))


def _opened(links: Sequence[Link], changes: ConnectionChanges) -> Iterator[str]:
    yield from (f"new: {line}" for line in _lines(e for e in links if _is_new(e, changes)))


def _lines(links: Iterable[Link]) -> Iterator[str]:
    found: dict[str, dict[str, list[str]]] = {}
    for link in links:
        server = link.server.cluster if link.server else ""
        client = link.client.cluster if link.client else ""
        clients = found.setdefault(_text(link), {}).setdefault(server or client, [])
        if link.case.crosses:
            clients.append(client)
    for text, servers in found.items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for server, names in servers.items():
            alike.setdefault(tuple(natural(set(names))), []).append(server)
        for clients_of, where in alike.items():
            start = f" from {listing(clients_of, MOST_CLUSTERS)}" if clients_of else ""
            yield f"{text} on {listing(natural(where), MOST_CLUSTERS)}{start}"


def _is_new(link: Link, changes: ConnectionChanges) -> bool:
    name = str(link.intent)
    sides = [each for each in (link.server, link.client) if each is not None]
    return any(each in changes.created or name in changes.gained.get(each, ()) for each in sides)


def _text(link: Link) -> str:
    external = link.intent.external
    name = f" as {external.host}" if external is not None else ""
    address = f" ({link.entry})" if link.entry else ""
    return f"{link.intent.caller} may call {link.intent.callee}{name}{address}"


def _closed(changes: ConnectionChanges) -> Iterator[str]:
    found: dict[str, set[str]] = {}
    for unit, names in changes.lost.items():
        for name in names:
            found.setdefault(name, set()).add(unit.cluster)
    for name, clusters in sorted(found.items()):
        caller, _, callee = name.rpartition(" to ")
        where = listing(natural(clusters), MOST_CLUSTERS)
        yield f"no longer: {caller} may call {callee} on {where}"
