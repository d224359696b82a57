"""Failover over plans: which clusters are left, when nothing moves, and how they come back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.report.rules_view import rules_view
from planners.model import (
    Policy,
)
from planners.model.rules import FAILOVER, FailoverRule, Phase
from planners.model.snapshot import ClusterFailure
from tests.fakes.ruled_world import RuledWorld
from tests.fakes.rules import (
    BURST,
    EVERYWHERE,
    HIGH,
    LOW,
    MINUTE,
    REPLICAS,
    automatic,
    begun,
    fleet,
    reasons,
)


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
