"""Rollouts in every state that a comment speaks of: each makes the whole comment, from values."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.wording import comment as words
from bot.wording.since import Memory, remember, summarize
from planners.model import (
    CustomizationIntent,
    Freeze,
    OnFailure,
    PlacementIntent,
    Policy,
    Readiness,
    Target,
    Unit,
)
from planners.model.overrides import Hold, Overrides
from planners.model.selectors import Selector
from planners.model.snapshot import Approval, MergeRefusal, PreviousDeployment
from tests.fakes.builders import NOW, clusters
from tests.fakes.comments import IMAGE, Told, approved_by, home, sources, world

FIVE = tuple(f"c{number}" for number in range(1, 6))
NEWER = "b" * 40


def updated(told: Told, version: str = "1.5.0") -> Told:
    return told.change(sources=sources(f"{IMAGE}:{version}"))


def with_replicas(told: Told, replicas: int) -> Told:
    """Another number of replicas of `web` on five clusters."""
    patch = CustomizationIntent(
        "few",
        ("web",),
        Target("Deployment", "web"),
        "mergePatch",
        {"spec": {"replicas": replicas}},
        Selector(names=FIVE),
    )
    app = replace(told.world.snapshot.application, customizations=(patch,))
    return told.change(application=app)


def large() -> Told:
    """212 clusters get a new version of the image; five of them no replicas any more."""
    return with_replicas(updated(world(212).installed()), 0)


def begun() -> Told:
    """The first wave is merged, and nobody has reported yet."""
    told = world()
    told.world.settle()
    return told


def awaiting(*approvers: str) -> Told:
    """An update whose first wave waits for one of these, or for anybody."""
    told = updated(world(stages=()).installed()).change(policies=(approved_by(*approvers),))
    told.world.settle()
    return told


def change_request(told: Told, number: int, **fields: object) -> Told:
    """Another state of one merge request."""
    told.change(
        merge_requests=tuple(
            replace(each, **fields) if each.number == number else each  # type: ignore[arg-type]
            for each in told.world.snapshot.merge_requests
        )
    )
    return told


def first_plan() -> str:
    return world().comment(preview=True)


def update() -> str:
    return awaiting("rita").comment()


def of_212() -> str:
    return large().comment(preview=True)


def nothing_matches() -> str:
    told = world()
    nowhere = PlacementIntent(("redis", "web"), all_of=(Selector({"tier": "edge"}),))
    app = replace(told.world.snapshot.application, placements=(nowhere,))
    return told.change(application=app).comment(preview=True)


def nothing_changes() -> str:
    return world(stages=()).installed().comment(preview=True)


def conflict() -> str:
    told = begun()
    told.world.report_all()
    return change_request(told, 2, conflicts=True).comment()


def held_by_label() -> str:
    told = world()
    told.world.pass_once()
    told.world.label(1, "switchyard/hold")
    return told.comment()


def held_by_command() -> str:
    told = world()
    told.world.pass_once()
    hold = Hold("canary.1", "otto", "looking at the latency", NOW)
    return told.change(overrides=Overrides((hold,))).comment()


def failed_cluster() -> str:
    told = begun()
    told.world.report_all()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash `loop` <b> @ada")
    return told.comment()


def failed_canary() -> Told:
    """The canary of a new revision failed: what ran before can be restored."""
    told = world().installed()
    base = told.world.snapshot.base
    previous = PreviousDeployment(base.revision, base.entries, told.blobs)
    updated(told).change(
        revision=replace(told.world.snapshot.revision, sha=NEWER), previous=previous
    )
    told.blobs.update(told.proposal().contents)
    told.world.settle()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash loop")
    return told


def skipped_failure() -> str:
    """The failed cluster is skipped, so that the rollout goes on."""
    told = begun()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash loop")
    told.change(overrides=Overrides(skipped={"c1": "otto: no power"}))
    return told.comment()


def silent_cluster() -> str:
    told = begun()
    told.world.report_all()
    told.world.later(timedelta(minutes=30))
    return told.comment()


def frozen() -> str:
    told = world()
    freeze = Freeze("noon", Selector(), NOW, NOW + timedelta(minutes=10), "lunch")
    told.change(policies=(Policy("calm", freezes=(freeze,)),)).world.settle()
    return told.comment()


def refused_by_checks() -> str:
    told = world()
    told.world.pass_once()
    why = MergeRefusal(
        'Required status check "security/scan" is expected.', NOW + timedelta(seconds=10)
    )
    return change_request(told, 1, refusal=why).comment()


def closed_by_a_person() -> str:
    told = begun()
    from_world = replace(told.world.snapshot.merge_requests[1], closed_by="tom")
    first, _, *rest = told.world.snapshot.merge_requests
    closed = replace(from_world, state=type(first.state)("closed"))
    return told.change(merge_requests=(first, closed, *rest)).comment()


def all_merged() -> str:
    told = world(stages=()).installed()
    updated(told).blobs.update(told.proposal().contents)
    for _ in range(3):
        told.world.settle()
        told.world.report(Unit("redis", "c1"), Readiness.READY)
        told.world.report(Unit("redis", "c2"), Readiness.READY)
        told.world.report(Unit("redis", "c3"), Readiness.READY)
    return told.comment()


def done() -> str:
    return world(stages=()).installed().comment()


def rollback() -> str:
    told = world(stages=()).installed()
    base = told.world.snapshot.base
    app = replace(told.world.snapshot.application, on_failure=OnFailure.ROLLBACK)
    updated(told).change(application=app, revision=replace(told.world.snapshot.revision, sha=NEWER))
    told.blobs.update(told.proposal().contents)
    told.world.finish()
    told.change(previous=PreviousDeployment(base.revision, base.entries, told.blobs))
    told.world.report(Unit("web", "c2"), Readiness.STALLED, "crash loop")
    return told.comment()


def rollback_by_command() -> str:
    """The comment showed the plan of the failed canary before somebody rolled it back."""
    told = failed_canary()
    known = remembered(told)
    told.change(overrides=Overrides(reverted=NEWER))
    return after(told, replace(known, preview=False), preview=False)


def after(told: Told, known: Memory, *, preview: bool) -> str:
    """The comment of a plan that follows another one."""
    proposal = told.proposal()
    diffs = told.diffs(proposal)
    memory = remember(known, summarize(proposal, diffs), preview=preview)
    about = replace(home(preview=preview), memory=memory)
    return words.comment(about, proposal, diffs)


def remembered(told: Told) -> Memory:
    """What a comment remembers that showed this plan before the merge."""
    proposal = told.proposal()
    return remember(None, summarize(proposal, told.diffs(proposal)), preview=True)


def second_push() -> str:
    """Another image, and a component that is new."""
    told = updated(world(stages=()).installed())
    known = remembered(told)
    newer = replace(told.world.snapshot.revision, sha=NEWER)
    return after(updated(told, "1.5.1").change(revision=newer), known, preview=True)


def as_previewed() -> str:
    told = updated(world(stages=()).installed())
    known = remembered(told)
    told.world.settle()
    return after(told, known, preview=False)


def not_as_previewed() -> str:
    """A cluster joined between the plan and the merge."""
    told = updated(world(stages=()).installed())
    known = remembered(told)
    joined = replace(told.world.snapshot.fleet_revision, sha="e" * 40)
    told.change(clusters=clusters(4), fleet_revision=joined)
    return after(told, known, preview=False)


def approval_fell() -> str:
    """Rita approved the update to 1.5.0; it is 1.5.1 now."""
    told = awaiting("rita")
    known = remembered(told)
    mine = told.world.snapshot.merge_requests[2]
    change_request(told, mine.number, approvals=(Approval("local:3", "rita", "rita@x", mine.head),))
    newer = replace(told.world.snapshot.revision, sha=NEWER)
    updated(told, "1.5.1").change(revision=newer)
    told.world.pass_once()
    return after(told, replace(known, preview=False), preview=False)


def on_github() -> str:
    told = awaiting("rita")
    proposal = told.proposal()
    about = replace(home(preview=False), sign="#", base="d" * 40)
    return words.comment(about, proposal, told.diffs(proposal))


STATES: dict[str, Callable[[], str]] = {
    "first-plan": first_plan,
    "update": update,
    "update-on-github": on_github,
    "212-clusters": of_212,
    "nothing-matches": nothing_matches,
    "nothing-changes": nothing_changes,
    "conflict": conflict,
    "held-by-label": held_by_label,
    "held-by-command": held_by_command,
    "failed-cluster": failed_cluster,
    "failed-update": lambda: failed_canary().comment(),
    "skipped-failure": skipped_failure,
    "silent-cluster": silent_cluster,
    "frozen": frozen,
    "refused-by-checks": refused_by_checks,
    "closed-by-a-person": closed_by_a_person,
    "all-merged": all_merged,
    "done": done,
    "rollback": rollback,
    "rollback-by-command": rollback_by_command,
    "second-push": second_push,
    "as-previewed": as_previewed,
    "not-as-previewed": not_as_previewed,
    "approval-fell": approval_fell,
    "tier-grouped": lambda: large().comment(limit=5_000),
    "tier-statistics": lambda: large().comment(limit=2_500),
    "tier-link": lambda: large().comment(limit=1_100),
}
