"""Rules over plans: demand, bursts and failover, who lets them through, and lost memory."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.engine.propose import propose
from bot.report.rules_view import rules_view
from bot.wording.comment import comment
from bot.wording.diffs import Diffs
from planners.gating.effects import RequeueAt
from planners.model import (
    AnyOf,
    Application,
    ApprovalRule,
    Cluster,
    ClusterCount,
    Component,
    PlacementIntent,
    Policy,
    Role,
    Target,
)
from planners.model.gates import AwaitsApproval, PausedByCommand
from planners.model.overrides import Overrides, Pause
from planners.model.rules import FAILOVER, Action, AutomaticRule, FailoverRule, Phase, Rule
from planners.model.selectors import Selector
from planners.model.signals import SignalKey, SignalKind
from planners.model.snapshot import Approval, ClusterFailure, Snapshot
from planners.rules.decide import undecided
from tests.fakes.builders import NOW, component, snapshot
from tests.fakes.comments import home
from tests.fakes.ruled_world import RuledWorld

MINUTE = timedelta(minutes=1)
QUEUE = SignalKey(SignalKind.METRIC, "queue")
HIGH, LOW = {QUEUE: 20.0}, {QUEUE: 1.0}
BURST = Rule(
    "lunch",
    ("web",),
    QUEUE,
    Action.ADD_CLUSTERS,
    above=10,
    below=4,
    hold=2 * MINUTE,
    cooldown=5 * MINUTE,
    pace=3 * MINUTE,
    most=2,
)
EVERYWHERE = Selector()


def fleet(count: int = 4, **more: object) -> tuple[Cluster, ...]:
    return tuple(
        replace(Cluster(f"c{number}", "flux"), **more)  # type: ignore[arg-type]
        for number in range(1, count + 1)
    )


def begun(
    rule: Rule | None,
    *policies: Policy,
    count: int | None = 1,
    clusters: tuple[Cluster, ...] = (),
    parts: tuple[Component, ...] = (component("web"),),
) -> RuledWorld:
    """An application whose components run on the best `count` clusters (None: on all)."""
    names = tuple(part.name for part in parts)
    choice = AnyOf((EVERYWHERE,), ClusterCount(count or 1, count))
    intent = (
        PlacementIntent(names, all_of=(EVERYWHERE,))
        if count is None
        else PlacementIntent(names, any_of=choice)
    )
    rules = (rule,) if rule is not None else ()
    made = Application("storefront", "shop", parts, (intent,), rules=rules)
    world = RuledWorld(snapshot(made, clusters or fleet(), policies))
    world.hear()
    world.finish()
    return world


def automatic(
    rule: str, clusters: Selector = EVERYWHERE, most: int = 1, per_hour: int = 9
) -> Policy:
    permitted = AutomaticRule("storefront", rule, clusters, most, per_hour)
    return Policy("automatic", automatic=(permitted,))


def gates(world: RuledWorld) -> Iterator[object]:
    proposal = world.pass_once()
    yield from (gate for each in proposal.evaluation.wave_statuses for gate in each.gates)


def reasons(world: RuledWorld) -> list[str]:
    return [str(each.reason) for each in gates(world) if isinstance(each, AwaitsApproval)]


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


def approve(world: RuledWorld) -> None:
    """A person approves the one open merge request."""
    (opened,) = world.open
    rita = Approval("local:rita", "rita", "rita@x", opened.head, Role.WRITE)
    requests = tuple(
        replace(each, approvals=(rita,)) if each == opened else each
        for each in world.snapshot.merge_requests
    )
    world.snapshot = replace(world.snapshot, merge_requests=requests)


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


STEPS = replace(
    BURST, action=Action.SET_REPLICAS, workload=Target("Deployment", "web"), replicas=(4, 6)
)


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
    assert proposal.warnings == (
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
    (warning,) = proposal.warnings
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
    left, refused = world.pass_once().warnings
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


def failing(**fields: object) -> Policy:
    rule = FailoverRule(EVERYWHERE, 10 * MINUTE, quorum=50, max_share=25, pace=10 * MINUTE)
    return Policy("failover", failover=(replace(rule, **fields),))  # type: ignore[arg-type]


def fallen(world: RuledWorld, *names: str, minutes: int = 50) -> RuledWorld:
    world.silent = set(names)
    world.minutes(minutes, every=5)
    return world


def test_components_leave_a_silent_cluster_and_it_comes_back_when_it_is_well() -> None:
    world = begun(None, failing(), automatic(FAILOVER), count=2)
    assert world.on("web") == ["c1", "c2"]

    fallen(world, "c2", minutes=30)
    assert world.on("web") == ["c1", "c2"]
    fallen(world, "c2")
    assert world.on("web") == ["c1", "c3"]
    assert world.state(FAILOVER, "c2").phase is Phase.ACTIVE
    fallen(world, minutes=30)

    assert world.state(FAILOVER, "c2").phase is Phase.IDLE
    assert world.on("web") == ["c1", "c3"]
    assert world.merged == ["all.1", "rules-all.1", "remove.2", "all.1"]


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


def test_what_runs_everywhere_stays() -> None:
    world = begun(None, failing(), automatic(FAILOVER), count=None)

    assert fallen(world, "c2").on("web") == ["c1", "c2", "c3", "c4"]


@pytest.mark.parametrize(
    ("silent", "fields", "why"),
    [
        (("c1", "c2", "c3"), {}, "only 1 of 4 clusters are heard, less than the quorum of 50%"),
        (("c1", "c2"), {}, "2 of 4 clusters of all clusters fail, more than 25%"),
        (("c1", "c2", "c3", "c4"), {"quorum": 1}, "only 0 of 4 clusters are heard"),
    ],
)
def test_a_blind_service_moves_nothing(
    silent: tuple[str, ...], fields: dict[str, object], why: str
) -> None:
    world = begun(None, failing(**fields), automatic(FAILOVER), count=2)

    fallen(world, *silent, minutes=45)

    assert world.on("web") == ["c1", "c2"]
    assert world.open == []
    assert world.state(FAILOVER, "c1").why.startswith(why)


def test_silence_for_a_day_is_enough_for_a_class_that_allows_as_much() -> None:
    world = begun(None, failing(after=timedelta(hours=24)), automatic(FAILOVER), count=2)
    world.silent = {"c2"}
    began = world.snapshot.now + world.snapshot.max_report_age("c2")

    world.minutes(24 * 60, every=60)
    assert world.on("web") == ["c1", "c2"]
    world.minutes(120, every=60)

    assert world.on("web") == ["c1", "c3"]
    ((_, (record,)),) = world.snapshot.base.records.items()
    assert timedelta() <= record.evidence.at - began < timedelta(hours=1)


def test_a_cluster_that_fails_and_then_falls_silent_has_one_timer() -> None:
    world = begun(None, failing(after=30 * MINUTE), automatic(FAILOVER), count=2)
    failure = ClusterFailure("cannot fetch the deploy repo", world.snapshot.now)
    world.snapshot = replace(world.snapshot, cluster_failures={"c2": failure})
    world.silent = {"c2"}

    world.minutes(25)
    assert world.on("web") == ["c1", "c2"]
    world.minutes(10)

    assert world.on("web") == ["c1", "c3"]


@pytest.mark.parametrize("away", [True, False])
def test_clusters_that_are_heard_one_after_the_other_have_not_been_silent(*, away: bool) -> None:
    """After the service was blind, or away, nobody knows how long the last ones are silent."""
    world = begun(None, failing(), automatic(FAILOVER), count=10, clusters=fleet(12))
    world.silent = {each.name for each in world.snapshot.clusters}
    if away:
        world.later(timedelta(hours=2))
        world.snapshot = replace(world.snapshot, listening_since=world.snapshot.now)
    else:
        world.minutes(120, every=10)

    for each in world.snapshot.clusters:
        world.silent.discard(each.name)
        world.minutes(1)

    assert world.snapshot.decisions == ()
    assert world.merged == ["all.1"]


def test_lost_reports_are_blindness_too() -> None:
    world = begun(None, failing(), automatic(FAILOVER), count=2)
    world.forget()

    fallen(world, "c1", "c2", "c3", "c4", minutes=45)

    assert world.on("web") == ["c1", "c2"]


@pytest.mark.parametrize("fenced", [False, True])
def test_what_runs_once_moves_by_a_person_or_where_clusters_are_fenced(*, fenced: bool) -> None:
    world = begun(None, failing(fenced=fenced), automatic(FAILOVER))

    fallen(world, "c1")

    if fenced:
        assert world.on("web") == ["c2"]
        return
    assert world.on("web") == ["c1"]
    assert "web runs on one cluster only, and c1 may still run it" in reasons(world)[0]


def test_clusters_come_back_one_each_pace() -> None:
    world = begun(None, failing(max_share=50), automatic(FAILOVER), count=3, clusters=fleet(6))
    fallen(world, "c1", "c2", minutes=60)
    world.silent = set()
    back: list[tuple[int, str]] = []
    for minute in range(40):
        world.minutes(1)
        for name in ("c1", "c2"):
            idle = not world.state(FAILOVER, name).steps
            if idle and name not in [each for _, each in back]:
                back.append((minute, name))

    assert [name for _, name in back] == ["c1", "c2"]
    assert back[1][0] - back[0][0] >= 10


REPLICAS = replace(
    BURST, action=Action.SET_REPLICAS, workload=Target("Deployment", "web"), replicas=(4,)
)


def test_a_step_of_replicas_is_one_change_where_a_unit_came_by_failover() -> None:
    """A failed cluster's replacement is scaled down by the change that scales all others."""
    world = begun(REPLICAS, failing(), automatic(FAILOVER), automatic("lunch", most=9), count=2)
    world.silent = {"c2"}
    world.minutes(60, HIGH)
    assert world.on("web") == ["c1", "c3"]
    policies = tuple(each for each in world.snapshot.policies if each.failover)
    world.snapshot = replace(world.snapshot, policies=policies)

    world.minutes(9, LOW)

    (opened,) = world.open
    assert opened.branch is not None
    assert {str(each) for each in opened.branch.units} == {"web@c1", "web@c3"}
    assert {each.rule for each in opened.branch.rules} == {"lunch"}


def test_a_new_unit_needs_a_person_for_replicas_that_nobody_let_through() -> None:
    """While a step of replicas waits for a person, failover does not carry it past them."""
    world = begun(REPLICAS, failing(), automatic(FAILOVER), count=2)
    world.minutes(10, HIGH)
    assert [each.wave for each in world.open] == ["all.1"]
    world.silent = {"c2"}

    world.minutes(60, HIGH)

    assert world.on("web") == ["c1", "c2"]
    rules = [each.branch.rules for each in world.open if each.branch is not None]
    assert sorted(key.rule for keys in rules for key in keys) == ["failover", "failover", "lunch"]


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


def test_the_page_says_the_limits_of_failover_where_something_fails() -> None:
    world = begun(BURST, failing(), automatic(FAILOVER), count=2)
    world.silent = {"c2"}
    world.minutes(32)

    shown = rules_view(world.snapshot).rules
    assert [(each.rule, each.cluster) for each in shown][:2] == [("lunch", ""), (FAILOVER, "c1")]
    idle, pending = (each for each in shown if each.cluster in {"c1", "c2"})
    assert (idle.why, idle.limits) == ("c1 is well", ())
    assert pending.why.startswith("c2 is silent or fails since")
    assert "more than 25% of all clusters fails" in pending.limits[1]
