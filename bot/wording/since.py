"""What a comment remembers of the plan it showed, and how the next plan differs from it.

It is kept in the comment's own signed marker: no database is needed for it and no earlier revision
is planned again. It is bounded: of large fleets only numbers are remembered, not names.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.engine.propose import Proposal
from bot.wording.conditions import conditions
from bot.wording.diffs import Diffs, title_of
from bot.wording.markdown import code, plural
from bot.wording.prose import Prose, Value, join, names, say
from planners.model import Json, listing
from planners.model.gates import AwaitsApproval
from planners.plan import digest_of

MOST = 2_500
MOST_GROUPS = 5
MOST_CONDITIONS = 30
MOST_LINES = 8
SHORT = 12
MOST_NAMES = 10

OTHER_INPUTS = "reported cluster facts or the resources that other applications use"
BACK_INPUTS = "what is merged or the conditions of merges"

Placed = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan in short: what it changes in words, where components are (empty where too large).

    `sites` counts the clusters of each component; `order` is a digest of the waves, `terms` one of
    the conditions. `restores` is the commit of the deploy repo that a rollback restores.
    """

    digest: str
    revision: str
    fleet: str
    order: str
    terms: str
    changes: tuple[Prose, ...] = ()
    conditions: tuple[Prose, ...] = ()
    sites: Mapping[str, int] = field(default_factory=dict)
    placed: Placed = field(default_factory=dict)
    restores: str = ""


class Relation(StrEnum):
    """How a plan follows from the one that was shown before."""

    FIRST = ""
    CHANGED = "changed"
    AS_PREVIEWED = "as previewed"
    NOT_AS_PREVIEWED = "not as previewed"


@dataclass(frozen=True, slots=True)
class Memory:
    """The plan that the comment shows, and how it differs from the one before it, `before`."""

    summary: PlanSummary
    preview: bool
    relation: Relation = Relation.FIRST
    before: str = ""
    differences: tuple[Prose, ...] = ()


def summarize(proposal: Proposal, diffs: Diffs) -> PlanSummary:
    """The summary of a plan with these changes."""
    plan = proposal.plan
    placed: dict[str, list[str]] = {}
    for unit in plan.units:
        placed.setdefault(unit.component, []).append(unit.cluster)
    order: list[Json] = [[wave.name, wave.removal] for wave in plan.waves]
    groups = [title_of(each) for each in diffs.groups[:MOST_GROUPS]]
    if len(diffs.groups) > MOST_GROUPS:
        groups.append(say(f"and {plural(len(diffs.groups) - MOST_GROUPS, 'more group')}"))
    return PlanSummary(
        digest=proposal.digest[:SHORT],
        revision=plan.revision.sha[:SHORT],
        fleet=plan.fleet_revision.sha[:SHORT],
        order=digest_of(order)[:SHORT],
        terms=proposal.conditions.digest[:SHORT],
        changes=tuple(groups),
        conditions=tuple(conditions(proposal.conditions)[:MOST_CONDITIONS]),
        sites={name: len(clusters) for name, clusters in placed.items()},
        placed={name: tuple(clusters) for name, clusters in placed.items()},
        restores=plan.restores.sha[:SHORT] if plan.restores is not None else "",
    )


def remember(known: Memory | None, now: PlanSummary, *, preview: bool) -> Memory:
    """What to remember when this plan is shown after what is known of the comment."""
    if known is None:
        return Memory(now, preview)
    before, merged = known.summary, known.preview and not preview
    if before.digest == now.digest:
        if not merged:
            return replace(known, preview=preview)
        return Memory(now, preview, Relation.AS_PREVIEWED, before.digest)
    relation = Relation.NOT_AS_PREVIEWED if merged else Relation.CHANGED
    return Memory(now, preview, relation, before.digest, tuple(_differences(before, now)))


def since(memory: Memory | None, proposal: Proposal) -> str:
    """The lines below the comment's first: how the plan changed, and which approvals are void."""
    void = [f"- {each.markdown()}" for each in _void_approvals(proposal)]
    if memory is None or memory.relation is Relation.FIRST:
        return "\n".join(void)
    before = code(memory.before)
    if memory.relation is Relation.AS_PREVIEWED:
        head = f"As previewed: this merge request showed plan {before} before it was merged."
        return "\n".join([head, *(["", *void] if void else [])])
    head = f"Changes since plan {before}:"
    if memory.relation is Relation.NOT_AS_PREVIEWED:
        head = f"Not as previewed. Changes since plan {before}, which was shown before the merge:"
    lines = [f"- {each.markdown()}" for each in memory.differences[:MOST_LINES]]
    return "\n".join([head, "", *lines, *void])


def _void_approvals(proposal: Proposal) -> Iterator[Prose]:
    """The waves that somebody approved before their content changed."""
    found: dict[tuple[str, ...], list[str]] = {}
    for wave_status in proposal.evaluation.wave_statuses:
        name = wave_status.change.wave.name
        for gate in wave_status.gates:
            if isinstance(gate, AwaitsApproval) and gate.stale:
                waves = found.setdefault(gate.stale, [])
                waves += [name] * (name not in waves)
    for who, waves in list(found.items())[:MOST_NAMES]:
        text = "{} approved an earlier version of {}: a new approval is needed"
        yield say(text, names(who, MOST_NAMES), names(waves, MOST_NAMES))


def _differences(before: PlanSummary, now: PlanSummary) -> Iterator[Prose]:
    if now.restores and not before.restores:
        yield from _rollback(before, now)
    else:
        yield from _replanned(before, now)


def _rollback(before: PlanSummary, now: PlanSummary) -> Iterator[Prose]:
    """How a rollback differs from the plan that it ends: its waves and conditions are its own."""
    yield say(
        "this is a rollback: it restores commit {} of the deploy repo, and what is left of the "
        "earlier plan is not merged",
        now.restores,
    )
    yield from _moves(before, now)
    yield from [say("new: {}", each) for each in now.changes]


def _replanned(before: PlanSummary, now: PlanSummary) -> Iterator[Prose]:
    moved = [
        say(f"{what} {{}}", f"{old} -> {new}")
        for what, old, new in (
            ("revision", before.revision, now.revision),
            ("fleet", before.fleet, now.fleet),
        )
        if old != new
    ]
    yield (
        join(", ", moved)
        if moved
        else say(
            f"same revision and fleet; {BACK_INPUTS if now.restores else OTHER_INPUTS} changed"
        )
    )
    yield from _moves(before, now)
    if before.order != now.order:
        yield say("the waves or their order changed")
    if before.terms != now.terms:
        yield from _conditions(before, now)
    yield from [say("dropped: {}", each) for each in before.changes if each not in now.changes]
    yield from [say("new: {}", each) for each in now.changes if each not in before.changes]


def _conditions(before: PlanSummary, now: PlanSummary) -> Iterator[Prose]:
    """The conditions that fell away and those that are new, as far as both are remembered."""
    gone = [each for each in before.conditions if each not in now.conditions]
    new = [each for each in now.conditions if each not in before.conditions]
    if not before.conditions or not (gone or new):
        yield say("the conditions changed")
        return
    yield from (say("condition dropped: {}", each) for each in gone)
    yield from (say("new condition: {}", each) for each in new)


def _moves(before: PlanSummary, now: PlanSummary) -> Iterator[Prose]:
    """The clusters that components gain and lose; equal moves stand together."""
    moves: dict[str, list[str]] = {}
    for name in sorted({*before.sites, *now.sites}):
        old, new = before.placed.get(name, ()), now.placed.get(name, ())
        counts = before.sites.get(name, 0), now.sites.get(name, 0)
        if len(old) == counts[0] and len(new) == counts[1]:
            gains, losses = sorted({*new} - {*old}), sorted({*old} - {*new})
            signs = [("+", gains), ("-", losses)]
            move = "; ".join(f"{sign} {listing(each, MOST_NAMES)}" for sign, each in signs if each)
        else:
            move = (
                f"{counts[0]} -> {plural(counts[1], 'cluster')}" if counts[0] != counts[1] else ""
            )
        if move:
            moves.setdefault(move, []).append(name)
    for move, components in moves.items():
        yield say("{}: {}", names(components, 5), move)


def encode(memory: Memory) -> str:
    """The memory as text of a bounded length: without names, then without words, if too long."""
    known = memory.summary
    short = replace(known, placed={}, conditions=())
    for kept in (known, replace(known, placed={}), short, replace(short, sites={}, changes=())):
        text = _packed(replace(memory, summary=kept))
        if len(text) <= MOST:
            return text
    return _packed(replace(memory, summary=kept, differences=()))


def _packed(memory: Memory) -> str:
    known = memory.summary
    together: dict[tuple[str, ...], list[str]] = {}
    for name, clusters in known.placed.items():
        together.setdefault(clusters, []).append(name)
    changes = [_plain(each) for each in known.changes]
    differences = [_plain(each) for each in memory.differences[:MOST_LINES]]
    terms = [_plain(each) for each in known.conditions]
    value = [
        [known.digest, known.revision, known.fleet, known.order, known.terms, known.restores],
        [changes, terms, dict(known.sites)],
        [[names, clusters] for clusters, names in together.items()],
        [memory.preview, memory.relation.value, memory.before, differences],
    ]
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode()


def decode(text: str) -> Memory | None:
    """The memory of a genuine marker; None where there is none, or an older version wrote it."""
    try:
        plain = zlib.decompress(base64.urlsafe_b64decode(text))
        about, (changes, agreed, sites), together, rest = json.loads(plain)
        digest, revision, fleet, order, terms, restores = about
        preview, relation, before, differences = rest
        placed = {name: tuple(clusters) for names, clusters in together for name in names}
        summary = PlanSummary(
            *(digest, revision, fleet, order, terms),
            changes=tuple(_phrase(each) for each in changes),
            conditions=tuple(_phrase(each) for each in agreed),
            sites=sites,
            placed=placed,
            restores=restores,
        )
        known = tuple(_phrase(each) for each in differences)
        return Memory(summary, preview, Relation(relation), before, known)
    except (TypeError, ValueError, zlib.error):
        return None


def _plain(phrase: Prose) -> list[str | list[str]]:
    """A phrase as JSON: our own words as text, values in lists of one."""
    return [[each.text] if isinstance(each, Value) else each for each in phrase.parts]


def _phrase(parts: list[str | list[str]] | str) -> Prose:
    """The phrase again. Raises ValueError for the bare text that earlier versions wrote."""
    if isinstance(parts, str):
        raise ValueError("text of an earlier version has no parts")  # noqa: TRY004 - not a type error to the reader
    return Prose(tuple(each if isinstance(each, str) else Value(each[0]) for each in parts))
