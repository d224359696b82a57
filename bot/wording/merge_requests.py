"""Titles and bodies of deploy merge requests, and the messages of their commits."""

from collections.abc import Sequence

from bot.wording.diffs import Diffs, counts, render_diffs
from bot.wording.markdown import code, plural
from bot.wording.reasons import pending_clusters
from planners.gating.change_sets import ChangeSet
from planners.model import listing
from planners.model.rules import Record, reason_of
from planners.plan import Plan

BODY_BUDGET = 50_000
TITLE_LENGTH = 240


def title(plan: Plan, change: ChangeSet) -> str:
    """The title of a wave's merge request, also the subject of its commit."""
    components = sorted({unit.component for unit in change.units})
    verb = "remove" if change.wave.removal else "roll back" if plan.restores else "roll out"
    text = (
        f"{plan.application} {change.wave.name}: {verb} {listing(components, 4)} "
        f"on {listing(change.clusters, 3)}"
    )
    return text[:TITLE_LENGTH]


def trailers(plan: Plan, digest: str, change: ChangeSet, actions: Sequence[str]) -> str:
    """Git trailers from which a rollout is found again when the database is lost.

    `actions` are what the wave does to its units.
    """
    back = f"Switchyard-Rollback: {plan.revision.repo}@{plan.revision.sha}"
    return "\n".join(
        [
            f"Switchyard-Application: {plan.application}",
            f"Switchyard-Wave: {change.wave.name}",
            f"Switchyard-Actions: {', '.join(actions)}",
            f"Switchyard-Digest: {change.digest}",
            *([f"Switchyard-Conditions: {change.conditions}"] if change.conditions else []),
            f"Switchyard-Plan: {digest}",
            f"Switchyard-Source: {plan.revision.repo}@{plan.revision.sha}",
            f"Switchyard-Fleet: {plan.fleet_revision.repo}@{plan.fleet_revision.sha}",
            *([f"Switchyard-Rules: {_rules(plan, change)}"] if change.ruled.rules else []),
            *([back] if plan.restores else []),
        ]
    )


def _rules(plan: Plan, change: ChangeSet) -> str:
    """Each rule that caused the change: the cluster that it is about, epoch, and steps in force."""
    known = {each.key: f"{each.epoch}:{len(each.steps)}" for each in plan.decisions}
    return ", ".join(
        f"{key.rule}/{key.cluster}@{known.get(key, '0:0')}" for key in change.ruled.rules
    )


def _causes(plan: Plan, change: ChangeSet) -> list[str]:
    """What the rules that caused the change have seen, one sentence each."""
    found = [
        f"Rule {code(record.rule)} caused this: {_reason(record)}."
        for record in _records(plan, change)
    ]
    return found or [
        f"Rule {code(name)} caused this: what made it act is over, or a component has moved."
        for name in dict.fromkeys(each.rule for each in change.ruled.rules)
    ]


def rules_text(plan: Plan, change: ChangeSet) -> str:
    """The rules that caused a change, with signal, value, threshold and age."""
    seen = (f"{record.rule}: {_reason(record)}" for record in _records(plan, change))
    gone = (
        f"{key.rule}{f' on {key.cluster}' if key.cluster else ''}: it is over"
        for key in sorted(change.ruled.rules, key=lambda each: (each.rule, each.cluster))
    )
    return "; ".join(seen) or "; ".join(gone)


def _records(plan: Plan, change: ChangeSet) -> list[Record]:
    """The distinct records of changed units that rules caused."""
    units = sorted(change.units) if change.ruled.rules else ()
    every = (record for unit in units for record in plan.records.get(unit, ()))
    return list(dict.fromkeys(each for each in every if each.key in change.ruled.rules))


def _reason(record: Record) -> str:
    return reason_of(record.action, record.cluster, record.signal, record.evidence)


def commit_message(plan: Plan, digest: str, change: ChangeSet, actions: Sequence[str]) -> str:
    """The message of the one commit on a wave's branch."""
    found = trailers(plan, digest, change, actions)
    return f"{title(plan, change)}\n\n{counts(change)}.\n\n{found}\n"


def merge_message(
    plan: Plan, digest: str, change: ChangeSet, actions: Sequence[str], number: int
) -> str:
    """The message of the merge commit; the same trailers make it findable on main."""
    subject = f"Merge {plan.application} {change.wave.name} (merge request {number})"
    found = trailers(plan, digest, change, actions)
    return f"{subject}\n\n{title(plan, change)}\n\n{found}\n"


def _rollback_reason(plan: Plan) -> list[str]:
    """What a rollback undoes, and why it began, as far as that is still known."""
    if plan.restores is None:
        return []
    why = " is being rolled back."
    if plan.failures:
        why = f" failed: {pending_clusters(plan.failures).markdown()}."
    return [
        (
            f"Revision {code(plan.revision.sha[:12])}{why} This restores, byte for byte, the state "
            f"of main at {code(plan.restores.sha[:12])}, before that rollout began."
        )
    ]


def body(
    plan: Plan, digest: str, change: ChangeSet, diffs: Diffs, *, links: str, marker: str
) -> str:
    """The description: what, for whom, from which revision, and the diffs."""
    unchanged = f" {plural(change.unchanged, 'file')} unchanged." if change.unchanged else ""
    return "\n\n".join(
        [
            marker,
            (
                f"Wave {code(change.wave.name)} of {code(plan.application)}: {counts(change)} "
                f"on {plural(len(change.clusters), 'cluster')}.{unchanged}"
            ),
            *_rollback_reason(plan),
            *_causes(plan, change),
            (
                f"Switchyard merges this merge request when all its gates are open; the status "
                f"`switchyard/order` shows the first closed gate. {links}"
            ),
            render_diffs(diffs, BODY_BUDGET, "See the changes of this merge request."),
            (
                f"<sub>plan `{digest[:12]}` · wave `{change.digest[:12]}` · revision "
                f"{code(plan.revision.sha[:12])} of {code(str(plan.revision.repo))}</sub>"
            ),
        ]
    )
