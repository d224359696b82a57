"""Which applications a change of the fleet can touch, and how two plans of one differ."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from planners.fleet_changes import FleetChange
from planners.model import (
    ApprovalRule,
    Cluster,
    Fleet,
    Freeze,
    Maintenance,
    PlacementIntent,
    Policy,
    Registration,
    Repo,
    Tenant,
)
from planners.model.placement import ExceptionRule
from planners.model.selectors import Selector
from tests.fakes.builders import application

NEW = Repo("local", "new/repo")
CAREFUL = ApprovalRule(Selector({"region": "us"}), 1)
FLEET = Fleet(
    clusters=(Cluster("eu", "flux", {"region": "eu"}), Cluster("us", "flux", {"region": "us"})),
    tenants=(Tenant("shop", "shop"), Tenant("bank", "bank", Selector({"region": "us"}))),
    registrations=tuple(
        Registration(name, tenant, Repo("local", f"{tenant}/{name}"), Repo("local", "fleet/deploy"))
        for name, tenant in (("cash", "bank"), ("cart", "shop"), ("web", "shop"))
    ),
    policies=(Policy("default"),),
)


def cluster(name: str, **how: object) -> Callable[[Fleet], Fleet]:
    def change(fleet: Fleet) -> Fleet:
        known = (replace(e, **how) if e.name == name else e for e in fleet.clusters)  # type: ignore[arg-type]
        return replace(fleet, clusters=tuple(known))

    return change


def policy(**how: object) -> Callable[[Fleet], Fleet]:
    return lambda fleet: replace(fleet, policies=(Policy("default", **how),))  # type: ignore[arg-type]


def without(application: str) -> Callable[[Fleet], Fleet]:
    def change(fleet: Fleet) -> Fleet:
        kept = (each for each in fleet.registrations if each.application != application)
        return replace(fleet, registrations=tuple(kept))

    return change


FREEZE = Freeze(
    "f", Selector(), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), ""
)
CONCERNED = {
    "nothing": (lambda fleet: fleet, set()),
    "a cluster that all may use": (
        cluster("us", maintenance=Maintenance.DRAINED),
        {"cash", "cart", "web"},
    ),
    "a cluster of one tenant": (cluster("eu", labels={}), {"cart", "web"}),
    "the key of a cluster": (cluster("eu", report_key_generation=2), set()),
    "a tenant": (
        lambda fleet: replace(fleet, tenants=(fleet.tenants[0], Tenant("bank", "other"))),
        {"cash"},
    ),
    "a registration": (without("web"), {"cart", "web"}),
    "a rule for clusters": (policy(approvals=(CAREFUL,)), {"cash", "cart", "web"}),
    "a rule for no cluster": (
        policy(approvals=(replace(CAREFUL, clusters=Selector({"a": "b"})),)),
        set(),
    ),
    "a right of a tenant": (policy(plaintext_secrets=("bank",)), {"cash"}),
    "a freeze": (policy(freezes=(FREEZE,)), set()),
}


@pytest.mark.parametrize("what", CONCERNED)
def test_the_applications_that_a_change_concerns(what: str) -> None:
    change, expected = CONCERNED[what]
    found = FleetChange(FLEET, change(FLEET))
    assert {name for name in found.applications if found.may_concern(name)} == expected


def test_an_application_that_selects_other_clusters_keeps_its_plan() -> None:
    drained = FleetChange(FLEET, cluster("us", maintenance=Maintenance.DRAINED)(FLEET))
    base = replace(application(), name="web", placements=())
    eu = PlacementIntent(("web",), all_of=(Selector({"region": "eu"}),))
    everywhere = replace(eu, all_of=(Selector(),))
    moved = ExceptionRule(("web",), "for a while", add=("us",))
    assert not drained.may_change(replace(base, placements=(eu,)))
    assert drained.may_change(replace(base, placements=(everywhere,)))
    assert not drained.may_change(
        replace(base, placements=(replace(everywhere, excluded=Selector({"region": "us"})),))
    )
    assert drained.may_change(replace(base, placements=(eu,), exceptions=(moved,)))
    assert drained.may_change(replace(base, is_tenant_setup=True))


def test_repositories_that_only_the_proposal_names_are_not_read() -> None:
    known = FLEET.registrations
    added = (replace(known[0], application="new"), replace(known[0], application="evil", app=NEW))
    moved = replace(known[1], deploy=NEW)
    after = replace(FLEET, registrations=(known[0], moved, known[2], *added))
    change = FleetChange(FLEET, after)
    assert {e.application for e in change.readable.registrations} == {"cash", "web", "new"}


def test_applications_of_higher_priority_come_first() -> None:
    urgent = replace(FLEET.registrations[2], priority=5)
    change = FleetChange(FLEET, replace(FLEET, registrations=(*FLEET.registrations[:2], urgent)))
    assert change.applications == ("cart", "cash", "web")
    assert FleetChange(change.after, change.after).applications == ("web", "cart", "cash")
