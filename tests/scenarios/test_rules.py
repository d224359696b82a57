"""Rules over plans: demand, bursts and failover, who lets them through, and lost memory."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.engine.propose import propose
from bot.wording.comment import comment
from bot.wording.diffs import Diffs
from planners.gating.effects import RequeueAt
from planners.model import (
    AnyOf,
    ApprovalRule,
    ClusterCount,
    PlacementIntent,
    Policy,
    Target,
)
from planners.model.gates import PausedByCommand
from planners.model.overrides import Overrides, Pause
from planners.model.rules import Action, Phase, Rule
from planners.model.selectors import Selector
from planners.model.signals import SignalKey, SignalKind
from planners.model.snapshot import Snapshot
from planners.rules.decide import undecided
from tests.fakes.builders import NOW, warnings_of
from tests.fakes.comments import home
from tests.fakes.ruled_world import RuledWorld
from tests.fakes.rules import (
    BURST,
    EVERYWHERE,
    HIGH,
    LOW,
    MINUTE,
    REPLICAS,
    STEPS,
    approve,
    automatic,
    begun,
    fleet,
    gates,
    reasons,
)


def test_a_burst_takes_clusters_one_by_one_and_gives_them_back() -> None:
    world = begun(BURST, automatic("lunch"))
    assert world.on("web") == ["c1"]

    world.minutes(7, HIGH)
    assert world.on("web") == ["c1", "c2"]
    world.minutes(4, HIGH)
    assert world.on("web") == ["c1", "c2", "c3"]
    world.minutes(20, HIGH)
    assert world.on("web") == ["c1", "c2", "c3"]
    world.minutes(14, LOW)

    assert world.on("web") == ["c1"]
    assert world.merged == ["all.1", "rules-all.1", "rules-all.1", "remove.2", "remove.2"]
    assert world.state("lunch").phase is Phase.IDLE


def test_without_a_policy_a_person_approves_every_step() -> None:
    world = begun(BURST)

    world.minutes(12, HIGH)

    assert reasons(world) == ["rule lunch: no policy makes it automatic"]
    approve(world)
    world.settle()
    assert world.on("web") == ["c1", "c2"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (automatic("lunch", Selector(names=("c1",))), "rule lunch: it is not automatic on c2"),
        (automatic("dinner"), "rule lunch: no policy makes it automatic"),
        (
            automatic("lunch", per_hour=1),
            "rule lunch: it decided 2 times in the last hour, automatic are 1",
        ),
    ],
)
def test_over_the_limit_a_person_approves(policy: Policy, expected: str) -> None:
    world = begun(BURST, policy)

    world.minutes(20, HIGH)

    assert reasons(world) == [expected]
    assert len(world.open) == 1


def test_automatic_holds_only_while_nothing_else_waits() -> None:
    careful = Policy("careful", approvals=(ApprovalRule(EVERYWHERE, 1),))
    made = begun(BURST, automatic("lunch"))
    made.snapshot = replace(made.snapshot, policies=(*made.snapshot.policies, careful))
    newer = {"web": {"main.yaml": made.snapshot.sources["web"]["main.yaml"] + b"# new\n"}}
    image = {"web": {name: each.replace(b"1.0.0", b"2.0.0") for name, each in newer["web"].items()}}
    made.snapshot = replace(
        made.snapshot, sources=image, revision=replace(made.snapshot.revision, sha="b" * 40)
    )

    made.minutes(12, HIGH)

    assert made.on("web") == ["c1"]
    assert "rule lunch: other changes of the application are not merged yet" in reasons(made)


def test_a_pause_stops_rules_too() -> None:
    world = begun(BURST, automatic("lunch"))
    paused = Overrides(pauses=(Pause("tenant/shop", "rita", "incident", NOW),))
    world.snapshot = replace(world.snapshot, overrides=paused)

    world.minutes(12, HIGH)

    assert world.on("web") == ["c1"]
    assert any(isinstance(each, PausedByCommand) for each in gates(world))


@pytest.mark.parametrize("minute", [3, 5, 6, 9, 15, 22, 25, 26, 29])
def test_memory_lost_at_any_time_makes_it_late_and_never_twice(minute: int) -> None:
    world = begun(BURST, automatic("lunch"))

    for now in range(1, 50):
        if now == minute:
            world.forget()
            world.hear()
        world.minutes(1, HIGH if now < 20 else LOW)
        assert len(world.open) <= 1
        state = world.state("lunch")
        assert bool(state.epoch) is bool(state.steps)

    assert world.on("web") == ["c1"]
    assert world.merged.count("rules-all.1") <= 2
    assert world.state("lunch").phase is Phase.IDLE


@pytest.mark.parametrize(
    ("rule", "minutes", "removal", "left"),
    [(BURST, 7, True, 0), (BURST, 12, True, 1), (STEPS, 12, False, 1)],
)
def test_memory_lost_while_a_step_is_given_back_changes_nothing(
    rule: Rule, minutes: int, *, removal: bool, left: int
) -> None:
    """What is merged says that the rule has all steps, its open change that it no longer has."""
    world = begun(rule, automatic("lunch"))
    world.minutes(minutes, HIGH)
    world.snapshot = replace(world.snapshot, policies=())
    world.minutes(14, LOW)
    (opened,) = world.open
    assert opened.wave.startswith("remove") is removal

    world.forget()
    for _ in range(20):
        world.minutes(1, LOW)
        assert [each.number for each in world.open] == [opened.number]

    assert [each.head for each in world.open] == [opened.head]
    approve(world)
    world.settle()
    every = (each for some in world.snapshot.base.records.values() for each in some)
    assert [each.step for each in every] == list(range(1, left + 1))
    assert len(world.merged) == left + 3
    assert world.merged[-1] == opened.wave


def test_memory_lost_with_two_steps_of_replicas_keeps_both() -> None:
    """Only the second step is recorded: the first one is known by that."""
    world = begun(STEPS, automatic("lunch"))
    world.minutes(12, HIGH)
    before = world.snapshot.base.entries

    world.forget()
    for _ in range(20):
        world.minutes(1, HIGH)
        assert world.open == []

    assert world.snapshot.base.entries == before
    assert len(world.state("lunch").steps) == 2
    world.minutes(14, LOW)
    assert len(world.merged) == 5


def test_what_a_person_closed_stays_closed_whatever_was_closed_since() -> None:
    world = begun(DEMAND, count=None)
    world.minutes(12, demand(c1=9))
    (first,) = world.open
    world.close(first.number, "rita")

    world.minutes(6, demand(c1=9, c2=9))
    (second,) = world.open
    world.close(second.number, "rita")
    world.minutes(14, demand(c1=9, c2=0))

    assert second.described_digest != first.described_digest
    assert not world.state("near", "c2").steps
    assert world.open == []


def test_a_pass_is_due_when_the_timer_of_a_rule_ends() -> None:
    world = begun(replace(BURST, hold=timedelta(seconds=20)), automatic("lunch"))
    world.minutes(1, HIGH)

    effects = world.pass_once().evaluation.effects

    timer = world.state("lunch").timer
    assert timer is not None
    (due,) = (each.at for each in effects if isinstance(each, RequeueAt))
    assert due == timer + timedelta(seconds=20)


def test_no_room_holds_up_nothing() -> None:
    full = fleet(capacity={"cpu": 0})
    roomy = (replace(full[0], capacity={}), *full[1:])
    world = begun(BURST, automatic("lunch"), clusters=roomy)
    requesting = world.snapshot.sources["web"]["main.yaml"].replace(
        b"          image:", b"          resources: {requests: {cpu: 1}}\n          image:"
    )
    world.snapshot = replace(world.snapshot, sources={"web": {"main.yaml": requesting}})

    world.minutes(12, HIGH)
    proposal = world.pass_once()

    assert world.on("web") == ["c1"]
    assert warnings_of(proposal) == (
        "rule lunch takes 0 of 1 clusters: no other cluster that it may take has room",
    )


def test_a_step_beyond_the_quota_of_a_tenant_falls_back_to_what_fits() -> None:
    """Nothing of it is proposed, and the plan says why; where the quota is raised, it comes."""
    world = begun(STEPS, automatic("lunch"))
    tenant = world.snapshot.tenant
    world.snapshot = replace(world.snapshot, tenant=replace(tenant, quota={"pods": "4"}))

    world.minutes(12, HIGH)
    proposal = world.pass_once()

    assert world.merged == ["all.1", "all.1"]
    assert [dict(each) for each in proposal.plan.replicas.values()] == [
        {Target("Deployment", "web"): 4}
    ]
    (warning,) = warnings_of(proposal)
    assert "what rules decided waits: tenant shop would use 6 of pods on c1, 2 more than" in warning
    world.snapshot = replace(world.snapshot, tenant=tenant)
    world.minutes(2, HIGH)
    assert world.merged == ["all.1", "all.1", "all.1"]


def test_replicas_rise_by_steps_and_fall_again() -> None:
    world = begun(STEPS, automatic("lunch"))
    before = world.snapshot.base.entries

    world.minutes(14, HIGH)
    proposal = world.pass_once()
    assert [dict(each) for each in proposal.plan.replicas.values()] == [
        {Target("Deployment", "web"): 6}
    ]
    world.minutes(14, LOW)

    assert world.snapshot.base.entries == before
    assert world.merged == ["all.1"] * 5


def test_replicas_that_an_autoscaler_sets_are_left_to_it() -> None:
    rule = replace(
        BURST, action=Action.SET_REPLICAS, workload=Target("Deployment", "web"), replicas=(4,)
    )
    world = begun(rule, automatic("lunch"))
    scaler = (
        b"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n"
        b"spec:\n  maxReplicas: 5\n"
        b"  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
    )
    files = {**world.snapshot.sources["web"], "scaler.yaml": scaler}
    world.snapshot = replace(world.snapshot, sources={"web": files})
    world.settle()
    before = world.snapshot.base.entries

    world.minutes(8, HIGH)

    assert world.snapshot.base.entries == before
    left, refused = warnings_of(world.pass_once())
    assert "Deployment/web is written without replicas" in left
    assert "Deployment/web, which HorizontalPodAutoscaler/web sets in the cluster" in refused


DEMAND = Rule(
    "near",
    ("web",),
    SignalKey(SignalKind.DEMAND, "web"),
    Action.ON_DEMAND,
    above=5,
    below=1,
    hold=2 * MINUTE,
    cooldown=5 * MINUTE,
)


def demand(**values: float) -> dict[SignalKey, float]:
    return {SignalKey(SignalKind.DEMAND, "web", name): value for name, value in values.items()}


@pytest.mark.parametrize("count", [None, 3])
def test_a_component_runs_where_demand_is_and_nowhere_else(count: int | None) -> None:
    world = begun(DEMAND, automatic("near", most=2), count=count)
    assert world.on("web") == []

    world.minutes(10, demand(c1=9, c2=2, c3=9))
    assert world.on("web") == ["c1", "c3"]
    world.minutes(10, demand(c1=0, c2=2, c3=3))
    assert world.on("web") == ["c3"]
    world.minutes(20)

    assert world.on("web") == ["c3"]


def test_a_rule_for_demand_takes_over_what_runs() -> None:
    world = begun(None, automatic("near", most=2), count=None)
    application = replace(world.snapshot.application, rules=(DEMAND,))
    world.snapshot = replace(world.snapshot, application=application)

    world.minutes(20)
    assert world.on("web") == ["c1", "c2", "c3", "c4"]
    world.minutes(10, demand(c1=0, c2=0, c3=9))

    assert world.on("web") == ["c3", "c4"]


@pytest.mark.parametrize(
    ("action", "back"),
    [
        (Action.ADD_CLUSTERS, False),
        (Action.SET_REPLICAS, False),
        (Action.SET_REPLICAS, True),
    ],
)
def test_the_folder_with_what_is_proposed_gives_the_digest_of_the_plan(
    action: Action, *, back: bool
) -> None:
    """`switchyard plan` knows no signal; the digest does not depend on what is merged already."""
    workload = Target("Deployment", "web")
    world = begun(
        replace(BURST, action=action, workload=workload, replicas=(4, 6)),
        automatic("lunch", most=9),
    )
    if back:
        world.minutes(12, HIGH)
        assert len(world.state("lunch").steps) == 2
    world.snapshot = replace(world.snapshot, policies=())
    world.minutes(8, LOW if back else HIGH)
    digest = world.pass_once().digest
    assert propose(offline(world)).digest != digest

    approve(world)
    world.settle()

    assert world.pass_once().digest == digest
    assert propose(offline(world)).digest == digest


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (HIGH, "DEPLOY at `000000000000`, with the merge requests of `rules-all.1` merged into it"),
        (LOW, "not from folders alone, as signals decided what is removed (rules: `lunch`)"),
    ],
)
def test_the_comment_says_how_a_plan_is_made_again_that_a_rule_decided(
    values: dict[SignalKey, float], told: str
) -> None:
    world = begun(replace(BURST, most=1), automatic("lunch"))
    if values is LOW:
        world.minutes(9, HIGH)
    world.snapshot = replace(world.snapshot, policies=())
    world.minutes(9, values)

    context = replace(home(preview=False), base="0" * 40)
    assert told in comment(context, world.pass_once(), Diffs((), 0))


def offline(world: RuledWorld) -> Snapshot:
    known = replace(world.snapshot, rule_states={}, signals={}, decisions=(), merge_requests=())
    return undecided(known)


def test_a_rule_of_replicas_removes_nothing() -> None:
    """That people want fewer clusters is no change of the rule that scaled them."""
    world = begun(REPLICAS, automatic("lunch", most=9), count=2)
    world.minutes(10, HIGH)
    intents = (PlacementIntent(("web",), any_of=AnyOf((EVERYWHERE,), ClusterCount(1, 1))),)
    application = replace(world.snapshot.application, placements=intents)
    strict = Policy("strict", approvals=(ApprovalRule(EVERYWHERE, 1),))
    policies = (*world.snapshot.policies, strict)
    world.snapshot = replace(world.snapshot, application=application, policies=policies)

    world.minutes(5, HIGH)

    assert world.on("web") == ["c1", "c2"]
