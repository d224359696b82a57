"""What a comment remembers of the plan it showed, and how another plan differs from that.

It stands in the comment's own signed marker, so that no database is needed for it and no earlier
revision is planned again. It is bounded: of large fleets numbers are remembered, not names.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.engine.propose import Proposal
from bot.wording.diffs import Diffs, said
from bot.wording.markdown import code, listing, plural
from planners.model import Json
from planners.model.gates import AwaitsApproval
from planners.plan import digest_of

MOST = 2_000
MOST_GROUPS = 5
MOST_LINES = 8
SHORT = 12
NAMES = 10

Placed = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Gist:
    """A plan in short: what it changes in words, where components are (empty where too large).

    `sites` counts the clusters of each component, `order` is a digest of the waves.
    """

    digest: str
    revision: str
    fleet: str
    order: str
    changes: tuple[str, ...] = ()
    sites: Mapping[str, int] = field(default_factory=dict)
    placed: Placed = field(default_factory=dict)


class Story(StrEnum):
    """How a plan follows from the one that was shown before."""

    FIRST = ""
    CHANGED = "changed"
    AS_PREVIEWED = "as previewed"
    NOT_AS_PREVIEWED = "not as previewed"


@dataclass(frozen=True, slots=True)
class Memory:
    """The plan that the comment shows, and how it differs from the one before it, `before`."""

    gist: Gist
    preview: bool
    story: Story = Story.FIRST
    before: str = ""
    told: tuple[str, ...] = ()


def gist_of(proposal: Proposal, diffs: Diffs) -> Gist:
    """The gist of a plan with these changes."""
    plan = proposal.plan
    placed: dict[str, list[str]] = {}
    for unit in plan.units:
        placed.setdefault(unit.component, []).append(unit.cluster)
    order: list[Json] = [
        [wave.name, wave.stage.soak.total_seconds(), wave.removal] for wave in plan.waves
    ]
    groups = [said(each, diffs.clusters) for each in diffs.groups[:MOST_GROUPS]]
    if len(diffs.groups) > MOST_GROUPS:
        groups.append(f"and {plural(len(diffs.groups) - MOST_GROUPS, 'group')} more")
    return Gist(
        digest=proposal.digest[:SHORT],
        revision=plan.revision.sha[:SHORT],
        fleet=plan.fleet_revision.sha[:SHORT],
        order=digest_of(order)[:SHORT],
        changes=tuple(groups),
        sites={name: len(clusters) for name, clusters in placed.items()},
        placed={name: tuple(clusters) for name, clusters in placed.items()},
    )


def remember(known: Memory | None, now: Gist, *, preview: bool) -> Memory:
    """What to remember when this plan is shown after what is known of the comment."""
    if known is None:
        return Memory(now, preview)
    merged = known.preview and not preview
    if known.gist.digest == now.digest:
        if not merged:
            return Memory(known.gist, preview, known.story, known.before, known.told)
        return Memory(now, preview, Story.AS_PREVIEWED, known.gist.digest)
    story = Story.NOT_AS_PREVIEWED if merged else Story.CHANGED
    return Memory(now, preview, story, known.gist.digest, tuple(_differences(known.gist, now)))


def since(memory: Memory | None, proposal: Proposal) -> str:
    """What the comment says of it, below its first line; and whose approvals fell."""
    fallen = [f"- {each}" for each in _fallen(proposal)]
    if memory is None or memory.story is Story.FIRST:
        return "\n".join(fallen)
    before = code(memory.before)
    if memory.story is Story.AS_PREVIEWED:
        head = f"As previewed: plan {before} is what this merge request showed before its merge."
        return "\n".join([head, *(["", *fallen] if fallen else [])])
    head = f"Since plan {before}:"
    if memory.story is Story.NOT_AS_PREVIEWED:
        head = f"Not as previewed. Since plan {before}, which was shown before the merge:"
    lines = [f"- {code(each, 300)}" for each in memory.told[:MOST_LINES]]
    return "\n".join([head, "", *lines, *fallen])


def _fallen(proposal: Proposal) -> Iterator[str]:
    """Each wave that somebody approved as it was before."""
    found: dict[tuple[str, ...], list[str]] = {}
    for wave_status in proposal.evaluation.wave_statuses:
        for gate in wave_status.gates:
            if isinstance(gate, AwaitsApproval) and gate.stale:
                waves = found.setdefault(gate.stale, [])
                waves += [wave_status.change.wave.name] * (
                    wave_status.change.wave.name not in waves
                )
    for who, waves in list(found.items())[:NAMES]:
        people, about = code(listing(who, NAMES)), code(listing(waves, NAMES))
        yield f"{people} approved {about} as it was before; it is to be approved anew"


def _differences(before: Gist, now: Gist) -> Iterator[str]:
    moved = [
        f"{what} {old} -> {new}"
        for what, old, new in (
            ("revision", before.revision, now.revision),
            ("fleet", before.fleet, now.fleet),
        )
        if old != new
    ]
    yield ", ".join(moved) or (
        "revision and fleet are the same: clusters report other facts, or others claim room"
    )
    yield from _moves(before, now)
    if before.order != now.order:
        yield "the waves are others, or in another order"
    yield from [f"no longer: {each}" for each in before.changes if each not in now.changes]
    yield from [f"now: {each}" for each in now.changes if each not in before.changes]


def _moves(before: Gist, now: Gist) -> Iterator[str]:
    """Where components come and go; equal moves stand together."""
    moves: dict[str, list[str]] = {}
    for name in sorted({*before.sites, *now.sites}):
        old, new = before.placed.get(name, ()), now.placed.get(name, ())
        counts = before.sites.get(name, 0), now.sites.get(name, 0)
        if len(old) == counts[0] and len(new) == counts[1]:
            gains, losses = sorted({*new} - {*old}), sorted({*old} - {*new})
            signs = [("+", gains), ("-", losses)]
            move = "; ".join(f"{sign} {listing(each, NAMES)}" for sign, each in signs if each)
        else:
            move = (
                f"{counts[0]} -> {plural(counts[1], 'cluster')}" if counts[0] != counts[1] else ""
            )
        if move:
            moves.setdefault(move, []).append(name)
    for move, names in moves.items():
        yield f"{listing(names, 5)}: {move}"


def write(memory: Memory) -> str:
    """The memory as text of a bounded length: without names, then without words, if too long."""
    gist = memory.gist
    for kept in (
        gist,
        Gist(gist.digest, gist.revision, gist.fleet, gist.order, gist.changes, gist.sites),
        Gist(gist.digest, gist.revision, gist.fleet, gist.order),
    ):
        text = _packed(Memory(kept, memory.preview, memory.story, memory.before, memory.told))
        if len(text) <= MOST:
            return text
    return _packed(Memory(kept, memory.preview, memory.story, memory.before))


def _packed(memory: Memory) -> str:
    gist = memory.gist
    together: dict[tuple[str, ...], list[str]] = {}
    for name, clusters in gist.placed.items():
        together.setdefault(clusters, []).append(name)
    value = [
        [gist.digest, gist.revision, gist.fleet, gist.order, gist.changes, dict(gist.sites)],
        [[names, clusters] for clusters, names in together.items()],
        [memory.preview, memory.story.value, memory.before, memory.told[:MOST_LINES]],
    ]
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode()


def read(text: str) -> Memory | None:
    """The memory of a genuine marker; None where there is none, or an older version wrote it."""
    try:
        plain = zlib.decompress(base64.urlsafe_b64decode(text))
        (digest, revision, fleet, order, changes, sites), together, rest = json.loads(plain)
        preview, story, before, told = rest
        placed = {name: tuple(clusters) for names, clusters in together for name in names}
        gist = Gist(digest, revision, fleet, order, tuple(changes), sites, placed)
        return Memory(gist, preview, Story(story), before, tuple(told))
    except (ValueError, zlib.error):
        return None
