"""The words of deploy merge requests and of the commits on their branches."""

from bot.wording.diffs import Diffs, counts, render_diffs
from bot.wording.markdown import code, listing, plural
from bot.wording.reasons import places
from planners.gating.change_sets import ChangeSet
from planners.plan import Plan

BODY_BUDGET = 50_000
TITLE_LENGTH = 240


def title(plan: Plan, change: ChangeSet) -> str:
    """The title of a wave's merge request, also the subject of its commit."""
    components = sorted({unit.component for unit in change.units})
    verb = "remove" if change.wave.removal else "roll out"
    if plan.restores:
        verb = "take back" if change.wave.removal else "roll back"
    text = (
        f"{plan.application} {change.wave.name}: {verb} {listing(components, 4)} "
        f"on {listing(change.clusters, 3)}"
    )
    return text[:TITLE_LENGTH]


def trailers(plan: Plan, digest: str, change: ChangeSet) -> str:
    """Git trailers from which a rollout is found again when the database is lost."""
    back = f"Switchyard-Rollback: {plan.revision.repo}@{plan.revision.sha}"
    return "\n".join(
        [
            f"Switchyard-Application: {plan.application}",
            f"Switchyard-Wave: {change.wave.name}",
            f"Switchyard-Digest: {change.digest}",
            f"Switchyard-Plan: {digest}",
            f"Switchyard-Source: {plan.revision.repo}@{plan.revision.sha}",
            f"Switchyard-Fleet: {plan.fleet_revision.repo}@{plan.fleet_revision.sha}",
            *([back] if plan.restores else []),
        ]
    )


def commit_message(plan: Plan, digest: str, change: ChangeSet) -> str:
    """The message of the one commit on a wave's branch."""
    return f"{title(plan, change)}\n\n{counts(change)}.\n\n{trailers(plan, digest, change)}\n"


def merge_message(plan: Plan, digest: str, change: ChangeSet, number: int) -> str:
    """The message of the merge commit; the same trailers make it findable on main."""
    subject = f"Merge {plan.application} {change.wave.name} (merge request {number})"
    return f"{subject}\n\n{title(plan, change)}\n\n{trailers(plan, digest, change)}\n"


def _why_back(plan: Plan) -> list[str]:
    """What a rollback undoes, and why it began, as far as that can be seen still."""
    if plan.restores is None:
        return []
    failed = f" failed: {code(places(plan.failures), 600)}." if plan.failures else " is taken back."
    return [
        (
            f"Revision {code(plan.revision.sha[:12])}{failed} This brings back, byte for byte, "
            f"what main had at {code(plan.restores.sha[:12])}, before its rollout began."
        )
    ]


def body(
    plan: Plan, digest: str, change: ChangeSet, diffs: Diffs, *, links: str, marker: str
) -> str:
    """The description: what, for whom, from which revision, and the diffs."""
    unchanged = f" {plural(change.unchanged, 'file')} already right." if change.unchanged else ""
    return "\n\n".join(
        [
            marker,
            (
                f"Wave {code(change.wave.name)} of {code(plan.application)}: {counts(change)} "
                f"on {plural(len(change.clusters), 'cluster')}.{unchanged}"
            ),
            *_why_back(plan),
            (
                f"Switchyard merges this when everything it depends on is ready; the status "
                f"`switchyard/order` says what it waits for. {links}"
            ),
            render_diffs(diffs, BODY_BUDGET, "The changes of this merge request show it."),
            (
                f"<sub>plan `{digest[:12]}` · wave `{change.digest[:12]}` · revision "
                f"{code(plan.revision.sha[:12])} of {code(str(plan.revision.repo))}</sub>"
            ),
        ]
    )
