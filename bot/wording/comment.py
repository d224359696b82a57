"""The home page of a rollout: one comment on the app repo's merge request, edited in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core import Proposal
from bot.wording.diffs import Diffs, counts, render_diffs
from bot.wording.explanation import why_not
from bot.wording.markdown import code, fitting, fold, listing, plural, table
from bot.wording.reasons import places, reason, remedy
from planners.gate import Standing, WaveState
from planners.gates import (
    AwaitsApproval,
    ClosedByPerson,
    ForeignCommit,
    Gate,
    Held,
    Lack,
    OpenedByPerson,
    Pending,
)
from planners.plan import Plan, PlanProblem

BUDGET = 58_000
MOST_WARNINGS = 20
WAVES_BUDGET, WAITING_BUDGET, PLACEMENT_BUDGET = 20_000, 12_000, 10_000
MOST_REASONS = 10
PEOPLE = (AwaitsApproval, ClosedByPerson, ForeignCommit, Held, OpenedByPerson)


@dataclass(frozen=True, slots=True)
class Home:
    """What the comment needs besides the proposal; `preview`: the revision is not merged yet."""

    marker: str
    application: str
    revision: str
    preview: bool
    page: str
    reproduce: str


def problems(home: Home, found: Sequence[PlanProblem | str]) -> str:
    """The comment when there is no plan: every problem, nothing changed."""
    lines = "\n".join(f"- {code(str(problem), 600)}" for problem in found[:100])
    more = f"\n- and {len(found) - 100} more" if len(found) > 100 else ""  # noqa: PLR2004 - as above
    return "\n\n".join(
        [
            home.marker,
            (
                f"**{code(home.application)}: no plan.** {plural(len(found), 'problem')} in "
                f"revision {code(home.revision[:12])}; nothing was changed anywhere."
            ),
            lines + more,
        ]
    )


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
    standings = proposal.decision.standings
    parts = [
        home.marker,
        _headline(home, proposal),
        _waves(standings, preview=home.preview),
        _waiting(standings, preview=home.preview),
        _warnings(proposal.warnings),
        _placement(proposal.plan),
        (
            f"<sub>revision {code(home.revision[:12])} · [status page]({home.page}) · reproduce "
            f"with {code(home.reproduce)}</sub>"
        ),
    ]
    length = sum(len(part) for part in parts)
    if diffs.groups:
        shown = f"**What changes**\n\n{render_diffs(diffs, BUDGET - length)}"
        parts.insert(5, shown)
    return "\n\n".join(part for part in parts if part)


def headline(proposal: Proposal, *, preview: bool) -> str:
    """The state of a rollout in a few words; also the text of `switchyard/plan`."""
    standings = proposal.decision.standings
    to_merge = [each for each in standings if each.change.files]
    clusters = {unit.cluster for each in standings for unit in each.change.wave.units}
    if preview:
        if not to_merge:
            return "nothing changes on any cluster"
        touched = {cluster for each in to_merge for cluster in each.change.clusters}
        return (
            f"{plural(len(touched), 'cluster')} of {len(clusters)} change in "
            f"{plural(len(to_merge), 'wave')}"
        )
    if proposal.plan.restores is not None:
        return _going_back(proposal, len(clusters), to_merge)
    if proposal.decision.done:
        return f"rolled out: ready on {plural(len(clusters), 'cluster')}"
    if failed := _failed(standings):
        return f"held: {places(failed)}"
    if to_merge:
        done = len(standings) - len(to_merge)
        return f"{done} of {plural(len(standings), 'wave')} merged; {_next(to_merge)}"
    return "all waves merged; waiting for the clusters to be ready"


def _going_back(proposal: Proposal, clusters: int, to_merge: Sequence[Standing]) -> str:
    plan, standings = proposal.plan, proposal.decision.standings
    what = f"revision {plan.revision.sha[:8]}"
    if proposal.decision.done:
        return f"rolled back: {what} failed; {plural(clusters, 'cluster')} ready as before"
    if to_merge:
        done = len(standings) - len(to_merge)
        why = f" ({places(plan.failures)})" if plan.failures else ""
        return f"rolling back {what}{why}: {done} of {len(standings)} done; {_next(to_merge)}"
    return f"rolled back {what}; waiting for the clusters to be ready as before"


def _headline(home: Home, proposal: Proposal) -> str:
    state = headline(proposal, preview=home.preview)
    what = "would change" if home.preview else "rollout"
    return (
        f"**{code(home.application)}** · plan `{proposal.digest[:12]}` · {what}: {code(state, 400)}"
    )


def _next(to_merge: Sequence[Standing]) -> str:
    people = [gate for each in to_merge for gate in each.gates if isinstance(gate, PEOPLE)]
    first = people[0] if people and all(each.gates for each in to_merge) else None
    for standing in to_merge:
        if not standing.gates:
            return f"{standing.change.wave.name} merges now"
    gate = first or to_merge[0].gates[0]
    return reason(gate)


def _failed(standings: Sequence[Standing]) -> list[Pending]:
    return [
        pending
        for standing in standings
        for pending in standing.pending
        if pending.lack is Lack.REPAIR
    ]


def _waves(standings: Sequence[Standing], *, preview: bool) -> str:
    """One row for each wave; where they are too many, those that are done are left out first."""
    head = ["wave", "components", "clusters", "changes", "merge request", "state"]
    rows = {each.change.wave.name: _wave(each, preview=preview) for each in standings}
    if preview:
        rows, head = {name: row[:4] + row[5:] for name, row in rows.items()}, head[:4] + head[5:]
    left = [*rows.values()]
    if len(fitting(left, WAVES_BUDGET)) < len(left):
        left = [rows[each.change.wave.name] for each in standings if each.change.files]
    shown = fitting(left, WAVES_BUDGET)
    more = len(rows) - len(shown)
    note = f"\n\nand {more} more waves: the status page shows them all" if more else ""
    return table(head, shown) + note


def _wave(standing: Standing, *, preview: bool) -> list[str]:
    return [
        code(standing.change.wave.name),
        listing(sorted({unit.component for unit in standing.change.wave.units}), 5),
        _clusters(standing),
        counts(standing.change),
        "" if preview else _request(standing),
        _preview_state(standing) if preview else _state(standing),
    ]


def _clusters(standing: Standing) -> str:
    names = sorted({unit.cluster for unit in standing.change.wave.units})
    return f"{len(names)}: {listing(names)}"


def _request(standing: Standing) -> str:
    request = standing.merge_request
    return f"[!{request.number}]({request.url})" if request else ""


def _preview_state(standing: Standing) -> str:
    return "to merge" if standing.change.files else "no change"


def _state(standing: Standing) -> str:
    match standing.state:
        case WaveState.DONE:
            return "ready"
        case WaveState.SETTLING:
            return f"merged; {code(places(standing.pending))}"
        case WaveState.MERGING:
            return "its turn"
        case WaveState.WAITING:
            return code(reason(standing.gates[0]), 300)


def _waiting(standings: Sequence[Standing], *, preview: bool) -> str:
    """Each closed gate once, with who clears it; those that need a person first."""
    if preview:
        return ""
    found: dict[str, tuple[Gate, list[str]]] = {}
    for standing in standings:
        for gate in standing.gates:
            found.setdefault(reason(gate), (gate, []))[1].append(standing.change.wave.name)
    if not found:
        return ""
    ordered = sorted(found.items(), key=lambda item: not isinstance(item[1][0], PEOPLE))
    rows = [
        [listing(waves), code(text, 300), code(remedy(gate))] for text, (gate, waves) in ordered
    ]
    summary = f"What it waits for ({plural(len(rows), 'gate')})"
    shown = fitting(rows[:50], WAITING_BUDGET)
    return fold(summary, table(["waves", "why it waits", "cleared by"], shown))


def _warnings(found: Sequence[str]) -> str:
    """What does not stop the plan and should be known."""
    lines = [f"- {code(each, 300)}" for each in found[:MOST_WARNINGS]]
    if len(found) > MOST_WARNINGS:
        lines.append(f"- and {len(found) - MOST_WARNINGS} more")
    return "\n".join(["**Good to know**", "", *lines]) if lines else ""


def _placement(plan: Plan) -> str:
    """One row for each component: where it goes, and why not elsewhere, equal reasons grouped."""
    trace = plan.trace
    if not trace:
        return ""
    rows = []
    for component in sorted({decision.unit.component for decision in trace}):
        mine = [decision for decision in trace if decision.unit.component == component]
        chosen = [decision.unit.cluster for decision in mine if decision.chosen]
        reasons: dict[str, list[str]] = {}
        for decision in mine:
            if not decision.chosen:
                reasons.setdefault(why_not(decision), []).append(decision.unit.cluster)
        rows.append(
            [
                component,
                f"{len(chosen)}: {listing(chosen)}",
                _elsewhere(reasons),
            ]
        )
    return fold(
        f"Where and why ({plural(len(rows), 'component')})",
        "\n\n".join(
            [
                *([f"Optimal placement: {plan.optimum}."] if plan.optimum else []),
                table(["component", "runs on", "not on"], fitting(rows, PLACEMENT_BUDGET)),
            ]
        ),
    )


def _elsewhere(reasons: Mapping[str, Sequence[str]]) -> str:
    """Why not elsewhere: the reasons of most clusters first."""
    ordered = sorted(reasons.items(), key=lambda each: -len(each[1]))
    shown = [f"{listing(names)}: {code(why)}" for why, names in ordered[:MOST_REASONS]]
    more = len(ordered) - len(shown)
    return "; ".join([*shown, *([f"and {plural(more, 'more reason')}"] if more else [])])
