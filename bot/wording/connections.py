"""Who may call whom after a plan is merged, and may not before: `new: cart may call payment`.

What is merged is read from the objects in the deploy repo: each derived object lists the intents
that it comes from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.wording.markdown import listing, natural, sentence
from planners.connect import Link
from planners.gating.change_sets import ChangeSet
from planners.model import Unit
from renderers.derived import intents_in

MOST_LINES, MOST_CLUSTERS = 20, 3


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
    known: dict[str, frozenset[str]] = {}
    before: dict[Unit, set[str]] = {}
    after: dict[Unit, set[str]] = {}
    existing: set[Unit] = set()
    for change in changes:
        for file in change.files:
            for blob, found in ((file.old, before), (file.new, after)):
                if blob is None:
                    continue
                if blob not in known:
                    known[blob] = intents_in(blobs[blob])
                if known[blob]:
                    found.setdefault(file.unit, set()).update(known[blob])
            if file.old is not None:
                existing.add(file.unit)
    units = {file.unit for change in changes for file in change.files}
    none: frozenset[str] = frozenset()
    return ConnectionChanges(
        gained={unit: frozenset(found - before.get(unit, none)) for unit, found in after.items()},
        lost={unit: frozenset(found - after.get(unit, none)) for unit, found in before.items()},
        created=frozenset(units - existing),
    )


def connections(links: Sequence[Link], changes: ConnectionChanges) -> tuple[str, ...]:
    """One line for each intent with new pairs, then for each that a unit no longer has."""
    lines = [*_opened(links, changes), *_closed(changes)]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more"]
    return tuple(lines)


def bullets(lines: Sequence[str]) -> str:
    """The lines as a list in Markdown; names in them are what people wrote."""
    return "\n".join(f"- {sentence(each, 400)}" for each in lines)


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
            alike.setdefault(tuple(natural(names)), []).append(server)
        for clients_of, where in alike.items():
            start = f" from {listing(clients_of, MOST_CLUSTERS)}" if clients_of else ""
            yield f"{text} on {listing(natural(where), MOST_CLUSTERS)}{start}"


def _is_new(link: Link, changes: ConnectionChanges) -> bool:
    name = str(link.intent)
    sides = [each for each in (link.server, link.client) if each is not None]
    return any(each in changes.created or name in changes.gained.get(each, ()) for each in sides)


def _text(link: Link) -> str:
    return f"{link.intent.caller} may call {link.intent.callee}"


def _closed(changes: ConnectionChanges) -> Iterator[str]:
    found: dict[str, set[str]] = {}
    for unit, names in changes.lost.items():
        for name in names:
            found.setdefault(name, set()).add(unit.cluster)
    for name, clusters in sorted(found.items()):
        caller, _, callee = name.rpartition(" to ")
        where = listing(natural(clusters), MOST_CLUSTERS)
        yield f"no longer: {caller} may call {callee} on {where}"
