"""The part of a Snapshot that decides what runs where, and with which files.

Placement and rendering read nothing else, so that their result holds until this part changes.
Reports of readiness, approvals, commands and the ids of commits are for gates alone. Of rules,
decisions are read here; signals and states are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from planners.model import Revision, Unit
from planners.model.overrides import Overrides
from planners.model.rules import Record
from planners.model.snapshot import (
    LONG_AGO,
    Branch,
    DeployBase,
    MergeRequest,
    MergeRequestState,
    OwnedObjects,
    ReportedFacts,
    ResourceClaim,
    Snapshot,
)
from planners.placement.facts import AGE_UNIT, max_age


def planning_input(snapshot: Snapshot) -> Snapshot:
    """The Snapshot with only what placement and rendering read, and with `planning_time`.

    Of the deploy repo these are the units that are merged or proposed.
    """
    base = snapshot.base
    units = base.entries.named
    return replace(
        snapshot,
        now=planning_time(snapshot),
        revision=Revision(snapshot.revision.repo, ""),
        fleet_revision=Revision(snapshot.fleet_revision.repo, ""),
        base=DeployBase(Revision(base.revision.repo, ""), units, records=base.records),
        departed_clusters=frozenset(),
        merge_requests=_proposed(snapshot),
        observations={},
        authors=frozenset(),
        unattributed=(),
        last_reports={},
        upstream_applications={},
        previous=None,
        branches={},
        foreign_branches={},
        refused_branches={},
        overrides=Overrides(),
        cluster_failures={},
        listening_since=LONG_AGO,
        signals={},
        rule_states={},
        merged_waves=(),
        gate_answers={},
        facts=_without_signals(snapshot),
        claims=_claims(snapshot),
        owned=_owned(snapshot),
    )


def _claims(snapshot: Snapshot) -> tuple[ResourceClaim, ...]:
    """The claims that count: the application's own proposals only beside proposals of others.

    Their numbers decide who takes precedence; what they request is in the plan itself.
    """
    own, claims = snapshot.application.name, snapshot.claims
    proposed = [each for each in claims if each.merged_at is None]
    if not proposed or any(each.application != own for each in proposed):
        return claims
    return tuple(each for each in claims if each.merged_at is not None)


def _owned(snapshot: Snapshot) -> tuple[OwnedObjects, ...]:
    """The objects that count: the application's own only beside those that others propose."""
    own, owned = snapshot.application.name, snapshot.owned
    if any(each.number and each.application != own for each in owned):
        return owned
    return tuple(each for each in owned if each.application != own)


def _without_signals(snapshot: Snapshot) -> Mapping[str, ReportedFacts]:
    """The facts that placement reads; rules have already decided on the rest."""
    if not any(each.demand or each.load for each in snapshot.facts.values()):
        return snapshot.facts
    return {
        name: replace(each, demand={}, load={}) if each.demand or each.load else each
        for name, each in snapshot.facts.items()
    }


def planning_time(snapshot: Snapshot) -> datetime:
    """The beginning of the period, up to now, in which time alone changes no placement.

    What changes with time is whether exceptions have expired, whether facts are too old, and how
    many minutes old they are.
    """
    return max(_changes(snapshot), default=LONG_AGO)


def _changes(snapshot: Snapshot) -> Iterator[datetime]:
    now, oldest = snapshot.now, max_age(snapshot)
    for rule in snapshot.application.exceptions:
        if rule.until is not None and rule.until <= now:
            yield rule.until
    for each in snapshot.facts.values():
        age = now - each.at
        if age < timedelta():
            yield now
        elif age > oldest:
            yield each.at + oldest + timedelta.resolution
        else:
            yield each.at + age // AGE_UNIT * AGE_UNIT


def _proposed(snapshot: Snapshot) -> tuple[MergeRequest, ...]:
    """One merge request with the units of all open ones that are not merged."""
    branches = snapshot.open_branches
    every = frozenset[Unit]().union(*(each.units for each in branches))
    units = every - snapshot.base.entries.keys()
    records: dict[Unit, tuple[Record, ...]] = {}
    for each in branches:
        records |= each.records
    if not units and not records:
        return ()
    branch = Branch("", None, None, units=units, records=records)
    return (MergeRequest(0, "", "", MergeRequestState.OPEN, "", "", branch),)
