"""The home page of a rollout: one comment on the app repo's merge request, edited in place.

It is as long as the forge takes it: in full; without the largest diffs; as statistics; as a link.
Each form says what it leaves out, and where that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.propose import Proposal
from bot.wording import diffs as changes
from bot.wording.commands import DIGEST, commands, reproduce
from bot.wording.diffs import Diffs
from bot.wording.graph import graph
from bot.wording.headline import headline, next_actor, state_of
from bot.wording.markdown import code, link, plural, units
from bot.wording.placement import departures, placement
from bot.wording.since import Memory, since
from bot.wording.waves import gates, look_of, short_table, wave_table
from planners.model import PlanProblem

__all__ = ["Home", "comment", "headline", "problems", "unasked"]

MOST_WARNINGS = 20
MOST_PROBLEMS = 100
SMALLEST = 8_000


@dataclass(frozen=True, slots=True)
class Home:
    """What the comment needs besides the proposal; `preview`: the revision is not merged yet.

    `limit` is how long it may be, in UTF-16 code units; at least SMALLEST. `reproduce` is the
    command that makes the plan again, for the deploy repo as it was at commit `base`. `memory` is
    what the comment remembers, `sign` stands before the number of a merge request.
    """

    marker: str
    application: str
    revision: str
    preview: bool
    page: str
    reproduce: str
    limit: int
    base: str = ""
    sign: str = "!"
    memory: Memory | None = None


def problems(home: Home, found: Sequence[PlanProblem | str]) -> str:
    """The comment when there is no plan: every problem, nothing changed."""
    head = (
        f"{home.marker}\n\n"
        f"**{code(home.application)}: no plan.** {plural(len(found), 'problem')} in "
        f"revision {code(home.revision[:12])}; nothing was changed anywhere."
    )
    lines: list[str] = []
    left = home.limit - units(head) - len("\n\n- and 1000000 more")
    for problem in found[:MOST_PROBLEMS]:
        line = f"- {code(str(problem), 600)}"
        left -= units(line) + 1
        if left < 0:
            break
        lines.append(line)
    if len(found) > len(lines):
        lines.append(f"- and {len(found) - len(lines)} more")
    return head + "\n\n" + "\n".join(lines)


def unasked(home: Home, asker: str) -> str:
    """The comment on a merge request from a fork that nobody asked a plan for.

    `asker` did, for a head that the branch has left since.
    """
    why = "It comes from a fork, and what comes from outside is planned when somebody asks."
    if asker:
        why = f"It comes from a fork, and its branch has changed since {code(asker)} asked."
    return "\n\n".join(
        [
            home.marker,
            f"**{code(home.application)}: no plan yet.** {why}",
            (
                f"Somebody with the role write here looks at revision {code(home.revision[:12])}, "
                f"then comments {code('/switchyard plan')}."
            ),
        ]
    )


def comment(home: Home, proposal: Proposal, diffs: Diffs) -> str:
    """The comment for a plan: state, waves, what waits, what changes, where and why."""
    wave_statuses = proposal.evaluation.wave_statuses
    look = look_of(proposal, diffs.risks, home.sign, preview=home.preview)
    every = wave_table(wave_statuses, look)
    some = short_table(wave_statuses, look, _where(home, proposal))
    for tier, waves in ((_whole, every), (_whole, some), (_statistics, some)):
        text = tier(home, proposal, diffs, waves)
        if text is not None and units(text) <= home.limit:
            return text
    return _link(home, proposal, diffs)


def _whole(home: Home, proposal: Proposal, diffs: Diffs, waves: str) -> str | None:
    """Everything, without the largest diffs where they do not fit; None if that is too much."""
    wave_statuses = proposal.evaluation.wave_statuses
    before = [
        *_top(home, proposal),
        waves,
        departures(proposal.plan),
        graph(proposal.application, wave_statuses, preview=home.preview),
        "" if home.preview else gates(wave_statuses),
        _warnings(proposal.warnings),
    ]
    after = [placement(proposal.plan), _foot(home, proposal)]
    if not diffs.groups:
        return _joined([*before, *after])
    budget = home.limit - units(_joined([*before, _section("Changes", "-"), *after])) - 2
    shown = changes.folds(diffs, budget, _where(home, proposal))
    return None if shown is None else _joined([*before, _section("Changes", shown), *after])


def _statistics(home: Home, proposal: Proposal, diffs: Diffs, waves: str) -> str:
    """Waves, and one line for each group."""
    lines = changes.titles(diffs, _where(home, proposal)) if diffs.groups else ""
    return _joined(
        [
            *_top(home, proposal),
            (
                f"Shortened, for this plan is large: without graph, placement, and all gates but "
                f"the first of each wave. {_where(home, proposal)}"
            ),
            waves,
            _section("Changes", lines),
            _foot(home, proposal),
        ]
    )


def _link(home: Home, proposal: Proposal, diffs: Diffs) -> str:
    """What is left when nothing fits: how it stands, how much it is, and where it is shown."""
    waves = plural(len(proposal.evaluation.wave_statuses), "wave")
    return _joined(
        [
            *_top(home, proposal),
            (
                f"This plan is too large for a comment: {waves}, "
                f"{plural(diffs.clusters, 'cluster')} with changes, "
                f"{plural(len(diffs.groups), 'group')} of diffs. {_where(home, proposal)}"
            ),
            _foot(home, proposal),
        ]
    )


def _top(home: Home, proposal: Proposal) -> list[str]:
    """The marker, and one line: how it stands, the digest, who acts next."""
    who = "next: the merge of this merge request" if home.preview else next_actor(proposal)
    state = state_of(proposal, preview=home.preview)
    following = f" · {code(who, 400)}" if who else ""
    return [
        home.marker,
        (
            f"**{code(home.application)}**: {code(state, 400)} · plan "
            f"`{proposal.digest[:DIGEST]}`{following}"
        ),
        since(home.memory, proposal),
    ]


def _where(home: Home, proposal: Proposal) -> str:
    """Where people find what a comment leaves out; a folder knows of no rollback."""
    places = [
        *([] if home.preview else [f"the {link('status page', home.page)} and the merge requests"]),
        *([] if proposal.plan.restores else [code(f"{home.reproduce} --format markdown", 600)]),
    ]
    return f"All of it: {', or '.join(places)}."


def _warnings(found: Sequence[str]) -> str:
    """What does not stop the plan and should be known."""
    lines = [f"- {code(each, 300)}" for each in found[:MOST_WARNINGS]]
    if len(found) > MOST_WARNINGS:
        lines.append(f"- and {len(found) - MOST_WARNINGS} more")
    return _section("Good to know", "\n".join(lines))


def _foot(home: Home, proposal: Proposal) -> str:
    parts = [
        f"revision {code(home.revision[:12])}",
        *([link("status page", home.page)] if home.page else []),
        *([] if proposal.plan.restores else [_reproduced(home, proposal)]),
    ]
    return f"{commands(proposal, preview=home.preview)}\n\n<sub>{' · '.join(parts)}</sub>"


def _reproduced(home: Home, proposal: Proposal) -> str:
    """How to make this plan again, and from which commits."""
    if not home.base:
        return reproduce(home.reproduce, proposal.digest)
    folders = {
        "APP": proposal.plan.revision.sha,
        "FLEET": proposal.plan.fleet_revision.sha,
        "DEPLOY": home.base,
    }
    places = ", ".join(
        f"{name} at {code(sha[:DIGEST])}" for name, sha in folders.items() if name in home.reproduce
    )
    return f"{reproduce(home.reproduce, proposal.digest)}, {places}"


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)
