"""Levels, stages, batches and waves."""

import pytest

from planners.model import Cluster, Stage, Unit
from planners.model.selectors import Selector
from planners.order import levels, removals, steps, waves
from tests.fakes.builders import clusters, component

SHOP = (component("redis"), component("cart", "redis"), component("web", "cart", "redis"))


def test_a_level_is_one_more_than_the_highest_dependency() -> None:
    assert levels(SHOP) == {"redis": 0, "cart": 1, "web": 2}


def test_a_cycle_is_listed_in_the_direction_of_dependencies() -> None:
    parts = (component("a", "b"), component("b", "c"), component("c", "a"))

    with pytest.raises(ValueError, match=r"a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c"):
        levels(parts)


def test_a_cluster_belongs_to_the_first_stage_that_selects_it() -> None:
    canary = Stage("canary", Selector({"canary": "true"}))

    found = steps((canary, Stage("rest")), clusters(3))

    assert [(step.label, step.clusters) for step in found] == [
        ("canary", ("c1",)),
        ("rest", ("c2", "c3")),
    ]


def test_clusters_that_no_stage_selects_come_last() -> None:
    canary = Stage("canary", Selector({"canary": "true"}))

    assert steps((canary,), clusters(2))[-1].label == "others"


@pytest.mark.parametrize(
    ("stage", "sizes"),
    [
        (Stage("rest", max_at_once=2), [2, 2, 1]),
        (Stage("rest", max_at_once_percent=50), [3, 2]),
        (Stage("rest", max_at_once_percent=1), [1, 1, 1, 1, 1]),
        (Stage("rest", max_at_once=9), [5]),
    ],
)
def test_a_stage_is_split_into_batches(stage: Stage, sizes: list[int]) -> None:
    found = steps((stage,), clusters(5))

    assert [len(step.clusters) for step in found] == sizes


def test_batches_do_not_depend_on_the_order_of_clusters() -> None:
    forward = steps((Stage("rest", max_at_once=2),), clusters(5))

    assert steps((Stage("rest", max_at_once=2),), reversed(clusters(5))) == forward


def test_one_wave_for_each_step_and_level() -> None:
    rollout = steps((), [Cluster("c1", "flux")])
    units = [Unit(name, "c1") for name in ("web", "redis", "cart")]

    found = waves(SHOP, rollout, units)

    assert [(wave.name, [str(unit) for unit in wave.units]) for wave in found] == [
        ("all.1", ["redis@c1"]),
        ("all.2", ["cart@c1"]),
        ("all.3", ["web@c1"]),
    ]


def test_removals_start_with_unknown_components_then_dependants() -> None:
    gone = [Unit("redis", "c1"), Unit("web", "c1"), Unit("forgotten", "c1")]

    found = removals(SHOP, gone, step=1)

    assert [(wave.name, [unit.component for unit in wave.units]) for wave in found] == [
        ("remove.1", ["forgotten"]),
        ("remove.2", ["web"]),
        ("remove.4", ["redis"]),
    ]
