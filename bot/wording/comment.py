"""The plan comment of a rollout: one comment on the app repo's merge request, edited in place.

It is as long as the forge allows: in full; without the largest diffs; as statistics; as a link.
Each form says what it leaves out, and where to find it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.engine.propose import Proposal
from bot.wording import conditions, connections, rules
from bot.wording import diffs as changes
from bot.wording.commands import DIGEST, commands, reproduce
from bot.wording.diffs import Diffs
from bot.wording.graph import graph
from bot.wording.headline import headline, next_actor, state_of
from bot.wording.markdown import code, link, plural, sentence, units
from bot.wording.placement import departures, placement
from bot.wording.prose import say
from bot.wording.since import Memory, since
from bot.wording.waves import gates, short_table, table_context, wave_table
from planners.model import PlanProblem

__all__ = ["CommentContext", "comment", "headline", "plan_not_requested", "problems"]

MOST_WARNINGS = 20
MOST_PROBLEMS = 100
SMALLEST = 8_000


@dataclass(frozen=True, slots=True)
class CommentContext:
    """What the comment needs besides the proposal; in a preview the revision is not merged yet.

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


def problems(context: CommentContext, found: Sequence[PlanProblem | str]) -> str:
    """The comment when there is no plan: every problem; nothing was changed."""
    head = (
        f"{context.marker}\n\n"
        f"**{code(context.application)}: no plan.** {plural(len(found), 'problem')} in "
        f"revision {code(context.revision[:12])}; nothing was changed."
    )
    lines: list[str] = []
    left = context.limit - units(head) - len("\n\n- and 1000000 more")
    for problem in found[:MOST_PROBLEMS]:
        line = f"- {sentence(str(problem), 600)}"
        left -= units(line) + 1
        if left < 0:
            break
        lines.append(line)
    if len(found) > len(lines):
        lines.append(f"- and {len(found) - len(lines)} more")
    return head + "\n\n" + "\n".join(lines)


def superseded(application: str) -> str:
    """What a second plan comment says, once it is found."""
    return f"The plan of {code(application)} is in an earlier comment on this merge request."


def plan_not_requested(context: CommentContext, requester: str) -> str:
    """The comment on a merge request from a fork for which nobody requested a plan.

    `requester` did, for another commit than the head, or without naming one.
    """
    why = "This merge request comes from a fork: its plan is made on request."
    if requester:
        why = (
            f"This merge request comes from a fork, and its head is not the commit that "
            f"{code(requester)} named."
        )
    return "\n\n".join(
        [
            context.marker,
            f"**{code(context.application)}: no plan yet.** {why}",
            (
                f"Its head is {code(context.revision)}. To request a plan, review it and comment "
                f"{code('/switchyard plan COMMIT')} with the full id of the commit that you "
                f"reviewed. Requires role {code('write')} on this repository."
            ),
        ]
    )


def comment(context: CommentContext, proposal: Proposal, diffs: Diffs) -> str:
    """The comment for a plan: state, waves, what waits, what changes, where and why."""
    wave_statuses = proposal.evaluation.wave_statuses
    shown = table_context(proposal, diffs.risks, context.sign, preview=context.preview)
    every = wave_table(wave_statuses, shown)
    some = short_table(wave_statuses, shown, _where(context, proposal))
    for tier, waves in ((_whole, every), (_whole, some), (_statistics, some)):
        text = tier(context, proposal, diffs, waves)
        if text is not None and units(text) <= context.limit:
            return text
    return _link(context, proposal, diffs)


def _whole(context: CommentContext, proposal: Proposal, diffs: Diffs, waves: str) -> str | None:
    """Everything, without the largest diffs where they do not fit; None if that is too much."""
    wave_statuses = proposal.evaluation.wave_statuses
    before = [
        *_top(context, proposal),
        waves,
        _section("Connections", connections.section(proposal.links, diffs.connections)),
        _section("Rules", rules.section(proposal.application, proposal.plan.decisions)),
        departures(proposal.plan),
        graph(proposal.application, wave_statuses, preview=context.preview),
        "" if context.preview else gates(wave_statuses),
        "" if proposal.plan.restores else conditions.folded(proposal.conditions),
        _warnings(proposal.warnings),
    ]
    after = [placement(proposal.plan), _foot(context, proposal)]
    if not diffs.groups:
        return _joined([*before, *after])
    budget = context.limit - units(_joined([*before, _section("Changes", "-"), *after])) - 2
    shown = changes.folds(diffs, budget, _where(context, proposal))
    return None if shown is None else _joined([*before, _section("Changes", shown), *after])


def _statistics(context: CommentContext, proposal: Proposal, diffs: Diffs, waves: str) -> str:
    """Waves, and one line for each group."""
    lines = changes.titles(diffs, _where(context, proposal)) if diffs.groups else ""
    return _joined(
        [
            *_top(context, proposal),
            (
                f"Shortened because the plan is large: graph, conditions, placement, and all but "
                f"the first gate of each wave are left out. {_where(context, proposal)}"
            ),
            waves,
            _section("Changes", lines),
            _foot(context, proposal),
        ]
    )


def _link(context: CommentContext, proposal: Proposal, diffs: Diffs) -> str:
    """What is left when nothing fits: the state, the size of the plan, and where it is shown."""
    waves = plural(len(proposal.evaluation.wave_statuses), "wave")
    return _joined(
        [
            *_top(context, proposal),
            (
                f"This plan is too large for a comment: {waves}, "
                f"{plural(diffs.clusters, 'cluster')} with changes, "
                f"{plural(len(diffs.groups), 'group')} of diffs. {_where(context, proposal)}"
            ),
            _foot(context, proposal),
        ]
    )


def _top(context: CommentContext, proposal: Proposal) -> list[str]:
    """The marker, and one line: the state, the digest, who acts next."""
    who = say("next: merge this merge request") if context.preview else next_actor(proposal)
    state = state_of(proposal, preview=context.preview).markdown(400)
    following = f" · {who.markdown(400)}" if who else ""
    return [
        context.marker,
        (
            f"**{code(context.application)}**: {state} · plan "
            f"`{proposal.digest[:DIGEST]}`{following}"
        ),
        since(context.memory, proposal),
    ]


def _where(context: CommentContext, proposal: Proposal) -> str:
    """Where to find what a comment leaves out; no command line makes the plan of a rollback."""
    places = [
        *(
            []
            if context.preview
            else [f"the {link('status page', context.page)} and the merge requests"]
        ),
        *([] if proposal.plan.restores else [code(f"{context.reproduce} --format markdown", 600)]),
    ]
    return f"Full plan: {', or '.join(places)}."


def _warnings(found: Sequence[str]) -> str:
    """Warnings: they do not stop the plan."""
    lines = [f"- {sentence(each, 300)}" for each in found[:MOST_WARNINGS]]
    if len(found) > MOST_WARNINGS:
        lines.append(f"- and {len(found) - MOST_WARNINGS} more")
    return _section("Warnings", "\n".join(lines))


def _foot(context: CommentContext, proposal: Proposal) -> str:
    parts = [
        f"revision {code(context.revision[:12])}",
        *([link("status page", context.page)] if context.page else []),
        *([] if proposal.plan.restores else [_reproduced(context, proposal)]),
    ]
    return f"{commands(proposal, preview=context.preview)}\n\n<sub>{' · '.join(parts)}</sub>"


def _reproduced(context: CommentContext, proposal: Proposal) -> str:
    """How to make this plan again, and from which commits."""
    if not context.base:
        return reproduce(context.reproduce, proposal.digest)
    folders = {
        "APP": proposal.plan.revision.sha,
        "FLEET": proposal.plan.fleet_revision.sha,
        "DEPLOY": context.base,
    }
    places = ", ".join(
        f"{name} at {code(sha[:DIGEST])}"
        for name, sha in folders.items()
        if name in context.reproduce
    )
    return f"{reproduce(context.reproduce, proposal.digest)}, {places}"


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)
