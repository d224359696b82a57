"""A world with one application and its rules, as scenarios of rules begin with it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from planners.model import (
    AnyOf,
    Application,
    Cluster,
    ClusterCount,
    Component,
    PlacementIntent,
    Policy,
    Role,
    Target,
)
from planners.model.gates import AwaitsApproval
from planners.model.rules import Action, AutomaticRule, Rule
from planners.model.selectors import Selector
from planners.model.signals import SignalKey, SignalKind
from planners.model.snapshot import Approval
from tests.fakes.builders import component, snapshot
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


def approve(world: RuledWorld) -> None:
    """A person approves the one open merge request."""
    (opened,) = world.open
    rita = Approval("local:rita", "rita", "rita@x", opened.head, Role.WRITE)
    requests = tuple(
        replace(each, approvals=(rita,)) if each == opened else each
        for each in world.snapshot.merge_requests
    )
    world.snapshot = replace(world.snapshot, merge_requests=requests)


STEPS = replace(
    BURST, action=Action.SET_REPLICAS, workload=Target("Deployment", "web"), replicas=(4, 6)
)


REPLICAS = replace(
    BURST, action=Action.SET_REPLICAS, workload=Target("Deployment", "web"), replicas=(4,)
)
