"""The plan comment of a rollout: one comment on the app repo's merge request, edited in place.

What needs people stands first, details in folds, and long diffs on the page of the plan. It is as
long as the forge allows: in full; without the largest diffs; as statistics; as a link. Each form
says what it leaves out, and where to find it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.engine.propose import Proposal
from bot.wording import conditions, connections, needs, rules, waves
from bot.wording import diffs as changes
from bot.wording.commands import DIGEST, commands, reproduce
from bot.wording.diffs import Diffs
from bot.wording.graph import graph
from bot.wording.headline import Sign, headline, sign
from bot.wording.markdown import code, fold, link, listed, plural, sentence, units
from bot.wording.placement import departures, placement
from bot.wording.regions import regions
from bot.wording.since import Memory, since
from bot.wording.waves import table_context
from planners.model import PlanProblem

__all__ = ["CommentContext", "comment", "headline", "plan_not_requested", "problems"]

MOST_WARNINGS, OPEN_WARNINGS = 20, 3
MOST_PROBLEMS = 100
SMALLEST = 8_000


@dataclass(frozen=True, slots=True)
class CommentContext:
    """What the comment needs besides the proposal; in a preview the revision is not merged yet.

    `limit` is how long it may be, in UTF-16 code units; at least SMALLEST. `reproduce` is the
    command that makes the plan again, for the deploy repo as it was at commit `base`. `memory` is
    what the comment remembers, `sign` stands before the number of a merge request. `page` and
    `plan_page` are the pages of the rollout and of this plan; empty where people cannot reach them.
    `regions` has the region of each cluster that is in one, in the order to show them.
    """

    marker: str
    application: str
    revision: str
    preview: bool
    page: str
    reproduce: str
    limit: int
    plan_page: str = ""
    base: str = ""
    sign: str = "!"
    memory: Memory | None = None
    regions: Mapping[str, str] = field(default_factory=dict)


def problems(context: CommentContext, found: Sequence[PlanProblem | str]) -> str:
    """The comment when there is no plan: every problem; nothing was changed."""
    count = plural(len(found), "problem")
    head = (
        f"{context.marker}\n\n"
        f"{Sign.STOPPED} **{code(context.application)}: no plan.** {count} in revision "
        f"{code(context.revision[:12])}; nothing was changed. Next: someone corrects "
        f"{'it' if len(found) == 1 else 'them'}."
    )
    said = [str(each) for each in found]
    return listed(head, said, context.limit, most=MOST_PROBLEMS, length=600)


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
            f"{Sign.PERSON} **{code(context.application)}: no plan yet.** {why}",
            (
                f"Its head is {code(context.revision)}. To request a plan, review it and comment "
                f"{code('/switchyard plan COMMIT')} with the full id of the commit that you "
                f"reviewed. Requires role {code('write')} on this repository."
            ),
        ]
    )


def comment(context: CommentContext, proposal: Proposal, diffs: Diffs) -> str:
    """The comment for a plan: state, what needs people, waves, what changed; the rest in folds."""
    wave_statuses = proposal.evaluation.wave_statuses
    shown = table_context(proposal, diffs.risks, context.sign, preview=context.preview)
    short = waves.step_table(wave_statuses, shown)
    for most in (None, waves.MOST_WAVES):
        every = waves.every_wave(wave_statuses, shown, most, _where(context))
        text = _whole(context, proposal, diffs, short, every)
        if text is not None and units(text) <= context.limit:
            return text
    text = _statistics(context, proposal, diffs, short)
    return text if units(text) <= context.limit else _link(context, proposal, diffs)


def _whole(
    context: CommentContext, proposal: Proposal, diffs: Diffs, short: str, every: str
) -> str | None:
    """Everything, without the largest diffs where they do not fit; None if that is too much."""
    before = [
        *_top(context, proposal),
        short,
        since(context.memory, proposal),
        departures(proposal.plan),
        _section("Connections", connections.section(proposal.links, diffs.connections)),
        _rules(proposal),
        _warnings(proposal.warnings, preview=True) if context.preview else "",
    ]
    after = _folds(context, proposal, every)
    if not diffs.groups:
        return _joined([*before, *after])
    budget = context.limit - units(_joined([*before, _section("Changes", "-"), *after])) - 2
    shown = changes.folds(diffs, budget, _where(context), context.plan_page)
    return None if shown is None else _joined([*before, _section("Changes", shown), *after])


def _folds(context: CommentContext, proposal: Proposal, every: str) -> list[str]:
    """What few people need: the order, gates, conditions, placement, commands; and the foot."""
    wave_statuses = proposal.evaluation.wave_statuses
    picture = graph(proposal.application, {each.component for each in proposal.plan.units})
    order = _joined([picture, every])
    return [
        regions(wave_statuses, context.regions),
        fold(f"Order: {plural(len(wave_statuses), 'wave')}", order) if wave_statuses else "",
        "" if context.preview else waves.gates(wave_statuses),
        "" if context.preview else _warnings(proposal.warnings, preview=False),
        "" if proposal.plan.restores else conditions.folded(proposal.conditions),
        placement(proposal.plan),
        _commands(context, proposal),
        _foot(context, proposal),
    ]


def _statistics(context: CommentContext, proposal: Proposal, diffs: Diffs, short: str) -> str:
    """Stages, and one line for each group."""
    lines = changes.titles(diffs, _where(context)) if diffs.groups else ""
    return _joined(
        [
            *_top(context, proposal),
            (
                f"Shortened because the plan is large: order, gates, conditions and placement are "
                f"left out. {_where(context)}"
            ),
            short,
            _section("Changes", lines),
            _commands(context, proposal),
            _foot(context, proposal),
        ]
    )


def _link(context: CommentContext, proposal: Proposal, diffs: Diffs) -> str:
    """What is left when nothing fits: the state, the size of the plan, and where it is shown."""
    count = plural(len(proposal.evaluation.wave_statuses), "wave")
    return _joined(
        [
            *_top(context, proposal, 1),
            (
                f"This plan is too large for a comment: {count}, "
                f"{plural(diffs.clusters, 'cluster')} with changes, "
                f"{plural(len(diffs.groups), 'group')} of diffs. {_where(context)}"
            ),
            _commands(context, proposal),
            _foot(context, proposal),
        ]
    )


def _top(context: CommentContext, proposal: Proposal, most: int = needs.MOST) -> list[str]:
    """The marker; one line with the state and who acts next; what people have to do now."""
    state = headline(proposal, preview=context.preview).markdown(600)
    needed = "" if context.preview else needs.section(proposal, context.sign, most)
    return [
        context.marker,
        f"{sign(proposal, preview=context.preview)} **{code(context.application)}**: {state}",
        _section("What needs you", needed),
    ]


def _where(context: CommentContext) -> str:
    """Where to find what a comment leaves out."""
    places = [
        *([f"the {link('page of the plan', context.plan_page)}"] if context.plan_page else []),
        *([] if context.preview else ["the merge requests of the waves"]),
        f"the reply to {code('/switchyard diff CLUSTER')}",
    ]
    return f"See {', or '.join(places)}."


def _rules(proposal: Proposal) -> str:
    """What rules decided; folded while all of them are idle."""
    text = rules.section(proposal.application, proposal.plan.decisions)
    if proposal.plan.decisions or not text:
        return _section("Rules", text)
    return fold(plural(len(proposal.application.rules), "idle rule"), text)


def _warnings(found: Sequence[PlanProblem], *, preview: bool) -> str:
    """Warnings: they do not stop the plan, and after the merge they are no news."""
    lines = [f"- {sentence(str(each), 300)}" for each in found[:MOST_WARNINGS]]
    if len(found) > MOST_WARNINGS:
        lines.append(f"- and {len(found) - MOST_WARNINGS} more")
    open_ones = OPEN_WARNINGS if preview else 0
    shown, rest = "\n".join(lines[:open_ones]), "\n".join(lines[open_ones:])
    more = fold(plural(len(found) - open_ones, "more warning" if shown else "warning"), rest)
    return _joined([_section("Warnings", shown), more if rest else ""])


def _commands(context: CommentContext, proposal: Proposal) -> str:
    """What people can comment now, and how to make the plan again on another machine."""
    lines = [f"- {each}" for each in commands(proposal, preview=context.preview)]
    if not proposal.plan.restores:
        lines.append(f"- on your machine: {_reproduced(context, proposal)}")
    return fold("Commands", "\n".join(lines))


def _foot(context: CommentContext, proposal: Proposal) -> str:
    """Which plan this is, and where its pages are."""
    plan = code(proposal.digest[:DIGEST])
    parts = [
        f"plan {link(plan, context.plan_page) if context.plan_page else plan}",
        f"revision {code(context.revision[:12])}",
        *([link("status page", context.page)] if context.page else []),
    ]
    return f"<sub>{' · '.join(parts)}</sub>"


def _reproduced(context: CommentContext, proposal: Proposal) -> str:
    """How to make this plan again, and from which commits."""
    back = rules.given_back(proposal.changes)
    if back:
        names = ", ".join(map(code, sorted(back)))
        return f"not from folders alone, as signals decided what is removed (rules: {names})"
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
    waves = [code(each.wave.name) for each in proposal.changes if each.ruled.rules]
    more = f", with the merge requests of {', '.join(waves)} merged into it" if waves else ""
    return f"{reproduce(context.reproduce, proposal.digest)}, {places}{more}"


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)
